# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/test.sh, which sources this
# What a stage says of itself, and counts: facts, steps, tests of each kind.

# fact NAME: one line of a stage that went well.
fact() { echo "  ok       $*"; }
skipped() {
  echo "  skipped  $*"
  left_out+=("$*")
}
fails() {
  echo "  ${red}FAILED${plain}   $*"
  return 1
}

# step NAME COMMAND…: quiet when it goes well, the end of its output when not.
step() {
  local name=$1 log="$logs/${1//[^a-z0-9]/-}.log"
  shift
  if "$@" >"$log" 2>&1; then
    fact "$name"
  else
    tail -n 40 "$log"
    fails "$name: $*"
  fi
}

# add_tests PASSED FAILED
add_tests() { passed=$((passed + $1)) failed=$((failed + $2)); }

# cargo_tests NAME ARGS…: runs cargo test, shows results as they come, counts them. Always for the
# whole workspace: another choice of packages is another set of features, and builds them all anew.
cargo_tests() {
  local name=$1 log="$logs/$1.log" rc=0 counts
  shift
  cargo test --locked --no-fail-fast "$@" 2>&1 | tee "$log" | show_results || rc=$?
  counts=$(awk '/^test result:/ { p += $4; f += $6 } END { print p + 0, f + 0 }' "$log")
  # shellcheck disable=SC2086 # two numbers
  add_tests $counts
  [ "$rc" = 0 ] || fails "$name: cargo test $* (whole output: $log)"
  [ "${counts%% *}" -gt 0 ] || fails "$name: no test ran"
  fact "$name: ${counts%% *} tests"
}

# What a person wants of cargo's output: failures whole, the rest in a line per test program.
show_results() {
  awk '/^warning|^error|panicked|^test .*FAILED|^failures:|^---- / { show = 1 }
       /^     Running|^   Doc-tests/ { show = 0; program = $2; if ($1 == "Doc-tests") program = "docs of " $2; if ($2 == "unittests") program = $3 " " $4 }
       /^test result:/ { if ($4 + $6 > 0) printf "  %-9s%-46s %s passed, %s failed\n", "", program, $4, $6; show = 0; next }
       show { print }
       { fflush() }'
}

# count_go LOG: the tests that a verbose run of Go's tests tells of.
count_go() { add_tests "$(grep -c '^--- PASS' "$1" || true)" "$(grep -c '^--- FAIL' "$1" || true)"; }

# go_tests MODULE
go_tests() {
  local log=$logs/go-${1//\//-}.log rc=0
  GOWORK=off go -C "$1" test -short -count=1 -v ./... >"$log" 2>&1 || rc=$?
  count_go "$log"
  [ "$rc" = 0 ] || { grep -vE '^(=== |--- PASS)' "$log" | tail -n 40 && fails "go test in $1"; }
  fact "go: $(grep -c '^--- PASS' "$log") tests in $1"
}

# js_tests LOG RC WHAT: what vitest or Playwright counted, and their output where that is not all.
js_tests() {
  local counts
  counts=$(awk '/^ *Tests / || /^ *[0-9]+ (passed|failed)/ {
      for (i = 1; i < NF; i++) { if ($(i + 1) ~ /^passed/) p += $i; if ($(i + 1) ~ /^failed/) f += $i }
    } END { print p + 0, f + 0 }' "$1")
  # shellcheck disable=SC2086 # two numbers
  add_tests $counts
  [ "$2" = 0 ] || { tail -n 80 "$1" && fails "$3 (whole output: $1)"; }
  [ "${counts%% *}" -gt 0 ] || fails "$3: no test ran (whole output: $1)"
  fact "$3: ${counts%% *}"
}
