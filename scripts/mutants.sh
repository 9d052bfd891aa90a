#!/usr/bin/env bash
# Changes the formulas of api-server/src/domain one by one and looks whether its tests notice:
#   scripts/mutants.sh [--shard K/N] [--json FILE] [what cargo mutants takes]
# The domain is pure, so it is taken out into a crate of its own, where a build takes seconds; the program
# cargo-mutants is installed once, beside it. What was missed is listed at the end.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=27.1.0
tools=$TENANTRY_CACHE/tools
place=$TENANTRY_CACHE/mutants
json="" args=()
while [ $# -gt 0 ]; do
  case $1 in
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0" && exit ;;
  --json) json=$(realpath -m -- "${2:?--json names a file}") && shift 2 ;;
  *) args+=("$1") && shift ;;
  esac
done

PATH=$tools/bin:$PATH
has cargo-mutants || cargo install --quiet --locked --debug --root "$tools" --target-dir "$tools/build" "cargo-mutants@$version" >&2

# The crate: the domain's files, the workspace's versions, the workspace's lock file.
crate=$place/domain
rm -rf "$crate" "$place/mutants.out"
mkdir -p "$crate/src"
cp -r "$root"/api-server/src/domain "$root"/api-server/src/domain.rs "$crate/src/"
cp "$root/api-server/plans.yaml" "$root/Cargo.lock" "$crate/"
echo 'pub mod domain;' >"$crate/src/lib.rs"
{
  echo '[package]'
  printf '%s\n' 'name = "domain"' 'version = "0.0.0"' 'edition = "2024"' '' '[workspace]' ''
  sed -n '/^\[workspace.dependencies\]/,/^\[workspace.lints/p' "$root/Cargo.toml" | sed '$d' | grep -v 'path = '
  echo '[dependencies]'
  for name in base64 hmac iso_currency serde serde_json serde_path_to_error serde-saphyr sha2 thiserror; do
    echo "$name.workspace = true"
  done
  echo 'jiff = { workspace = true, features = ["tzdb-bundle-always"] }'
  printf '%s\n' '[dev-dependencies]' 'proptest.workspace = true' '' '[profile.dev]' 'opt-level = 1' 'debug = false'
} >"$crate/Cargo.toml"

rc=0
PROPTEST_CASES=${PROPTEST_CASES:-64} CARGO_TARGET_DIR=$place/target \
  cargo mutants --dir "$crate" --in-place --output "$place" --no-shuffle --colors never --timeout 120 \
  --exclude '**/tests.rs' --exclude '**/tests/**' --exclude '**/laws.rs' "${args[@]+"${args[@]}"}" >&2 || rc=$?
# 2: some were missed, 3: some ran into the timeout. Both are results.
[ "$rc" -le 3 ] || exit "$rc"

count() { wc -l <"$place/mutants.out/$1.txt"; }
caught=$(($(count caught) + $(count timeout))) missed=$(count missed) unviable=$(count unviable)
all=$((caught + missed))
[ "$all" -gt 0 ] || { echo "no mutant was tried" >&2 && exit 1; }
share=$((caught * 1000 / all))
met=$([ "$share" -ge 900 ] && echo yes || echo no)
share=$((share / 10)).$((share % 10))

cat <<TABLE
| measure | value | unit | goal | met |
|---|---:|---|---:|---|
| mutants of \`domain\` that compile | $all | count | - | - |
| … caught | $caught | count | - | - |
| … missed | $missed | count | - | - |
| mutants that do not compile | $unviable | count | - | - |
| caught / all that compile | $share | % | ≥ 90 | $met |
TABLE
if [ -n "$json" ]; then
  row() { printf '  {"measure": "%s", "value": %s, "unit": "%s", "goal": %s, "met": %s}' "$@"; }
  {
    echo '['
    row "mutants of domain that compile" "$all" count null null && echo ,
    row "caught" "$caught" count null null && echo ,
    row "missed" "$missed" count null null && echo ,
    row "caught / all that compile" "$share" % 90 "$([ "$met" = yes ] && echo true || echo false)"
    printf '\n]\n'
  } >"$json"
fi
[ "$missed" = 0 ] || { echo && echo "missed:" && cat "$place/mutants.out/missed.txt"; }
