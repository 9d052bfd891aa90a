#!/usr/bin/env bash
# Measures the operator on a control plane of its own and prints one table:
#   scripts/bench.sh fleet [--tenants 1000] [--only PHASE,…] [--json FILE]    at scale; phases: create, rest, drift,
#                                                            edit, restart, poisoned
#   scripts/bench.sh crash [--steps N] [--json FILE]         killed at every write of a tenant's life
# Rows are measure, value, unit, goal, met; --json writes the same. docs/benchmarks.md reads them.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

bench=${1:-}
case $bench in
fleet | crash) shift ;;
*)
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac

args=()
while [ $# -gt 0 ]; do
  case $1 in
  # cargo runs it in another folder.
  --json) args+=(--json "$(realpath -m -- "${2:?--json names a file}")") && shift 2 ;;
  *) args+=("$1") && shift ;;
  esac
done

# The operator as it is shipped and the program that measures it, in one build.
exec cargo bench --quiet --manifest-path "$root/Cargo.toml" -p tenantry-operator --bench "$bench" -- "${args[@]+"${args[@]}"}"
