# shellcheck shell=bash disable=SC2154 # variables of scripts/demo.sh, which sources this
# The phases up to running tenants.

phase='' since=0 kubectl_bin=kubectl health=''

# begin NAME WHAT: on a terminal the line shows at once and is replaced by `ready`.
begin() {
  phase=$1 since=$(now_ms)
  [ ! -t 1 ] || printf '  %-15s %s …\r' "$1" "$2"
}

# ready WHAT [WORD]
ready() {
  local pad=$((68 - ${#1}))
  [ ! -t 1 ] || printf '\e[K'
  printf '  %-15s %s%*s  %s %5s s\n' "$phase" "$1" "$((pad > 0 ? pad : 0))" '' "${2:-ready}" "$(seconds_since "$since")"
}

# with_progress LOG COMMAND…: runs it; meanwhile its last line on a terminal, a sign of life elsewhere.
with_progress() {
  local log=$1 pid ticks=0
  shift
  "$@" >"$log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    ticks=$((ticks + 1))
    if [ -t 1 ]; then
      printf '\e[K  %-15s %.60s  %s s\r' "$phase" "$(tail -n 1 "$log")" "$(seconds_since "$since")"
    elif [ $((ticks % 60)) = 0 ]; then
      printf '  %-15s %.60s  (%s s)\n' "$phase" "$(tail -n 1 "$log")" "$(seconds_since "$since")"
    fi
  done
  wait "$pid"
}

# kubectl finds its plugin, where one is built, on PATH.
k() { PATH=$CARGO_TARGET_DIR/debug:$PATH KUBECONFIG=$run/kubeconfig "$kubectl_bin" "$@"; }

check_tools() {
  begin tools "looking for Rust, Go and a C compiler"
  local gaps
  [ -z "$install" ] || install_packages
  gaps=$(missing_tools)
  if [ -n "$gaps" ]; then
    echo "  missing: ${gaps//$'\n'/$'\n  missing: '}"
    die "$(echo "$gaps" | wc -l) tools are missing" "" "install them, or let scripts/demo.sh --install do what apt can"
  fi
  ready "$(cargo --version | cut -d' ' -f1,2) · $(go version | cut -d' ' -f3)"
}

install_packages() {
  if [ "$(id -u)" != 0 ] || ! has apt-get; then
    die "--install needs root and apt-get" "" "install the packages by hand: build-essential ca-certificates curl"
  fi
  with_progress "$run/apt.log" apt-get install -y -q build-essential ca-certificates curl ||
    die "$(tail -n 1 "$run/apt.log")" "$run/apt.log" "apt-get update, then again"
}

build() {
  begin build "the operator and kubectl's plugin (minutes the first time, seconds later)"
  local log=$run/build.log
  with_progress "$log" cargo build --locked --workspace --bin tenantry-operator --bin kubectl-tenant ||
    die "$(grep -m1 '^error' "$log" || tail -n 1 "$log")" "$log" "mend what it says, then run it again"
  ready "tenantry-operator · kubectl-tenant"
}

start_ground() {
  if [ -n "$context" ]; then
    use_context
    return
  fi
  begin kubernetes "starting (the first time it builds Kubernetes: about eight minutes)"
  local log=$run/ground.log
  with_progress "$log" scripts/ground start --mode fleet --nodes 3 --dir "$run/ground" ||
    die "$(grep -m1 '^ground:' "$log" || tail -n 1 "$log")" "$log" "mend what it says, then run it again"
  [ ! -t 1 ] || printf '\e[K'
  grep -E '^  (control plane|nodes) ' "$log"
  kubectl_bin=$(scripts/ground build 2>/dev/null)/kubectl
  cp "$run/ground/kubeconfig" "$run/kubeconfig"
}

use_context() {
  begin cluster "asking context $context"
  has kubectl || kubectl_bin=$(scripts/ground build 2>/dev/null)/kubectl
  (umask 077 && "$kubectl_bin" config view --minify --flatten --context "$context" >"$run/kubeconfig" 2>"$run/kubectl.log") ||
    die "$(tail -n 1 "$run/kubectl.log")" "$run/kubectl.log" "kubectl config get-contexts lists the names"
  local version
  version=$(k get --raw /version 2>"$run/kubectl.log") ||
    die "$(tail -n 1 "$run/kubectl.log")" "$run/kubectl.log" "kubectl --context $context get --raw /version must work"
  version=$(sed -n 's/.*"gitVersion": *"\([^"]*\)".*/\1/p' <<<"$version")
  ready "Kubernetes $version; its nodes are not touched"
}

# try REMEDY ARGUMENTS…: a kubectl that must succeed.
try() {
  local remedy=$1
  shift
  k "$@" >>"$run/kubectl.log" 2>&1 || die "$(tail -n 1 "$run/kubectl.log")" "$run/kubectl.log" "$remedy"
}

install_resources() {
  begin resources "applying"
  try "the context must be allowed to install CustomResourceDefinitions" apply --server-side -f crds/generated
  # kubectl takes a definition whose status is still empty for an error.
  try "the CustomResourceDefinitions must be accepted" wait --for=jsonpath='{.status.acceptedNames.kind}'=Tenant \
    --timeout=120s crd/tenants.tenantry.dev
  try "the CustomResourceDefinitions must be accepted" wait --timeout=120s crd/deploymentprofiles.tenantry.dev \
    --for=jsonpath='{.status.acceptedNames.kind}'=DeploymentProfile
  try "the CustomResourceDefinitions must become Established" wait --for=condition=Established --timeout=120s \
    crd/tenants.tenantry.dev crd/deploymentprofiles.tenantry.dev
  try "the context must be allowed to grant the operator's rights" apply --server-side -f operator/generated/manifests.yaml
  ready "2 definitions · the operator's account, rights and boundary"
}

# A kubeconfig that holds nothing but the token of the operator's ServiceAccount.
operator_kubeconfig() {
  local config=$run/operator.kubeconfig token user
  token=$(k create token tenantry-operator --namespace tenantry-system --duration=168h)
  (umask 077 && k config view --minify --flatten --raw >"$config")
  "$kubectl_bin" --kubeconfig "$config" config set-credentials operator --token="$token"
  "$kubectl_bin" --kubeconfig "$config" config set-context --current --user=operator
  for user in $("$kubectl_bin" --kubeconfig "$config" config get-users | tail -n +2); do
    [ "$user" = operator ] || "$kubectl_bin" --kubeconfig "$config" config delete-user "$user"
  done
}

start_operator() {
  begin operator "starting"
  operator_kubeconfig >>"$run/kubectl.log" 2>&1 ||
    die "$(tail -n 1 "$run/kubectl.log")" "$run/kubectl.log" "the context must be allowed to create tokens"
  KUBECONFIG=$run/operator.kubeconfig setsid -f bash scripts/demo/keep.sh "$run" \
    "$CARGO_TARGET_DIR/debug/tenantry-operator" --log-format text --health-address 127.0.0.1:0 >/dev/null 2>&1 </dev/null
  until_true 40 "the operator starts" test -s "$run/operator.id"
  remember "$(cat "$run/operator.id")" "$run/operator.pid"
  until_true 80 "the operator answers" operator_address
  until_true 120 "every watch of the operator is in sync" operator_ready
  until_true 120 "the operator holds the lease" grep -q 'holding the lease' "$run/operator.log"
  ready "as ServiceAccount tenantry-system/tenantry-operator"
}

operator_address() {
  alive "$run/operator.pid" ||
    die "$(tail -n 1 "$run/operator.log")" "$run/operator.log" "mend what it says, then run it again"
  health=$(sed 's/\x1b\[[0-9;]*m//g' "$run/operator.log" | sed -n 's/.*address=\(127\.0\.0\.1:[0-9]*\).*/http:\/\/\1/p' | tail -n 1)
  [ -n "$health" ]
}

# Without curl: one more thing that need not be there.
operator_ready() {
  local line=''
  # Another one, if it was started again.
  operator_address || return 1
  exec 3<>"/dev/tcp/127.0.0.1/${health##*:}" || return 1
  printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
  read -r line <&3 || true
  exec 3>&-
  [[ $line == *" 200 "* ]]
}

# until_true SECONDS WHAT COMMAND…: looks ten times a second, and once more when the time is over: a machine that stood
# still has not looked meanwhile.
until_true() {
  local late='' deadline=$(($(now_ms) + $1 * 1000)) what=$2
  shift 2
  while :; do
    [ "$(now_ms)" -lt "$deadline" ] || late=1
    ! "$@" 2>/dev/null || return 0
    [ -z "$late" ] ||
      die "not within its time: $what" "$run/operator.log" "the log says what the operator waits for"
    sleep 0.1
  done
}

apply_examples() {
  begin tenants "applying examples/"
  try "the context must be allowed to create tenants" apply -f examples/
  wait_ready 480 acme borealis
  local rest=' · cobalt waits for a GPU'
  [ -z "$context" ] || rest=''
  ready "acme (prod) · borealis (dev) Ready$rest"
}

# wait_ready SECONDS TENANT…: in one kubectl; when it fails, the condition says why.
wait_ready() {
  local seconds=$1
  shift
  k wait --for=condition=Ready --timeout="${seconds}s" "${@/#/tenant/}" >>"$run/kubectl.log" 2>&1 ||
    die "not Ready within $seconds s: $(reasons "$@")" "$run/operator.log" "the line above says what each waits for"
}

reasons() {
  local name
  for name; do printf '%s: %s  ' "$name" "$(condition "$name" Ready message)"; done
}
