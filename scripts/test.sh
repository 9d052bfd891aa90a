#!/usr/bin/env bash
# Everything that must hold before a change lands, in named stages:
#
#   scripts/test.sh              all of them, in this order
#   scripts/test.sh STAGE…       some: check unit ground parts images fleet chart ledger ui real install demo
#
# Each stage's minutes stand beside its budget. The last line is `N passed, N failed`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
exec </dev/null

stages=(check unit ground parts images fleet chart ledger ui real install demo)
# Minutes on two cores: nothing built yet, and everything built.
declare -A budget=([check]="12 3" [unit]="18 5" [ground]="13 0.5" [parts]="4 0.5" [images]="8 1"
  [fleet]="15 12" [chart]="9 4" [ledger]="6 4" [ui]="4 2" [real]="7 1" [install]="5 3" [demo]="5 3")
declare -A about=(
  [check]="formatting, clippy, go vet, shellcheck, cargo deny, lock file, paths"
  [unit]="Rust and Go tests that need no cluster, drift of generated files, docs"
  [ground]="the pinned Kubernetes, built once, with simulated nodes"
  [parts]="what stacks run, checked by the programs themselves (otelcol, built once)"
  [images]="the container images: the same bits twice, run from empty read-only roots, Dockerfiles"
  [fleet]="the operator, and the API server beside it, on a real Kubernetes API"
  [chart]="the Helm chart: values, renders, alerts by promtool, and its life on a real API server"
  [ledger]="the ledger and the API server on real files and ports, killed, flooded, fuzzed, sent to by real SDKs"
  [ui]="the web pages: types, drift, budgets, and every flow in a real browser on the real server"
  [real]="a real node: kubelet, containerd, services, DNS, volumes, in namespaces"
  [install]="the chart on a real node: operator, API server and tenants of both tiers as pods"
  [demo]="scripts/demo.sh --once, with simulated nodes and on a real one"
)
go_modules=(infra/ground infra/images/builder infra/images/sample)
logs=$(mktemp -d "${TMPDIR:-/tmp}/tenantry-test-XXXXXX")
passed=0 failed=0 left_out=() summary=() current="" current_start=0

usage() { sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//p}' "$0"; }

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

check_rust_tools() {
  local gaps
  gaps=$(missing_tools && missing_components)
  [ -z "$gaps" ] || { echo "$gaps" && fails "tools are missing"; }
  fact "$(cargo --version), $(go version | cut -d' ' -f3)"
}

check_go() {
  local unformatted
  unformatted=$(gofmt -l infra)
  [ -z "$unformatted" ] || fails "gofmt: $unformatted"
  fact "gofmt"
  local module
  for module in "${go_modules[@]}" infra/sdk/go; do
    step "go vet in $module" env GOWORK=off go -C "$module" vet ./...
  done
}

# debian PACKAGE: installs it where this is root on Debian; whoever needs it looks whether it is there.
debian() {
  [ "$(id -u)" = 0 ] && has apt-get || return 0
  # The second time with a list of packages, which a new machine may lack.
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1" >"$logs/apt-$1.log" 2>&1 ||
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1") >"$logs/apt-$1.log" 2>&1 || true
}

check_shell() {
  has shellcheck || debian shellcheck
  if has shellcheck; then
    step "shellcheck" shellcheck -x scripts/*.sh scripts/demo/*.sh scripts/ground scripts/helm scripts/images scripts/otelcol scripts/parts \
      scripts/cargo-deny scripts/sdk scripts/ui infra/sdk/first.sh .ci/run
  elif [ -n "${CI:-}" ]; then
    fails "shellcheck is not installed and apt-get could not ($logs/apt-shellcheck.log)"
  else
    skipped "shellcheck is not installed, and only root with apt-get could (Debian: apt-get install shellcheck)"
  fi
}

# Licences, banned and duplicate crates, registries. Advisories need a database from outside.
check_deny() {
  scripts/cargo-deny >"$logs/cargo-deny" || fails "cargo-deny could not be built"
  step "cargo deny" scripts/cargo-deny --locked --offline check licenses bans sources
}

# A path of the machine that a file was written on says nothing on the reader's.
check_paths() {
  local found
  found=$(git -c safe.directory="$root" grep -nIE '/(root|work|home/[a-z]+|Users/[A-Za-z]+)/' -- . ':!*.sum' || true)
  [ -z "$found" ] || { echo "$found" | head -n 20 && fails "a tracked file holds a machine's path"; }
  fact "no machine's paths in tracked files"
}

stage_check() {
  check_rust_tools
  step "Cargo.lock is complete" cargo metadata --locked --format-version 1
  step "cargo fmt" cargo fmt --all --check
  step "clippy" cargo clippy --locked --workspace --all-targets -- -D warnings
  # What runs by name alone is no part of "all targets".
  step "clippy of tests and benches by name" cargo clippy --locked --workspace --test chart --test cluster --test fleet --test ledger \
    --test parts --test process --bench crash --bench durability --bench fleet --bench ledger --bench loop -- -D warnings
  check_go
  check_shell
  check_deny
  check_paths
}

stage_unit() {
  cargo_tests rust --workspace
  local module
  for module in "${go_modules[@]}"; do go_tests "$module"; done
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

stage_ground() {
  scripts/ground build 2>&1 | sed 's/^/  /'
  ground_test TestFleet
}

# ground_test NAME: one of the ground's tests that start the real thing.
ground_test() {
  local log=$logs/ground-$1.log rc=0
  GROUND_E2E=1 GOWORK=off go -C infra/ground test -count=1 -v -timeout 20m -run "^$1\$" . >"$log" 2>&1 || rc=$?
  count_go "$log"
  [ "$rc" = 0 ] || { tail -n 60 "$log" && fails "go test -run $1 in infra/ground (whole output: $log)"; }
  grep -q "^--- PASS: $1 " "$log" || fails "$1 did not run (whole output: $log)"
  fact "$1: $(sed -n "s/^--- PASS: $1 (\(.*\))/\1/p" "$log")"
}

# A real node needs root, control groups, a kernel that allows them, and some of Debian's packages. Where
# they cannot be had, it is left out; in CI only where the machine itself cannot.
can_run_real() {
  local package gaps=$logs/real-gaps.log
  # Set by the stage that asks.
  real=no
  for package in $(scripts/ground check --mode real --packages); do debian "$package"; done
  if ! scripts/ground check --mode real >"$gaps" 2>&1; then
    cat "$gaps"
    if [ -n "${CI:-}" ] && [ -n "$(scripts/ground check --mode real --packages)" ]; then
      fails "Debian's packages for a real node are missing, and apt-get could not ($logs)"
    fi
    skipped "$current on a real node: $(sed -n 's/^  missing  //p' "$gaps" | paste -sd ';' -)"
    return 0
  fi
  real=yes
}

stage_real() {
  local real
  can_run_real
  [ "$real" = yes ] || return 0
  scripts/ground build --mode real 2>&1 | sed 's/^/  /'
  ground_test TestReal
}

stage_install() {
  local real
  can_run_real
  [ "$real" = yes ] || return 0
  scripts/ground build --mode real 2>&1 | sed 's/^/  /'
  scripts/images build 2>&1 >/dev/null | sed 's/^/  /'
  scripts/parts 2>&1 >/dev/null | sed 's/^/  /'
  ground_test TestInstall
}

stage_parts() { cargo_tests parts --workspace --test parts; }

# images: built without an engine; then run, and built by a real one, where this is root.
stage_images() {
  local log=$logs/images.log rc=0
  has musl-gcc || debian musl-tools
  has buildah || debian buildah
  scripts/images build 2>&1 >/dev/null | sed 's/^/  /'
  step "images: the same bits a second time" scripts/images verify
  lint_dockerfiles
  if [ "$(id -u)" != 0 ]; then
    skipped "the images' programs in empty roots: only root may change the root folder"
    return
  fi
  if ! has buildah; then
    [ -z "${CI:-}" ] || fails "buildah is not installed and apt-get could not ($logs/apt-buildah.log)"
    skipped "Dockerfiles by a real engine: buildah is not installed (Debian: apt-get install buildah)"
  fi
  scripts/images test >"$log" 2>&1 || rc=$?
  count_go "$log"
  grep -E 'start to ready|MB compressed' "$log" | sed 's/^ *[^ ]*: /  /' || true
  [ "$rc" = 0 ] || { grep -vE '^(=== |--- PASS)' "$log" | tail -n 60 && fails "scripts/images test (whole output: $log)"; }
  fact "images: $(grep -c '^--- PASS' "$log") tests"
}

lint_dockerfiles() {
  local tools
  needs_venv hadolint
  tools=$(python_tools hadolint infra/images/requirements.txt) || fails "hadolint could not be installed"
  step "hadolint" "$tools/bin/hadolint" --config infra/images/.hadolint.yaml infra/images/*/Dockerfile
}

stage_fleet() {
  local filter=()
  needs_postgres "two API servers beside a cluster"
  cargo metadata --locked --no-deps --format-version 1 | grep -q '"name":"fleet"' ||
    fails "tenantry-operator has no test target \"fleet\" (operator/tests/fleet, operator/Cargo.toml)"
  # Threads are places to wait in: how many control planes and tests of the shared one run at once is
  # bounded by operator/tests/fleet/support/lab.rs.
  cargo_tests fleet --workspace --test fleet -- --test-threads 16
  # Each of these has a control plane of its own, two at a time.
  cargo_tests cluster --workspace --test cluster -- "${filter[@]}"
}

# needs_venv WHO: python3 that can make an environment.
needs_venv() {
  python3 -c 'import ensurepip' 2>/dev/null || debian python3-venv
  python3 -c 'import ensurepip' 2>/dev/null ||
    fails "$1: python3 with venv is missing (Debian: apt-get install python3-venv)"
}

stage_chart() {
  local filter=()
  needs_venv chart
  scripts/helm >"$logs/helm" || fails "Helm could not be had"
  step "promtool" scripts/ground build --part prometheus
  step "schemas" scripts/schemas.sh
  fact "schemas: $(tail -n 1 "$logs/schemas.log")"
  has lua5.1 || debian lua5.1
  if ! has lua5.1; then
    [ -z "${CI:-}" ] || fails "lua5.1 is not installed and apt-get could not ($logs/apt-lua5.1.log)"
    skipped "Argo CD's health script: lua5.1 is not installed, and only root with apt-get could (Debian: apt-get install lua5.1)"
    filter=(--skip argo_cd)
  fi
  cargo_tests chart --workspace --test chart -- --test-threads 4 "${filter[@]}"
}

# The ledger's tests start a PostgreSQL of their own. Where there is none and none can be had, they
# are left out; not in CI.
has_postgres() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# get_sdks: the real CloudEvents SDKs, before a test asks for them. Sets filter where there is no Node.js.
get_sdks() {
  needs_venv "CloudEvents SDKs"
  has npm || { debian nodejs && debian npm; }
  has curl || debian curl
  step "CloudEvents SDK of PyPI" scripts/sdk python
  step "CloudEvents SDK of Go" scripts/sdk go
  if has npm && node --eval 'process.exit(+!(parseInt(process.versions.node) >= 20))'; then
    step "CloudEvents SDK of npm" scripts/sdk node
    return
  fi
  [ -z "${CI:-}" ] || fails "Node.js 20 is not installed and apt-get could not ($logs/apt-nodejs.log)"
  skipped "CloudEvents SDK of npm: Node.js 20 or newer with npm is not installed"
  filter+=(--skip sdk::node --skip sdk::a_refusal)
}

# needs_postgres WHAT: leaves it out where there is none, by the stage's filter.
needs_postgres() {
  has_postgres || debian postgresql
  if ! has_postgres; then
    [ -z "${CI:-}" ] || fails "PostgreSQL is not installed and apt-get could not ($logs/apt-postgresql.log)"
    skipped "$1 on PostgreSQL: it is not installed, and only root with apt-get could (Debian: apt-get install postgresql)"
    filter+=(--skip postgres::)
  fi
}

stage_ledger() {
  local kills filter=()
  needs_postgres "the ledger"
  get_sdks
  cargo_tests ledger --workspace --test ledger --test process -- --nocapture "${filter[@]}"
  kills=$(awk '{ for (i = 2; i <= NF; i++) if ($i ~ /^kills/) sum += $(i - 1) } END { print sum + 0 }' "$logs/ledger.log")
  [ "$kills" -ge 20 ] || fails "the server was killed $kills times; at least 20 are meant"
  fact "kills: $kills"
  fuzz
}

# fuzz: schemathesis against a running server; the cases are what that server counted.
fuzz() {
  local log=$logs/fuzz.log rc=0
  needs_venv fuzz
  scripts/fuzz.sh >"$log" 2>&1 || rc=$?
  [ "$rc" = 0 ] || { tail -n 60 "$log" && fails "fuzz: scripts/fuzz.sh (whole output: $log)"; }
  fact "fuzz: $(grep -E '^[0-9]+ cases ' "$log")"
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

stage_ui() {
  local log rc
  has node || needs_venv ui
  step "types, lint, drift, budgets" scripts/ui check
  sed -n 's/^ok  */  ok       /p' "$logs/types--lint--drift--budgets.log"
  log=$logs/ui-unit.log rc=0
  NO_COLOR=1 scripts/ui unit >"$log" 2>&1 || rc=$?
  js_tests "$log" "$rc" "unit tests"
  has chromium || debian chromium
  if ! has chromium; then
    [ -z "${CI:-}" ] || fails "chromium is not installed and apt-get could not ($logs/apt-chromium.log)"
    skipped "the pages in a browser: chromium is not installed, and only root with apt-get could (Debian: apt-get install chromium)"
    return
  fi
  log=$logs/ui-e2e.log rc=0
  NO_COLOR=1 scripts/ui e2e >"$log" 2>&1 || rc=$?
  js_tests "$log" "$rc" "tests in $(chromium --version 2>/dev/null)"
}

stage_demo() {
  local real
  scripts/demo.sh --once --mode fleet
  can_run_real
  [ "$real" = yes ] || return 0
  scripts/demo.sh --once --mode real
}

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

# The end, also when a stage broke off.
finish() {
  local rc=$?
  if [ -n "$current" ]; then
    # Something other than a test failed: that counts too.
    [ "$failed" -gt 0 ] || failed=1
    summary+=("$(printf '  %-8s %-7s %5s min' "$current" FAILED "$(minutes_since "$current_start")")")
    rc=1
  fi
  echo "${bold}== summary${plain} · logs in $logs"
  printf '%s\n' "${summary[@]}"
  [ "${#left_out[@]}" = 0 ] || printf '  not checked: %s\n' "${left_out[@]}"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  exit "$rc"
}

main() {
  local chosen=("$@") stage
  [ $# -gt 0 ] || chosen=("${stages[@]}")
  for stage in "${chosen[@]}"; do
    [ -n "${about[$stage]:-}" ] || {
      usage
      echo "no stage \"$stage\"" >&2
      exit 2
    }
  done
  trap finish EXIT
  for stage in "${chosen[@]}"; do run_stage "$stage"; done
}

case ${1:-} in -h | --help) usage ;; *) main "$@" ;; esac
