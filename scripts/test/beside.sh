# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/test.sh, which sources this
# Stages that run beside each other: most of a stage's time is waiting, and two cores are there.

# What runs in one line, one after the other, and what beside it. Whoever looks whether a real node or an
# engine left nothing behind is in one line with all who start one. The stage fleet is in none: it counts
# how often a cluster is written in a span of time, and a server without a processor catches up later.
lines=("chart ui" "compose ledger real install demo docs")

# in_lines: the stages of the lines among those that are asked for.
in_lines() { local stage && for stage in "$@"; do [[ " ${lines[*]} " != *" $stage "* ]] || echo "$stage"; done; }

# run_beside STAGE…: a stage's output comes when it is over. A line that fails ends, the other goes on.
run_beside() {
  local line stage mine pid of rc=0 number=0 pids=()
  build_tests "$@"
  # Each in a group of processes of its own, so that it ends with all that it started.
  set -m
  for line in "${lines[@]}"; do
    mine=()
    for stage in $line; do [[ " $* " != *" $stage "* ]] || mine+=("$stage"); done
    [ "${#mine[@]}" -gt 0 ] || continue
    number=$((number + 1))
    run_line "$number" "${mine[@]}" &
    pids+=($!)
  done
  set +m
  # shellcheck disable=SC2064 # the groups as they are now
  trap "kill -TERM ${pids[*]/#/-} 2>/dev/null; exit 130" INT TERM HUP
  for pid in "${pids[@]}"; do wait "$pid" || rc=1; done
  trap - INT TERM HUP
  for ((of = 1; of <= number; of++)); do gather "$of"; done
  [ "$rc" = 0 ] || [ "$failed" -gt 0 ] || failed=1
  return "$rc"
}

# build_tests STAGE…: all at once, before the lines would wait for each other with it.
build_tests() {
  local targets=()
  [[ " $* " != *" chart "* ]] || targets+=(--test chart)
  [[ " $* " != *" ledger "* ]] || targets+=(--test ledger --test process)
  [ "${#targets[@]}" = 0 ] || step "programs of the tests that follow" cargo test --locked --workspace "${targets[@]}" --no-run
}

# run_line NUMBER STAGE…
run_line() {
  local number=$1 stage
  shift
  passed=0 failed=0 left_out=() summary=()
  # shellcheck disable=SC2064 # the number as it is now
  trap "end_line $number" EXIT
  trap 'exit 130' INT TERM HUP
  for stage in "$@"; do
    aloud echo "${dim}   $stage begins$plain"
    run_stage "$stage" >"$logs/stage-$stage.out" 2>&1
    aloud cat "$logs/stage-$stage.out"
  done
}

# aloud COMMAND…: its output whole, not between another's.
aloud() { { flock 8 && "$@"; } 8>"$logs/aloud"; }

# end_line NUMBER: leaves what it counted, also when a stage broke off.
end_line() {
  local rc=$?
  [ -z "$current" ] || aloud cat "$logs/stage-$current.out"
  broke_off
  echo "$passed $failed" >"$logs/line-$1.counts"
  [ "${#summary[@]}" = 0 ] || printf '%s\n' "${summary[@]}" >"$logs/line-$1.summary"
  [ "${#left_out[@]}" = 0 ] || printf '%s\n' "${left_out[@]}" >"$logs/line-$1.left-out"
  exit "$rc"
}

# gather NUMBER: what a line has left.
gather() {
  local p f lines_of
  read -r p f <"$logs/line-$1.counts" || { failed=1 && return 0; }
  add_tests "$p" "$f"
  [ ! -f "$logs/line-$1.summary" ] || { mapfile -t lines_of <"$logs/line-$1.summary" && summary+=("${lines_of[@]}"); }
  [ ! -f "$logs/line-$1.left-out" ] || { mapfile -t lines_of <"$logs/line-$1.left-out" && left_out+=("${lines_of[@]}"); }
}
