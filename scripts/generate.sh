#!/usr/bin/env bash
# Writes everything that is generated and committed. Tests compare it: crds/tests/generated.rs,
# operator/tests/generated.rs.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

cargo run --locked --quiet -p tenantry-crds --bin crdgen -- crds/generated --reference docs/reference/crds.md
# Not straight into the file: a failing build must not leave an empty one.
manifests=$(cargo run --locked --quiet -p tenantry-operator --bin tenantry-operator -- manifests)
printf '%s\n' "$manifests" >operator/generated/manifests.yaml
echo "written: crds/generated, docs/reference/crds.md, operator/generated/manifests.yaml"
