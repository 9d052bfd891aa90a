# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/demo.sh, which sources this
# Operator and API server as processes of this machine: in place of their pods where those are simulated, and the
# operator where a cluster has no chart. Each has its account's rights and, of a chart, the settings of its pod.

# Where the operator's health and the API server answer.
health='' api=''

# kubeconfig_of NAME: a kubeconfig that holds nothing but the token of the ServiceAccount tenantry-NAME.
kubeconfig_of() {
  local config=$run/$1.kubeconfig token user
  token=$(k create token "tenantry-$1" --namespace "$system" --duration=168h)
  (umask 077 && k config view --minify --flatten --raw >"$config")
  "$kubectl_bin" --kubeconfig "$config" config set-credentials "$1" --token="$token"
  "$kubectl_bin" --kubeconfig "$config" config set-context --current --user="$1"
  for user in $("$kubectl_bin" --kubeconfig "$config" config get-users | tail -n +2); do
    [ "$user" = "$1" ] || "$kubectl_bin" --kubeconfig "$config" config delete-user "$user"
  done
}

# settings_of NAME: the environment that the chart gives to its container, a variable a line. The pod's folders are the
# run's here, and the collector that it would send to is simulated too.
settings_of() {
  k get deployment "tenantry-$1" --namespace "$system" \
    -o jsonpath='{range .spec.template.spec.containers[0].env[*]}{.name}={.value}{"\n"}{end}' |
    sed -e '/=$/d' -e '/^OTEL_/d' -e "s|=/var/lib/|=$run/var/|" -e "s|=/etc/tenantry/|=$run/etc/|"
}

# as_process NAME COMMAND…: with the chart's settings alone; those of whoever runs the demo are for other servers.
as_process() {
  local name=$1 settings=() others=() variable
  shift
  for variable in "${!TENANTRY_@}" "${!OTEL_@}"; do others+=(-u "$variable"); done
  kubeconfig_of "$name" >>"$run/kubectl.log" 2>&1 ||
    die "$(tail -n 1 "$run/kubectl.log")" "$run/kubectl.log" "the context must be allowed to create tokens"
  if [ -z "$context" ]; then
    settings_of "$name" >"$run/$name.settings" 2>>"$run/kubectl.log" ||
      die "$(tail -n 1 "$run/kubectl.log")" "$run/kubectl.log" "the chart must have installed the Deployment tenantry-$name"
    mapfile -t settings <"$run/$name.settings"
  fi
  env "${others[@]}" "${settings[@]}" KUBECONFIG="$run/$name.kubeconfig" setsid -f bash scripts/demo/keep.sh "$run" "$name" \
    "$@" --log-format text --health-address 127.0.0.1:0 >/dev/null 2>&1 </dev/null
  until_true 40 "the $name starts" test -s "$run/$name.id"
  remember "$(cat "$run/$name.id")" "$run/$name.pid"
}

start_operator() {
  begin operator "starting"
  as_process operator "$CARGO_TARGET_DIR/debug/tenantry-operator"
  until_true 80 "the operator answers" operator_address
  until_true 120 "every watch of the operator is in sync" operator_ready
  until_true 120 "the operator holds the lease" grep -q 'holding the lease' "$run/operator.log"
  if [ -n "$context" ]; then
    ready "as ServiceAccount $system/tenantry-operator"
  else
    ready "a process in its pod's place, by the chart's account and settings"
  fi
}

# running NAME: it has not ended.
running() {
  alive "$run/$1.pid" ||
    die "$(tail -n 1 "$run/$1.log")" "$run/$1.log" "mend what it says, then run it again"
}

# said NAME FIELD: the address that its log names last.
said() {
  sed 's/\x1b\[[0-9;]*m//g' "$run/$1.log" | sed -n "s/.* $2=\(127\.0\.0\.1:[0-9]*\).*/http:\/\/\1/p" | tail -n 1
}

operator_address() {
  running operator
  health=$(said operator address)
  [ -n "$health" ]
}

# Another one, if it was started again.
operator_ready() { operator_address && call GET "$health/readyz" >/dev/null; }

start_api_server() {
  about="api-server"
  begin api-server "starting"
  mkdir -p "$run/var/tenantry-backups/tenants" "$run/etc/issuers" "$run/etc/cluster"
  trust_cluster 2>>"$run/kubectl.log" ||
    die "$(tail -n 1 "$run/kubectl.log")" "$run/kubectl.log" "the chart must be installed"
  as_process api-server "$CARGO_TARGET_DIR/debug/api-server" serve --address 127.0.0.1:0
  until_true 120 "the API server is ready" api_server_ready
  about=operator
  ready "the same: an API, a ledger and web pages at $api"
}

api_server_ready() {
  local own
  running api-server
  own=$(said api-server health) api=$(said api-server address)
  [ -n "$own" ] && call GET "$own/readyz" >/dev/null
}

# trust_cluster: the chart's own list of issuers. What the pod would find by the cluster's name and among its mounts, a
# process has to be told otherwise.
trust_cluster() {
  local server
  server=$(k config view --minify -o jsonpath='{.clusters[0].cluster.server}')
  k get configmap tenantry-api-server -n "$system" -o jsonpath='{.data.issuers\.yaml}' |
    sed -e "s|https://kubernetes.default.svc/|$server/|" -e "s|/var/run/secrets/tenantry/|$run/etc/cluster/|" >"$run/etc/issuers/issuers.yaml"
  k get configmap kube-root-ca.crt -n "$system" -o jsonpath='{.data.ca\.crt}' >"$run/etc/cluster/ca.crt"
  (umask 077 && k create token tenantry-api-server -n "$system" --duration=168h >"$run/etc/cluster/token")
}
