# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/test.sh, which sources this
# Stages unit, parts, ledger, ui: programs on this machine, without a cluster.

stage_unit() {
  cargo_tests rust --workspace
  local module
  for module in "${go_modules[@]}"; do go_tests "$module"; done
}

stage_parts() { cargo_tests parts --workspace --test parts; }

stage_ledger() {
  local kills filter=()
  needs_postgres "the ledger"
  get_sdks
  has strace || debian strace
  step "a store that speaks the S3 API" scripts/s3
  cargo_tests ledger --workspace --test ledger --test process -- --nocapture "${filter[@]}"
  kills=$(awk '{ for (i = 2; i <= NF; i++) if ($i ~ /^kills/) sum += $(i - 1) } END { print sum + 0 }' "$logs/ledger.log")
  [ "$kills" -ge 20 ] || fails "the server was killed $kills times; at least 20 are meant"
  fact "kills: $kills"
  ended_early ledger
  fuzz
}

# ended_early NAME: tests that a stage counted though the machine lacked what they need; each says what.
ended_early() {
  local why
  while read -r why; do
    [ -z "${CI:-}" ] || fails "a test of $1 showed nothing: $why"
    skipped "a test of $1 showed nothing: $why"
  done < <(sed -nE 's/^(test .* \.\.\. )?skipped: //p' "$logs/$1.log" | sort -u)
}

# fuzz: schemathesis against a running server; the cases are what that server counted.
fuzz() {
  local log=$logs/fuzz.log rc=0
  needs_venv fuzz
  scripts/fuzz.sh >"$log" 2>&1 || rc=$?
  [ "$rc" = 0 ] || { tail -n 60 "$log" && fails "fuzz: scripts/fuzz.sh (whole output: $log)"; }
  fact "fuzz: $(grep -E '^[0-9]+ cases ' "$log")"
}

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
