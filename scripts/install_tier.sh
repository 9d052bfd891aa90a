#!/usr/bin/env bash
# Installs Tenantry for a tier into a cluster, or upgrades it; the same command for both.
#
#   scripts/install_tier.sh dev|prod [options]
#
#   --dry-run         print the commands and what the chart renders; asks no cluster, changes nothing
#   --context NAME    the kubectl context; without it the current one
#   --gpu             the overlay for nodes with GPUs too (prod)
#   --values FILE     values of your own, over the tier's; may be repeated
#   --set NAME=VALUE  one value, over all files; may be repeated
#   --timeout TIME    how long pods may take to become ready (5m)
#   --yes             do not ask; prod asks otherwise
#
# Exit codes: 0 done, 1 the installation failed, 2 wrong use, 3 a tool is missing, 4 the cluster does
# not answer or is too old, 5 a right is missing, 6 not confirmed.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

namespace=tenantry-system release=tenantry chart=$root/charts/tenantry
tier='' context='' dry='' gpu='' yes='' timeout=5m own=() helm_bin=helm
# The oldest minor of Kubernetes that the chart takes.
oldest=$(sed -n 's/^kubeVersion: ">=1\.\([0-9]*\).*/\1/p' "$chart/Chart.yaml")

usage() { sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//p}' "$0"; }

# stop CODE WHAT
stop() {
  echo "scripts/install_tier.sh: $2" >&2
  exit "$1"
}

wrong() {
  usage >&2
  stop 2 "$1"
}

# argument NAME VALUE…: that an option has its argument.
argument() {
  if [ $# -lt 2 ] || [ -z "$2" ]; then wrong "$1 needs an argument"; fi
}

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      dev | prod)
        [ -z "$tier" ] || wrong "one tier, not \"$tier\" and \"$1\""
        tier=$1
        ;;
      --dry-run) dry=1 ;;
      --gpu) gpu=1 ;;
      --yes) yes=1 ;;
      --context) argument "$@" && context=$2 && shift ;;
      --timeout) argument "$@" && timeout=$2 && shift ;;
      --values)
        argument "$@"
        [ -r "$2" ] || wrong "--values $2: no such file"
        own+=(--values "$2")
        shift
        ;;
      --set) argument "$@" && own+=(--set "$2") && shift ;;
      -h | --help) usage && exit 0 ;;
      *) wrong "no tier or option \"$1\"" ;;
    esac
    shift
  done
  [ -n "$tier" ] || wrong "name a tier: dev or prod"
  [ -z "$gpu" ] || [ "$tier" = prod ] || wrong "--gpu is an overlay of prod"
}

tools() {
  # Helm 4, or the one that the tests use.
  case $(helm version --short 2>/dev/null) in
    v4.*) ;;
    *) helm_bin=$("$root/scripts/helm") || stop 3 "Helm 4 is missing: https://helm.sh/docs/intro/install" ;;
  esac
  [ -n "$dry" ] || has kubectl || stop 3 "kubectl is missing: https://kubernetes.io/docs/tasks/tools"
}

k() { kubectl ${context:+--context "$context"} "$@"; }

# shown COMMAND…: as one would type it.
shown() {
  local word line=''
  for word; do
    case $word in "$chart"*) word=charts/tenantry${word#"$chart"} ;; esac
    line+=" $(printf '%q' "$word")"
  done
  echo "+$line"
}

# do_it COMMAND…: shows it, and does it unless this is a dry run.
do_it() {
  shown "$@"
  [ -n "$dry" ] || "$@"
}

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

# The issuer of the cluster's own tokens, as it calls itself.
issuer() {
  k get --raw /.well-known/openid-configuration 2>/dev/null | sed -n 's/.*"issuer": *"\([^"]*\)".*/\1/p'
}

main() {
  parse "$@"
  tools
  local values=(--values "$chart/values-$tier.yaml") command=() name
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
  fi
  values+=("${own[@]}")
  command+=("${values[@]}" --wait --rollback-on-failure --timeout "$timeout")
  [ -z "$context" ] || command+=(--kube-context "$context")
  do_it "${command[@]}" || stop 1 "Helm did not install it; its words are above"
  do_it kubectl ${context:+--context "$context"} label namespace "$namespace" --overwrite \
    pod-security.kubernetes.io/enforce=restricted || stop 1 "the namespace could not be labelled"
  if [ -n "$dry" ]; then
    echo "# what the chart renders"
    "$helm_bin" template "$release" "$chart" --namespace "$namespace" "${values[@]}" || stop 1 "the chart cannot be rendered so"
  fi
}

main "$@"
