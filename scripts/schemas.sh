#!/usr/bin/env bash
# Checks what the chart renders, and what the operator does, against the schemas of the oldest and newest
# Kubernetes, without a cluster.
# Python's packages are those of operator/tests/chart/requirements.txt, in a folder outside the checkout.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$root/operator/tests/chart
venv=$(python_tools schemas "$here/requirements.txt")
exec "$venv/bin/python" "$here/schemas.py" 1.30,1.37 "$here"/golden/*.yaml "$root"/operator/tests/golden/*.yaml \
  "$root"/charts/tenantry/crds/*.yaml "$root/charts/tenantry/files/operator.yaml"
