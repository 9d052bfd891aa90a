#!/usr/bin/env bash
# Checks what the chart renders against the schemas of the oldest and newest Kubernetes, without a cluster.
# Python's packages are those of operator/tests/chart/requirements.txt, in a folder outside the checkout.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$root/operator/tests/chart
venv=$TENANTRY_CACHE/schemas-$(sha256sum "$here/requirements.txt" | cut -c1-16)
if [ ! -e "$venv/ready" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$here/requirements.txt"
  touch "$venv/ready"
fi
exec "$venv/bin/python" "$here/schemas.py" 1.30,1.37 "$here"/golden/*.yaml \
  "$root"/charts/tenantry/crds/*.yaml "$root/charts/tenantry/files/operator.yaml"
