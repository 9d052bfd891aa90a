#!/usr/bin/env bash
# Writes everything that is generated and committed. Tests compare it: crds/tests/generated.rs,
# operator/tests/generated.rs, operator/tests/tiers.rs.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
chart=charts/tenantry tiers=infra/profiles

# filled TEMPLATE TABLE…: the template with each ${NAME} as the tables say.
filled() {
  local text line
  text=$(<"$tiers/templates/$1")
  shift
  while IFS= read -r line; do
    case $line in '#'* | '') ;; *) text=${text//"\${${line%%=*}}"/"${line#*=}"} ;; esac
  done < <(cd "$tiers" && cat "$@")
  # shellcheck disable=SC2016 # a dollar sign that nothing filled
  case $text in *'${'*) echo "$tiers: no value for $(grep -o '\${[A-Z_]*}' <<<"$text" | head -n 1)" >&2 && return 1 ;; esac
  printf '%s\n' "$text"
}

# write FILE COMMAND…: not straight into the file: what fails must not leave an empty one.
write() {
  local file=$1 text
  shift
  text=$("$@")
  printf '%s\n' "$text" >"$file"
}

mkdir -p "$chart/crds" "$chart/files/profiles" "$chart/files/dashboards" "$chart/files/grafana" "$chart/files/rules"
cp infra/grafana/dashboards/*.json "$chart/files/dashboards/"
cp infra/grafana/provisioning/dashboards/tenantry.yaml "$chart/files/grafana/dashboards.yaml"
cp infra/grafana/provisioning/datasources/tenantry.yaml "$chart/files/grafana/datasources.yaml"
cp infra/prometheus/rules/*.yaml "$chart/files/rules/"
cp infra/prometheus/platform.yaml "$chart/files/prometheus.yaml"
cp operator/src/desired/files/collector.yaml "$chart/files/collector.yaml"
for tier in dev prod; do
  write "$chart/values-$tier.yaml" filled values.yaml "$tier.env"
  write "examples/profile-$tier.yaml" filled "profile-$tier.yaml" "$tier.env" gpu.env
  cp "examples/profile-$tier.yaml" "$chart/files/profiles/$tier.yaml"
done
write "$chart/values-gpu.yaml" filled values-gpu.yaml gpu.env

# For the whole workspace, as everything is built: another choice of packages builds them anew.
cargo build --locked --quiet --workspace --bins
programs=$CARGO_TARGET_DIR/debug
"$programs/crdgen" --definitions crds/generated --reference docs/reference/crds.md \
  --chart "$chart" --values docs/reference/values.md
write operator/generated/manifests.yaml "$programs/tenantry-operator" manifests
write "$chart/files/operator.yaml" "$programs/tenantry-operator" manifests --without-namespace
echo "written: crds/generated, docs/reference, operator/generated, examples/profile-*.yaml, and what $chart has of them"
