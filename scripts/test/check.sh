# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/test.sh, which sources this
# Stage check: what can be seen without running anything.

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
  for module in "${go_modules[@]}" infra/sdk/go infra/prometheus/definitions; do
    step "go vet in $module" env GOWORK=off go -C "$module" vet ./...
  done
}

check_shell() {
  has shellcheck || debian shellcheck
  if has shellcheck; then
    step "shellcheck" shellcheck -x scripts/*.sh scripts/demo/*.sh scripts/test/*.sh scripts/tier/*.sh scripts/compose/*.sh scripts/read/*.sh scripts/bench/*.sh infra/compose/backup.sh scripts/definitions scripts/ground scripts/helm scripts/images scripts/otelcol scripts/parts \
      scripts/reader scripts/cargo-deny scripts/s3 scripts/sdk scripts/ui infra/sdk/first.sh .ci/run
  elif [ -n "${CI:-}" ]; then
    fails "shellcheck is not installed and apt-get could not ($logs/apt-shellcheck.log)"
  else
    skipped "shellcheck is not installed, and only root with apt-get could (Debian: apt-get install shellcheck)"
  fi
}

# What this build script writes names the target folder by its path; in a copy of that folder cargo takes
# it for fresh, and then cannot compile it.
mend_copied_target() {
  local written
  for written in "$CARGO_TARGET_DIR"/*/build/utoipa-swagger-ui-*/out/embed.rs; do
    if [ -e "$written" ] && ! grep -qF "$CARGO_TARGET_DIR/" "$written"; then
      rm -rf "$CARGO_TARGET_DIR"/*/{build,.fingerprint}/utoipa-swagger-ui-*
      fact "the target folder was copied from elsewhere: one crate is built anew"
      return
    fi
  done
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
  mend_copied_target
  step "Cargo.lock is complete" cargo metadata --locked --format-version 1
  step "cargo fmt" cargo fmt --all --check
  step "clippy" cargo clippy --locked --workspace --all-targets -- -D warnings
  # What runs by name alone is no part of "all targets".
  step "clippy of tests and benches by name" cargo clippy --locked --workspace --test chart --test cluster --test fleet --test ledger \
    --test parts --test process --bench crash --bench durability --bench fleet --bench ledger --bench loop --bench writes -- -D warnings
  check_go
  check_shell
  check_deny
  check_paths
}
