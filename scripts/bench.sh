#!/usr/bin/env bash
# Measures, and prints one table:
#   scripts/bench.sh fleet [--tenants 1000] [--only PHASE,…] [--json FILE]    the operator at scale, on a control plane of
#                                                              its own; phases: create, rest, drift, edit, restart, poisoned
#   scripts/bench.sh crash [--steps N] [--json FILE]           the operator killed at every write of a tenant's life
#   scripts/bench.sh ledger [--store sqlite|postgres] [--to ROWS] [--json FILE]
#                                                              what the ledger takes, over HTTP and in process, as it grows
#   scripts/bench.sh durability [--kills 300] [--json FILE]    the API server killed, and lied to by its disk
#   scripts/bench.sh loop [--rounds 100] [--json FILE]         operator, API server, gateways and cluster killed, stopped,
#                                                              frozen and cut off under tenants that send
#   scripts/bench.sh writes [--tenants 1000] [--json FILE]     what is written to the cluster while every tenant sends an
#                                                              event a second, and how old what it shows is
#   scripts/bench.sh install [--rounds 20] [--json FILE]       images, starts, the way to the first Ready tenant and memory, on a
#                                                              real node of its own
#   scripts/bench.sh ui [--tenants 10000] [--json FILE]        the web pages with many customers, in the browser
#   scripts/bench.sh mutants [--shard K/N] [--json FILE]       how many changed formulas the tests of `domain` notice
# Rows are measure, value, unit, goal, met; --json writes the same. docs/benchmarks.md reads them.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

bench=${1:-}
case $bench in
fleet | crash) package=tenantry-operator ;;
ledger | durability | writes) package=tenantry-api-server ;;
loop)
  package=tenantry-api-server
  # It runs beside the API server; Cargo makes the programs of one package only with a benchmark.
  cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p tenantry-operator --bin tenantry-operator
  ;;
ui) ;;
install) shift && exec "$root/scripts/bench/install.sh" "$@" ;;
mutants) shift && exec "$root/scripts/mutants.sh" "$@" ;;
*)
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//p}' "$0" >&2
  exit 2
  ;;
esac
shift

args=()
while [ $# -gt 0 ]; do
  case $1 in
  # cargo runs it in another folder.
  --json | --folder) args+=("$1" "$(realpath -m -- "${2:?$1 names a place}")") && shift 2 ;;
  *) args+=("$1") && shift ;;
  esac
done

if [ "$bench" = ui ]; then exec "$root/scripts/ui" bench "${args[@]+"${args[@]}"}"; fi

# The program as it is shipped and the one that measures it, in one build.
exec cargo bench --quiet --manifest-path "$root/Cargo.toml" -p "$package" --bench "$bench" -- "${args[@]+"${args[@]}"}"
