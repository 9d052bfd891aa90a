#!/bin/sh
# Reports that 12.5 GB were ingested.
set -eu

# What may not have arrived is sent again, by the same id: it counts once.
curl --silent --show-error --fail-with-body --max-time 35 --retry 8 --retry-connrefused "$TENANTRY_USAGE_URL" \
  --header "Authorization: Bearer $(cat "$TENANTRY_USAGE_TOKEN_FILE")" \
  --header 'Content-Type: application/cloudevents+json' \
  --data '{"specversion": "1.0", "id": "'"$(cat /proc/sys/kernel/random/uuid)"'", "source": "/shop/curl", "region": "eu",
    "time": "'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'", "type": "dev.tenantry.usage.ingestion", "data": {"quantity": "12.5"}}'
