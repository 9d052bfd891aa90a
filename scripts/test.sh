#!/usr/bin/env bash
# Everything that must hold before a change lands, in named stages:
#
#   scripts/test.sh                           all of them; what the rest needs first, then in two lines beside each other
#   scripts/test.sh [--one-by-one] STAGE…     some: check unit ground parts images compose fleet chart ledger ui real install demo docs
#
# --one-by-one leaves each stage the whole machine, and shows what it prints as it comes. Each stage's minutes stand beside its budget. The last line is `N passed, N failed`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/test/report.sh
. "$root/scripts/test/report.sh"
# shellcheck source=scripts/test/needs.sh
. "$root/scripts/test/needs.sh"
# shellcheck source=scripts/test/check.sh
. "$root/scripts/test/check.sh"
# shellcheck source=scripts/test/programs.sh
. "$root/scripts/test/programs.sh"
# shellcheck source=scripts/test/images.sh
. "$root/scripts/test/images.sh"
# shellcheck source=scripts/test/cluster.sh
. "$root/scripts/test/cluster.sh"
# shellcheck source=scripts/test/demo.sh
. "$root/scripts/test/demo.sh"
# shellcheck source=scripts/test/compose.sh
. "$root/scripts/test/compose.sh"
# shellcheck source=scripts/test/beside.sh
. "$root/scripts/test/beside.sh"
cd "$root"
exec </dev/null

stages=(check unit ground parts images compose fleet chart ledger ui real install demo docs)
# Minutes on two cores: nothing built yet, and everything built.
declare -A budget=([check]="12 3" [unit]="18 5" [ground]="13 0.5" [parts]="4 0.5" [images]="8 1" [compose]="4 3"
  [fleet]="15 12" [chart]="9 4" [ledger]="12 9" [ui]="12 7" [real]="7 1" [install]="7 5" [demo]="5 3"
  [docs]="5 4")
declare -A about=(
  [check]="formatting, clippy, go vet, shellcheck, cargo deny, lock file, paths"
  [unit]="Rust and Go tests that need no cluster, drift of generated files, docs"
  [ground]="the pinned Kubernetes, built once, with simulated nodes"
  [parts]="what stacks run, checked by the programs themselves (otelcol and Prometheus, built once): configuration, a tenant's dashboard"
  [images]="the container images: the same bits twice, run from empty read-only roots, Dockerfiles"
  [compose]="docker-compose.yml and its installer, on a Docker engine that is started for it"
  [fleet]="the operator, and the API server beside it, on a real Kubernetes API"
  [chart]="the Helm chart: values, renders, alerts by promtool, and its life on a real API server"
  [ledger]="the ledger and the API server on real files and ports, killed, flooded, fuzzed, sent to by real SDKs"
  [ui]="the web pages: types, drift, budgets, and every flow in a real browser on the real server"
  [real]="a real node: kubelet, containerd, services, DNS, volumes, in namespaces"
  [install]="the chart on a real node: operator, API server and tenants of both tiers as pods"
  [demo]="scripts/demo.sh --once, with simulated nodes and on a real one, and the figures that it ends with"
  [docs]="README and tutorial, command by command from a fresh clone, and what they show"
)
go_modules=(infra/ground infra/images/builder infra/images/sample)
logs=$(mktemp -d "${TMPDIR:-/tmp}/tenantry-test-XXXXXX")
passed=0 failed=0 left_out=() summary=() current="" current_start=0

usage() { sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//p}' "$0"; }

# run_stage NAME: in this shell, so that counts add up; the first failing step ends it.
run_stage() {
  local name=$1 start minutes cold warm before=$failed verdict=ok
  start=$(now_ms)
  read -r cold warm <<<"${budget[$name]}"
  echo "${bold}== $name${plain} · ${about[$name]}"
  current=$name current_start=$start
  "stage_$name"
  current=""
  minutes=$(minutes_since "$start")
  [ "$failed" = "$before" ] || verdict=FAILED
  summary+=("$(printf '  %-8s %-7s %5s min   budget %s cold, %s warm' "$name" "$verdict" "$minutes" "$cold" "$warm")")
  echo "${summary[-1]}"
}

# broke_off: something other than a test failed in a stage: that counts too.
broke_off() {
  [ -n "$current" ] || return 0
  [ "$failed" -gt 0 ] || failed=1
  summary+=("$(printf '  %-8s %-7s %5s min' "$current" FAILED "$(minutes_since "$current_start")")")
}

# The end, also when a stage broke off.
finish() {
  local rc=$?
  [ -z "$current" ] || rc=1
  broke_off
  echo "${bold}== summary${plain} · logs in $logs"
  printf '%s\n' "${summary[@]}"
  [ "${#left_out[@]}" = 0 ] || printf '  not checked: %s\n' "${left_out[@]}"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  exit "$rc"
}

# own_sources: Cargo's folder is shared by checkouts, and it takes what another one built for this one's where no file
# is newer; the tests of that look for their files there.
own_sources() {
  local mark=$CARGO_TARGET_DIR/checkout
  [ "$(cat "$mark" 2>/dev/null)" = "$root" ] || {
    find . -name '*.rs' -not -path '*/node_modules/*' -exec touch -c {} +
    mkdir -p "$CARGO_TARGET_DIR" && echo "$root" >"$mark"
  }
}

main() {
  local chosen stage beside=() one_by_one=""
  [ "${1:-}" != --one-by-one ] || { one_by_one=yes && shift; }
  chosen=("$@")
  [ $# -gt 0 ] || chosen=("${stages[@]}")
  for stage in "${chosen[@]}"; do
    [ -n "${about[$stage]:-}" ] || {
      usage
      echo "no stage \"$stage\"" >&2
      exit 2
    }
  done
  trap finish EXIT
  own_sources
  [ -n "$one_by_one" ] || mapfile -t beside < <(in_lines "${chosen[@]}")
  [ "${#beside[@]}" -gt 1 ] || beside=()
  for stage in "${chosen[@]}"; do
    [[ " ${beside[*]} " == *" $stage "* ]] || run_stage "$stage"
  done
  [ "${#beside[@]}" = 0 ] || run_beside "${beside[@]}"
}

case ${1:-} in -h | --help) usage ;; *) main "$@" ;; esac
