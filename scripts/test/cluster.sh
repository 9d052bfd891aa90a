# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/test.sh, which sources this
# Stages ground, fleet, chart, real, install, docs: a real Kubernetes API, or a real node.

stage_ground() {
  scripts/ground build 2>&1 | sed 's/^/  /'
  ground_test TestFleet
}

# ground_test NAME: one of the ground's tests that start the real thing.
ground_test() {
  local log=$logs/ground-$1.log rc=0
  GROUND_E2E=1 GOWORK=off go -C infra/ground test -count=1 -v -timeout 60m -run "^$1\$" . >"$log" 2>&1 || rc=$?
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
  step "kubectl tenant" cargo build --locked --workspace --bin kubectl-tenant
  PATH=$CARGO_TARGET_DIR/debug:$PATH ground_test TestInstall
  fact "install: Grafana by kwok on the simulated node; every other pod ran on the real one"
}

stage_fleet() {
  local filter=()
  needs_postgres "two API servers beside a cluster"
  cargo metadata --locked --no-deps --format-version 1 | grep -q '"name":"fleet"' ||
    fails "tenantry-operator has no test target \"fleet\" (operator/tests/fleet, operator/Cargo.toml)"
  # Threads are places to wait in: how many control planes and tests of the shared one run at once is
  # bounded by operator/tests/fleet/support/lab.rs.
  cargo_tests fleet --workspace --test fleet -- --test-threads 16
  step "prometheus" scripts/ground build --part prometheus
  # Each of these has a control plane of its own, two at a time.
  cargo_tests cluster --workspace --test cluster -- "${filter[@]}"
}

stage_chart() {
  local filter=()
  needs_venv chart
  scripts/helm >"$logs/helm" || fails "Helm could not be had"
  step "promtool" scripts/ground build --part prometheus
  step "definitions of Prometheus' operator" scripts/definitions
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

# What a reader would do, in the order of the pages; what is left out says why.
stage_docs() {
  local log=$logs/docs.log rc=0
  has curl || debian curl
  has openssl || debian openssl
  step "a wrong page is noticed" scripts/reader --self-test
  scripts/reader 2>&1 | tee "$log" | grep -vE '^  (ok|saved) ' || rc=$?
  add_tests "$(grep -c '^  ok ' "$log" || true)" "$(grep -c '^FAILED' "$log" || true)"
  [ "$rc" = 0 ] || fails "scripts/reader (whole output: $log)"
  fact "docs: $(grep -c '^  ok ' "$log") commands, $(grep -c '^  not run ' "$log" || true) blocks left out"
}
