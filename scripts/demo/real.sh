# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/demo.sh, which sources this
# The demo on a real node: the images, the chart, and pods that run.

# choose_ground: what was asked for, or a real node where this machine can run one.
choose_ground() {
  local gaps
  [ -z "$context" ] || return 0
  phase=mode
  [ -z "$install" ] || [ "$ground" = fleet ] || install_for_real
  case $ground in
    fleet) return 0 ;;
    real) gaps=$(real_gaps) || die "this machine cannot run a real node: $gaps" "" "scripts/ground check --mode real says each with its remedy; or scripts/demo.sh --mode fleet" ;;
    *)
      if gaps=$(real_gaps); then ground=real; else ground=fleet why_fleet=$gaps; fi
      ;;
  esac
}

# install_for_real: Debian's part of a real node, and the compiler of the images' C library.
install_for_real() {
  { [ "$(id -u)" = 0 ] && has apt-get && has go; } || return 0
  local packages
  mapfile -t packages < <(scripts/ground check --mode real --packages)
  has musl-gcc || packages+=(musl-tools)
  [ "${#packages[@]}" = 0 ] || DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${packages[@]}" >"$run/apt-real.log" 2>&1 ||
    die "$(tail -n 1 "$run/apt-real.log")" "$run/apt-real.log" "apt-get update, then again; or scripts/demo.sh --mode fleet"
}

# real_gaps: what a real node lacks here, in a line; fails when it lacks something.
real_gaps() {
  local said
  [ "$(id -u)" = 0 ] || { echo "not root" && return 1; }
  # What is wrong with the tools themselves is for the next phase to say.
  has go || { echo "Go is missing" && return 1; }
  said=$(scripts/ground check --mode real 2>&1) && return 0
  said=$(sed -n 's/^  missing  \(.*\)/\1/p' <<<"$said" | sed 's/ (.*//; s/[;:].*//' | paste -sd, | sed 's/,/, /g')
  echo "${said:-scripts/ground check --mode real fails} missing; scripts/demo.sh --install gets packages"
  return 1
}

# announce_builds: before the first run that builds for long, how long, and what is quicker.
announce_builds() {
  compgen -G "$TENANTRY_CACHE/images/*/tenantry.tar" >/dev/null &&
    compgen -G "$TENANTRY_CACHE/parts/prometheus-*.tar" >/dev/null && return 0
  cat <<TEXT
  The first run builds Kubernetes with a node's programs, the images and what stacks run: about
  half an hour on two cores, once. Later runs take about two minutes. Quicker at first, without
  images, pods simulated: scripts/demo.sh --mode fleet
TEXT
}

# building PHASE WHAT OUT COMMAND…: a build with signs of life; what it prints goes to OUT.
building() {
  local log=$run/build-$1.log out=$3
  begin "$1" "$2"
  shift 3
  # shellcheck disable=SC2016 # for the inner shell
  with_progress "$log" bash -c 'out=$1 && shift && exec "$@" >"$out"' _ "$out" "$@" ||
    die "$(grep -m1 -E '^(error|images:|ground:|scripts/)' "$log" || tail -n 1 "$log")" "$log" "mend what it says, then run it again"
}

start_real_ground() {
  begin node "starting (the first time it builds Kubernetes and a node's programs)"
  local log=$run/ground.log
  with_progress "$log" scripts/ground start --mode real --dir "$run/ground" ||
    die "$(grep -m1 '^ground:' "$log" || tail -n 1 "$log")" "$log" "mend what it says, then run it again"
  [ ! -t 1 ] || printf '\e[K'
  grep -E '^  (control plane|node|simulated) ' "$log"
  kubectl_bin=$(scripts/ground build --mode real 2>/dev/null)/kubectl
  cp "$run/ground/kubeconfig" "$run/kubeconfig"
}

load_images() {
  building images "building tenantry and sample (minutes the first time)" "$run/images" scripts/images build
  local folder tars parts tar name named=''
  folder=$(cat "$run/images") tars=("$folder/tenantry.tar" "$folder/sample.tar")
  building images "building the collector and Prometheus (minutes the first time)" "$run/parts" scripts/parts
  mapfile -t parts <"$run/parts"
  tars+=("${parts[@]}")
  for tar in "${tars[@]}"; do
    name=$(basename "$tar" .tar)
    named+=" · ${name%%-*} $((($(stat -c %s "$tar") + 500000) / 1000000)) MB"
  done
  begin images "loading"
  scripts/ground import --dir "$run/ground" "${tars[@]}" >"$run/import.log" 2>&1 ||
    die "$(tail -n 1 "$run/import.log")" "$run/import.log" "mend what it says, then run it again"
  ready "${named# · }" loaded
}

# address NAMESPACE/SERVICE:PORT: a loopback address of this machine that leads there.
address() { scripts/ground forward --dir "$run/ground" "$1"; }

show_service() {
  title "borealis answers: a request to its service, out of its pod"
  local url
  url=http://$(address tenant-borealis/core:http)/
  echo "${dim}\$ curl $url${plain}"
  until_true 120 "borealis answers" answered "$url"
  call GET "$url"
}
answered() { [[ $(call GET "$1") == *borealis* ]]; }

show_return() {
  title "A pod of acme is deleted by hand: another one answers, and the stack is whole again"
  local pod start
  pod=$(k get pods -n tenant-acme -l tenantry.dev/component=core -o jsonpath='{.items[0].metadata.name}')
  start=$(now_ms)
  shows delete pod "$pod" -n tenant-acme --wait=false
  until_true 240 "the pod is gone" gone "pod/$pod" tenant-acme
  wait_ready 240 acme
  until_true 240 "core has two ready pods" ready_replicas_are tenant-acme core 2
  echo "two pods are ready, $(seconds_since "$start") s later"
}
gone() { ! k get "$1" -n "$2" >/dev/null 2>&1; }
ready_replicas_are() { [ "$(k get deployment "$2" -n "$1" -o jsonpath='{.status.readyReplicas}')" = "$3" ]; }

show_usage() {
  title "borealis works: its pod reports that with its own token, and the figures come back to kubectl"
  local url quota work start
  url=http://$(address tenant-borealis/core:http)
  until_true 240 "borealis has an account and a quota" has_quota borealis
  quota=$(quota_of borealis)
  # Past the mark at 80 %, whatever is left of the month.
  work=$((${quota%.*} * 85 / 100 + 1))
  start=$(now_ms)
  echo "${dim}\$ curl -X POST '$url/work?meter=query&quantity=$work'${plain}   # of $quota until the month ends"
  call POST "$url/work?meter=query&quantity=$work"
  until_true 360 "borealis is past a mark" condition_is borealis QuotaWithinLimits status False
  echo "in kubectl, $(seconds_since "$start") s later: $(condition borealis QuotaWithinLimits message)"
  shows get tenants
  until_true 240 "the event is there" threshold_event
  shows get events --field-selector reason=UsageThresholdReached -o custom-columns=TENANT:.involvedObject.name,MESSAGE:.message
}
quota_of() { k get tenant "$1" -o jsonpath='{.status.usage.meters[?(@.name=="query")].quota}'; }
has_quota() { [ -n "$(quota_of "$1")" ]; }
threshold_event() {
  [ -n "$(k get events --field-selector reason=UsageThresholdReached,involvedObject.name=borealis -o name)" ]
}
