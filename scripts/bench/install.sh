#!/usr/bin/env bash
# What an installation costs, on a real node of its own: sizes of images, starts, the way to the first
# Ready tenant, memory of the control plane.
#   scripts/bench.sh install [--rounds 20] [--json FILE]
# Root only, as every real node; processes are started on this machine, beside the node.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

rounds=20 json=""
while [ $# -gt 0 ]; do
  case $1 in
  --rounds) rounds=${2:?--rounds takes a number} && shift 2 ;;
  --json) json=$(realpath -m -- "${2:?--json names a file}") && shift 2 ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
  esac
done
[[ $rounds =~ ^[1-9][0-9]*$ ]] || { echo "--rounds takes a number above 0" >&2 && exit 2; }

cd "$root"
system=tenantry-system
run=$(mktemp -d "${TMPDIR:-/tmp}/tenantry-bench-XXXXXX")
child=""
rows=()

stop() {
  [ -z "$child" ] || { kill -KILL "$child" 2>/dev/null && wait "$child" 2>/dev/null; } || true
  [ ! -d "$run/ground" ] || scripts/ground stop --dir "$run/ground" --purge >/dev/null || true
  rm -rf "$run"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

say() { echo "$1 …" >&2; }

# row MEASURE VALUE UNIT [GOAL MET]: GOAL is the most that it may be.
row() {
  local met=-
  [ -z "${4:-}" ] || met=$(awk -v value="$2" -v goal="$4" 'BEGIN { print value <= goal ? "yes" : "no" }')
  rows+=("$1|$2|$3|${4:-}|$met")
}

k() { KUBECONFIG=$run/kubeconfig "$kubectl" "$@"; }

# answers HOST:PORT: whether /readyz says yes, asked without starting a process.
answers() {
  local status
  exec 3<>"/dev/tcp/${1%:*}/${1##*:}" || return 1
  printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3
  read -r status <&3
  exec 3>&-
  [[ $status == *" 200 "* ]]
} 2>/dev/null

# free_port: one that nobody listens on now.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM))
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return; }
  done
}

# starts ADDRESS COMMAND…: adds the microseconds from the start of a process to its first yes to the starts.
starts() {
  local address=$1 begin=${EPOCHREALTIME/[.,]/} end
  shift
  "$@" >"$run/process.log" 2>&1 </dev/null &
  child=$!
  until answers "$address"; do
    kill -0 "$child" 2>/dev/null || { cat "$run/process.log" >&2 && exit 1; }
  done
  end=${EPOCHREALTIME/[.,]/}
  kill -TERM "$child"
  wait "$child" || true
  child=""
  echo "$((end - begin))" >>"$run/starts"
}

# median, slowest: of the starts so far.
median() { sort -n "$run/starts" | awk '{ all[NR] = $1 } END { printf "%.1f", all[int((NR + 1) / 2)] / 1000 }'; }
slowest() { sort -n "$run/starts" | awk 'END { printf "%.1f", $1 / 1000 }'; }

images() {
  say "images"
  local folder name parts
  folder=$(scripts/images build 2>"$run/images.log") || { tail -n 5 "$run/images.log" >&2 && exit 1; }
  for name in tenantry sample; do
    tars+=("$folder/$name.tar")
    row "image \`$name\`, compressed" "$(stat -c %s "$folder/$name.tar" | awk '{ printf "%.1f", $1 / 1e6 }')" MB 20
  done
  scripts/images unpack "$folder/tenantry.tar" "$run/image" >/dev/null
  parts=$(scripts/parts 2>"$run/parts.log") || { tail -n 5 "$run/parts.log" >&2 && exit 1; }
  mapfile -t -O "${#tars[@]}" tars <<<"$parts"
}

# The program of the image, on this machine.
server_starts() {
  say "starts of the API server"
  local round port
  (umask 077 && head -c 48 /dev/urandom | base64 -w 0 >"$run/secret")
  for ((round = 0; round <= rounds; round++)); do
    port=$(free_port)
    starts "127.0.0.1:$port" "$run/image/api-server" serve --storage "$run/ledger" --address 127.0.0.1:0 \
      --health-address "127.0.0.1:$port" --development-secret-file "$run/secret"
    if [ "$round" = 0 ]; then
      row "API server to ready, with a new ledger" "$(median)" ms
      rm "$run/starts"
    fi
  done
  row "API server to ready, on its ledger, median of $rounds" "$(median)" ms 100
  row "… slowest" "$(slowest)" ms
}

# Ready is when every watch is in sync; as one more replica beside the chart's, by the administrator's rights.
operator_starts() {
  say "starts of the operator"
  local round port
  rm -f "$run/starts"
  for ((round = 0; round < rounds; round++)); do
    port=$(free_port)
    KUBECONFIG=$run/kubeconfig starts "127.0.0.1:$port" "$run/image/tenantry-operator" --identity "bench-$round" \
      --health-address "127.0.0.1:$port"
  done
  row "operator to ready, every watch in sync, median of $rounds" "$(median)" ms 100
  row "… slowest" "$(slowest)" ms
}

start_node() {
  say "a real node"
  scripts/ground start --mode real --dir "$run/ground" >"$run/ground.log" 2>&1 || { tail -n 5 "$run/ground.log" >&2 && exit 1; }
  kubectl=$(scripts/ground build --mode real 2>"$run/build.log")/kubectl || { tail -n 5 "$run/build.log" >&2 && exit 1; }
  cp "$run/ground/kubeconfig" "$run/kubeconfig"
  scripts/ground import --dir "$run/ground" "${tars[@]}" >"$run/import.log" 2>&1 || { tail -n 5 "$run/import.log" >&2 && exit 1; }
}

# The images are there already: how long they take to arrive is the registry's affair.
install_chart() {
  say "the chart with values-dev, and a tenant"
  local begin
  begin=$(now_ms)
  KUBECONFIG=$run/kubeconfig scripts/helm install tenantry charts/tenantry --namespace "$system" --create-namespace \
    --values charts/tenantry/values-dev.yaml >"$run/helm.log" 2>&1 || { tail -n 5 "$run/helm.log" >&2 && exit 1; }
  row "\`helm install\` with values-dev, until it is applied" "$(seconds_since "$begin")" s
  k apply -f - >/dev/null <<'YAML'
apiVersion: tenantry.dev/v1alpha1
kind: Tenant
metadata: { name: borealis }
spec: { displayName: Borealis Research, profileRef: { name: dev } }
YAML
  k wait --for=condition=Available --timeout=4m -n "$system" deployment --all >/dev/null
  row "… until operator and API server are ready" "$(seconds_since "$begin")" s
  k wait --for=condition=Ready --timeout=4m tenant/borealis >/dev/null
  row "… until the first tenant is Ready" "$(seconds_since "$begin")" s
}

# The working set, as the kubelet counts it against limits.
memory() {
  say "memory"
  local node pods pod bytes tries
  node=$(k get pods -n "$system" -o jsonpath='{.items[0].spec.nodeName}')
  for ((tries = 0; ; tries++)); do
    pods=$(summary "$node") && [ "$(wc -l <<<"$pods")" = "$(k get pods -n "$system" -o name | wc -l)" ] && break
    [ "$tries" -lt 120 ] || { echo "the kubelet counts no memory of $system's pods" >&2 && exit 1; }
    sleep 1
  done
  while read -r pod bytes; do
    row "memory of \`${pod%-*-*}\`" "$(awk -v bytes="$bytes" 'BEGIN { printf "%.1f", bytes / 1048576 }')" MiB
  done <<<"$pods"
  row "memory of the whole control-plane part" "$(awk '{ sum += $2 } END { printf "%.1f", sum / 1048576 }' <<<"$pods")" MiB
}

# summary NODE: each pod of the control-plane part with its bytes, once they are counted.
summary() {
  k get --raw "/api/v1/nodes/$1/proxy/stats/summary" | python3 -c '
import json, sys
for pod in json.load(sys.stdin)["pods"]:
    of = pod["podRef"]
    if of["namespace"] == sys.argv[1] and pod.get("memory", {}).get("workingSetBytes"):
        print(of["name"], pod["memory"]["workingSetBytes"])' "$system" | sort | grep .
}

print() {
  local line
  echo '| measure | value | unit | goal | met |'
  echo '|---|---:|---|---:|---|'
  for line in "${rows[@]}"; do
    IFS='|' read -r measure value unit goal met <<<"$line"
    echo "| $measure | $value | $unit | ${goal:+≤ }${goal:--} | $met |"
  done
  [ -z "$json" ] || printf '%s\n' "${rows[@]}" | python3 -c '
import json, sys
known = {"yes": True, "no": False, "-": None}
rows = [line.rstrip("\n").split("|") for line in sys.stdin]
print(json.dumps([dict(measure=m, value=float(v), unit=u, goal=float(g) if g else None, met=known[met])
                  for m, v, u, g, met in rows], indent=1, ensure_ascii=False))' >"$json"
}

tars=()
images
server_starts
start_node
install_chart
memory
operator_starts
print
