#!/usr/bin/env bash
# Fuzzes the API server from its OpenAPI document, with a token of every kind:
#   scripts/fuzz.sh [--examples N] [--seed N] [--only KIND] …
# Python's packages are those of api-server/tests/fuzz/requirements.txt, in a folder outside the checkout.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0" && exit ;; esac
here=$root/api-server/tests/fuzz
venv=$(python_tools fuzz "$here/requirements.txt")
# By way of a test that runs the program: `cargo build` would choose other features, and build all anew.
cargo test --quiet --locked --manifest-path "$root/Cargo.toml" --workspace --test process --no-run
exec "$venv/bin/python" "$here/run.py" "$CARGO_TARGET_DIR/debug/api-server" "$@"
