# shellcheck shell=bash disable=SC2154 # variables and words of scripts/install_tier.sh, which sources this
# Into a cluster, by Helm.

namespace=tenantry-system release=tenantry chart=$root/charts/tenantry helm_bin=helm
# The oldest minor of Kubernetes that the chart takes.
oldest=$(sed -n 's/^kubeVersion: ">=1\.\([0-9]*\).*/\1/p' "$chart/Chart.yaml")

helm_tools() {
  # Helm 4, or the one that the tests use.
  case $(helm version --short 2>/dev/null) in
    v4.*) ;;
    *)
      if [ -n "$dry" ]; then
        helm_bin=$("$root/scripts/helm" --have) ||
          stop 3 "Helm 4 is missing, and a dry run gets nothing: https://helm.sh/docs/intro/install, or run scripts/helm, which gets one into ${TENANTRY_CACHE/#"$HOME"/\~}"
      else
        helm_bin=$("$root/scripts/helm") || stop 3 "Helm 4 is missing: https://helm.sh/docs/intro/install"
      fi
      ;;
  esac
  [ -n "$dry" ] || has kubectl || stop 3 "kubectl is missing: https://kubernetes.io/docs/tasks/tools"
}

k() { kubectl ${context:+--context "$context"} "$@"; }

cluster() {
  local version minor
  [ -n "$context" ] || context=$(kubectl config current-context 2>/dev/null) || stop 4 "no current context: give --context NAME (kubectl config get-contexts)"
  version=$(k get --raw /version 2>/dev/null) || stop 4 "context $context does not answer: kubectl --context $context get --raw /version must work"
  minor=$(sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p' <<<"$version")
  [ "${minor:-0}" -ge "$oldest" ] || stop 4 "context $context is Kubernetes 1.$minor; the chart needs 1.$oldest or newer"
  echo "cluster   $context · Kubernetes 1.$minor · $(k config view --minify -o jsonpath='{.clusters[0].cluster.server}')"
}

# What the chart makes outside of its namespace, one per line: verb and resource.
rights() {
  local kind
  for kind in customresourcedefinitions clusterroles clusterrolebindings validatingadmissionpolicies \
    validatingadmissionpolicybindings namespaces deploymentprofiles.tenantry.dev; do
    echo "create $kind"
    echo "patch $kind"
  done
}

permissions() {
  local missing=() verb kind
  while read -r verb kind; do
    k auth can-i --quiet "$verb" "$kind" 2>/dev/null || missing+=("$verb $kind")
  done < <(rights)
  k auth can-i --quiet create deployments --namespace "$namespace" 2>/dev/null || missing+=("create deployments in $namespace")
  [ "${#missing[@]}" = 0 ] || stop 5 "context $context may not $(printf '%s, ' "${missing[@]}" | sed 's/, $//')"
  echo "rights    enough"
}

confirm() {
  local answer=''
  [ "$tier" = prod ] && [ -z "$yes" ] || return 0
  [ -t 0 ] || stop 6 "prod into context $context: give --yes"
  read -r -p "install tier prod into context $context? type its name: " answer
  [ "$answer" = "$context" ] || stop 6 "not confirmed; nothing was changed"
}

# What came by kubectl becomes part of the release; it stays, and so does all that is defined by it.
foreign() {
  local object owner
  for object in crd/tenants.tenantry.dev crd/deploymentprofiles.tenantry.dev dprof/dev dprof/prod; do
    owner=$(k get "$object" --ignore-not-found \
      -o 'jsonpath={.metadata.name} {.metadata.annotations.meta\.helm\.sh/release-name}' 2>/dev/null) || continue
    case $owner in '' | *" $release") ;; *) return 0 ;; esac
  done
  return 1
}

# Whether the release is there, whatever became of it.
released() {
  local found
  found=$("$helm_bin" list --namespace "$namespace" --kube-context "$context" --filter "^$release\$" --short) ||
    stop 1 "Helm cannot read its releases in $namespace; its words are above"
  [ -n "$found" ]
}

# The issuer of the cluster's own tokens, as it calls itself.
issuer() {
  k get --raw /.well-known/openid-configuration 2>/dev/null | sed -n 's/.*"issuer": *"\([^"]*\)".*/\1/p'
}

# What a real run adds to these commands: answers of the cluster, which a dry run does not ask.
asked_later() {
  echo "# the cluster is not asked; what it says is added to the first command:"
  echo "#   --set apiServer.kubernetesIssuer.issuer=ISSUER   before values of your own: as it calls itself in its workloads' tokens"
  echo "#   --take-ownership --force-conflicts               when definitions or profiles came by kubectl"
  echo "#   without --rollback-on-failure                    when the release is there: an upgrade that fails stays, to be looked at"
  [ "$tier" != prod ] || echo "#   a password of Grafana that is kept once it is made: the one below is made for this print alone"
  [ -n "$context" ] || echo "#   --kube-context CONTEXT                           the current one; to kubectl, --context CONTEXT"
}

# Whether the chart, with the values of with_helm, makes such a line by this template.
shows() {
  "$helm_bin" template "$release" "$chart" --namespace "$namespace" "${values[@]}" \
    --api-versions monitoring.coreos.com/v1 --show-only "templates/$1.yaml" 2>/dev/null | grep "$2" >/dev/null
}

with_helm() {
  helm_tools
  local values=(--values "$chart/values-$tier.yaml") command=() back=(--rollback-on-failure) did=install labels=(pod-security.kubernetes.io/enforce=restricted) name
  [ -z "$gpu" ] || values+=(--values "$chart/values-gpu.yaml")
  command=("$helm_bin" upgrade --install "$release" "$chart" --namespace "$namespace" --create-namespace)
  if [ -z "$dry" ]; then
    cluster
    permissions
    confirm
    name=$(issuer)
    [ -z "$name" ] || values+=(--set "apiServer.kubernetesIssuer.issuer=$name")
    if foreign; then
      echo "adopts    the definitions and profiles that are there already"
      command+=(--take-ownership --force-conflicts)
    fi
    # The ledger may have gone forward by then, and an older API server does not start on it.
    ! released || { back=() did=upgrade; }
  fi
  values+=("${own[@]}")
  # "legacy" waits for the release's own pods. "watcher" would wait for the profiles too, and so for as
  # long as their rollouts take.
  command+=("${values[@]}" --wait=legacy "${back[@]}" --timeout "$timeout")
  [ -z "$context" ] || command+=(--kube-context "$context")
  do_it "${command[@]}" || stop 1 "Helm did not $did it; its words are above"
  # The tenants' gateways let in the namespace that has this label. With a Prometheus of its own there it
  # has it, and loses it with that one; where another reads the gateways, it is whoever's runs that one.
  if shows prometheus 'kind: StatefulSet'; then
    labels+=(tenantry.dev/reads-metrics=true)
  elif ! shows monitoring 'name: tenantry-gateways'; then
    labels+=(tenantry.dev/reads-metrics-)
  fi
  do_it kubectl ${context:+--context "$context"} label namespace "$namespace" --overwrite "${labels[@]}" || stop 1 "the namespace could not be labelled"
  [ "$did" = install ] || echo "tenants   follow as their profiles' rollouts let them: kubectl get dprof"
  if [ -n "$dry" ]; then
    asked_later
    echo "# what the chart renders"
    "$helm_bin" template "$release" "$chart" --namespace "$namespace" "${values[@]}" || stop 1 "the chart cannot be rendered so"
  fi
}
