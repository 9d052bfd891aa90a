#!/usr/bin/env bash
# Writes everything that is generated and committed. Tests compare it: crds/tests/generated.rs,
# operator/tests/generated.rs.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

# For the whole workspace, as everything is built: another choice of packages builds them anew.
cargo build --locked --quiet --workspace --bins
programs=$CARGO_TARGET_DIR/debug
"$programs/crdgen" crds/generated --reference docs/reference/crds.md
# Not straight into the file: a failing build must not leave an empty one.
manifests=$("$programs/tenantry-operator" manifests)
printf '%s\n' "$manifests" >operator/generated/manifests.yaml
echo "written: crds/generated, docs/reference/crds.md, operator/generated/manifests.yaml"
