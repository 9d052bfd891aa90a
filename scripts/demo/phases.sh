# shellcheck shell=bash disable=SC2154 # variables of scripts/demo.sh, which sources this
# The phases up to running tenants.

# `about` is the program whose log says what is waited for.
phase='' since=0 kubectl_bin=kubectl about=operator

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
  local gaps helm=''
  [ -z "$install" ] || install_packages
  gaps=$(missing_tools)
  if [ -n "$gaps" ]; then
    echo "  missing: ${gaps//$'\n'/$'\n  missing: '}"
    die "$(echo "$gaps" | wc -l) tools are missing" "" "install them, or let scripts/demo.sh --install do what apt can"
  fi
  # A cluster of somebody's own needs no chart.
  if [ -z "$context" ]; then
    with_progress "$run/helm-tool.log" scripts/helm version --short ||
      die "$(tail -n 1 "$run/helm-tool.log")" "$run/helm-tool.log" "scripts/helm must run; --install gets the package that it needs"
    helm=" · Helm $(sed -n 's/^v\([0-9.]*\).*/\1/p' "$run/helm-tool.log")"
  fi
  ready "$(cargo --version | cut -d' ' -f1,2) · $(go version | cut -d' ' -f3)$helm"
}

install_packages() {
  if [ "$(id -u)" != 0 ] || ! has apt-get; then
    die "--install needs root and apt-get" "" "install the packages by hand: build-essential ca-certificates curl python3-venv"
  fi
  with_progress "$run/apt.log" apt-get install -y -q build-essential ca-certificates curl python3-venv ||
    die "$(tail -n 1 "$run/apt.log")" "$run/apt.log" "apt-get update, then again"
}

build() {
  begin build "the programs (minutes the first time, seconds later)"
  local log=$run/build.log programs=(tenantry-operator kubectl-tenant api-server) bins=()
  [ -z "$context" ] || unset 'programs[2]'
  mapfile -t bins < <(printf -- '--bin\n%s\n' "${programs[@]}")
  with_progress "$log" cargo build --locked --workspace "${bins[@]}" ||
    die "$(grep -m1 '^error' "$log" || tail -n 1 "$log")" "$log" "mend what it says, then run it again"
  ready "${programs[0]}${programs[2]:+ · ${programs[2]}} · ${programs[1]}"
}

start_ground() {
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

# until_true SECONDS WHAT COMMAND…: looks ten times a second, and once more when the time is over: a machine that stood
# still has not looked meanwhile.
until_true() {
  local late='' deadline=$(($(now_ms) + $1 * 1000)) what=$2
  shift 2
  while :; do
    [ "$(now_ms)" -lt "$deadline" ] || late=1
    ! "$@" 2>/dev/null || return 0
    [ -z "$late" ] ||
      die "not within its time: $what" "$run/$about.log" "the log says what the $about waits for"
    sleep 0.1
  done
}

# apply_tenants: with the shipped profiles where no chart has brought them.
apply_tenants() {
  local from=examples/tenants.yaml seconds=480 rest=' · cobalt (prod+gpu)' word='2/3 ready'
  [ -z "$context" ] || from=examples/ rest='' word=ready
  # Pods that run have to start.
  [ "$ground" != real ] || seconds=960
  begin tenants "their pods start"
  try "tenants must be known, and the context allowed to create them" apply -f "$from"
  wait_ready "$seconds" acme borealis
  ready "acme (prod) · borealis (dev)$rest" "$word"
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
