#!/usr/bin/env bash
# What docker-compose.yml does on a real engine: `scripts/compose/engine.sh FOLDER scripts/compose/live.sh TIER`
# runs this beside one. IMAGES_DIR may name the folder of images that are built already. Works on a copy of the checkout, which it makes in FOLDER/TIER.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

tier=$1
folder=${DOCKER_HOST#unix://}
folder=${folder%/socket}
place=$folder/$tier
api=http://127.0.0.1:8080
core=http://127.0.0.1:8082

ok() { echo "PASS $tier: $*"; }
bad() {
  echo "FAIL $tier: $*"
  (cd "$place" && docker compose ps --all && docker compose logs --tail 25) || true
  exit 1
}

# until_true SECONDS WHAT COMMAND…: a condition, with a time after which something is wrong.
until_true() {
  local late='' end=$((SECONDS + $1)) what=$2
  shift 2
  while :; do
    [ "$SECONDS" -lt "$end" ] || late=1
    ! "$@" || return 0
    [ -z "$late" ] || bad "$what"
    sleep 0.5
  done
}

# copy: what git knows of the checkout, as it is now.
copy() {
  mkdir -p "$place"
  (cd "$root" && git -c safe.directory="$root" ls-files -z --cached --others --exclude-standard -- docker-compose.yml infra/compose \
    infra/profiles infra/prometheus infra/grafana operator/src/desired/files scripts charts/tenantry/Chart.yaml | xargs -0 cp --parents -t "$place")
  # A day on which no period turns meanwhile: what is used is counted from it on.
  case $(date -u +%-d) in 1[3-6]) ;; *) sed -i 's/anchorDay: 1$/anchorDay: 15/' "$place/infra/compose/accounts.yaml" ;; esac
}

load() {
  local tars=${IMAGES_DIR:-}
  [ -n "$tars" ] || tars=$("$root/scripts/images" build)
  docker load --quiet --input "$tars/tenantry.tar"
  docker load --quiet --input "$tars/sample.tar"
  [ "$tier" = dev ] || "$root/scripts/compose/standins.sh" "$folder/standins"
}

install() { (cd "$place" && scripts/install_tier.sh "$tier" --target compose --timeout 12m "$@"); }

# token AUDIENCE WORDS…: of a person. In prod there is an issuer of people only if one is given; the test gives one.
token() { (cd "$place" && docker compose exec -T api-server /api-server token "$@"); }

# get PATH: as customer success.
get() { curl --silent --fail --header "Authorization: Bearer $person" "$api$1"; }

# used METER: what is recorded of it in the open period.
used() {
  get /billing/usage/acme | python3 -c '
import json, sys
for meter in json.load(sys.stdin)["meters"]:
    if meter["name"] == sys.argv[1]:
        print(meter["used"])' "$1" 2>/dev/null
}

all_used() {
  local meter
  for meter in ingestion query timeline agents signup; do
    case $(used "$meter") in '' | 0) return 1 ;; esac
  done
}

# Every container may do as little as the file says, and shows no secret.
least() {
  docker ps --quiet | xargs docker inspect | python3 -c '
import json, re, sys
for box in json.load(sys.stdin):
    name, host, config = box["Name"], box["HostConfig"], box["Config"]
    def must(holds, what):
        if not holds:
            sys.exit(f"{name}: {what}")
    must(host["ReadonlyRootfs"], "its root can be written")
    must(host["CapDrop"] in (["ALL"], ["CAP_ALL"]) and not host["CapAdd"], "it has capabilities")
    must("no-new-privileges:true" in (host["SecurityOpt"] or []), "it may gain privileges")
    must(not host["Privileged"], "it is privileged")
    must(host["Memory"] > 0 and host["PidsLimit"] > 0, "it has no limits")
    must(config["User"].split(":")[0] not in ("", "0", "root"), "it runs as root")
    must(host["RestartPolicy"]["Name"] == "unless-stopped", "it does not come back")
    for bindings in (host["PortBindings"] or {}).values():
        must(all(one["HostIp"] == "127.0.0.1" for one in bindings or []), "a port is open to others")
    for line in config["Env"] or []:
        # A token, a key or password as we make them, or one in an address.
        must(not re.search(r"eyJ|[0-9a-f]{32}|://[^/]*@", line), "a secret in " + line.partition("=")[0])
' || bad "a container may do more than it should"
  ok "containers: read-only, no capabilities, no root, limits, loopback ports, no secret in the environment"
}

# healthy: every container passes its check; what has none of its own is asked by `watch`.
healthy() {
  local states
  states=$(docker ps --all --format '{{.Label "com.docker.compose.service"}} {{.Status}}')
  ! grep -vE '\(healthy\)$|^(otel-collector|prometheus|grafana|transcribe) Up ' <<<"$states" || bad "not healthy"
  ok "up --wait ended with $(wc -l <<<"$states") containers, all of them well"
}

onboard() {
  local answer form=$folder/form.json
  python3 - "$root/api-server/tests/fuzz/form.json" >"$form" <<'PY'
import datetime, json, sys
form = json.load(open(sys.argv[1]))
form["go_live_date"] = str(datetime.date.today() + datetime.timedelta(days=30))
form["time_zone"] = "America/Chicago"
print(json.dumps(form))
PY
  answer=$(curl --silent --show-error --header 'Content-Type: application/json' --header 'Idempotency-Key: compose-1' \
    --data @"$form" "$api/onboarding") || bad "POST /onboarding: $answer"
  follow=$(python3 -c 'import json,sys; print(json.loads(sys.argv[1])["follow"])' "$answer" 2>/dev/null) || bad "POST /onboarding: $answer"
  ok "an onboarding request is taken"
}

usage() {
  curl --silent --fail "$api/billing/plans" | grep -q '"team"' || bad "GET /billing/plans"
  curl --silent --fail "$api/" | grep -qi '<!doctype html' || bad "the pages"
  ok "the price list and the pages are there"
  curl --silent --fail --data 'meter=query&quantity=5000' "$core/work" | grep -q 'reported 5000 of query' || bad "POST /work"
  until_true 300 "the ledger lacks a meter" all_used
  until_true 300 "the event of 5,000 requests is not in the ledger" at_least 5000
  ok "an event and all five meters are in the ledger, sent by the service through the gateway"
}

# at_least REQUESTS: are recorded.
at_least() { awk -v used="$(used query)" -v least="$1" 'BEGIN { exit !(used != "" && used >= least) }'; }

# Data outlives the containers.
again() {
  local before after
  (cd "$place" && docker compose stop --timeout 30 core >/dev/null 2>&1)
  before=$(used query)
  (cd "$place" && docker compose down >/dev/null 2>&1) || bad "down"
  [ -z "$(docker ps --all --quiet)" ] || bad "down left containers"
  install >"$folder/$tier-again.log" 2>&1 || { tail -n 20 "$folder/$tier-again.log" && bad "a second install"; }
  grep -q 'manifest  .env is as it should be' "$folder/$tier-again.log" || bad "the second install wrote the manifest again"
  people
  after=$(used query)
  awk -v before="$before" -v after="$after" 'BEGIN { exit !(before >= 5000 && after >= before) }' || bad "before down $before requests, after it $after"
  get "$follow" | grep -q initech || bad "the onboarding request is gone"
  ok "after down and up the ledger and the onboarding request are as before"
  (cd "$place" && docker compose restart api-server >/dev/null 2>&1) || bad "restart"
  until_true 300 "the API server does not come back" at_least 5000
  ok "after a restart of the API server too"
  # Its key is another then, and everybody must hear of it.
  (cd "$place" && docker compose restart identity >/dev/null 2>&1) || bad "restart of identity"
  before=$(used query)
  until_true 300 "usage is refused since identity was started anew" works 70000
  until_true 300 "usage does not reach the ledger since identity was started anew" at_least $((${before%.*} + 70000))
  ok "usage goes on after a restart of identity, with another key"
}

works() { curl --silent --fail --output /dev/null --data "meter=query&quantity=$1" "$core/work"; }

# Without the script, as the file itself says: named volumes, and no folder.
bare() {
  (cd "$place" && rm -rf .env storage && docker compose --env-file infra/profiles/dev.env up --detach --wait --wait-timeout 720) >"$folder/bare.log" 2>&1 ||
    { tail -n 20 "$folder/bare.log" && bad "up --wait without the script"; }
  [ ! -e "$place/storage" ] || bad "up made a folder"
  works 1 || bad "POST /work without the script"
  (cd "$place" && docker compose --env-file infra/profiles/dev.env down --volumes >/dev/null 2>&1) || bad "down without the script"
  ok "dev starts without the script too, on volumes"
}

people() {
  person=$(token --audience billing --role CustomerSuccessManager --scope billing:read --scope onboarding:approve) || bad "no token"
}

# The installer: a dry run shows just what is done, and does nothing.
installed() {
  local dry=$folder/$tier-dry.log real=$folder/$tier-real.log before after
  before=$(cd "$place" && find . -type f -exec sha256sum {} + | sort | sha256sum)
  install --dry-run >"$dry"
  after=$(cd "$place" && find . -type f -exec sha256sum {} + | sort | sha256sum)
  [ "$before" = "$after" ] || bad "a dry run wrote a file"
  [ ! -e "$place/storage" ] || bad "a dry run made a folder"
  [ -z "$(docker ps --all --quiet)" ] || bad "a dry run started something"
  install >"$real" 2>&1 || { tail -n 30 "$real" && bad "install_tier.sh"; }
  diff <(grep '^+' "$dry") <(grep '^+' "$real") || bad "the dry run shows other commands than were run"
  diff <(sed -n 's/^| //p' "$dry") "$place/.env" || bad "the dry run shows another manifest than was written"
  [ "$(stat -c '%u:%g %a' "$place/storage/billing")" = "65532:65532 700" ] || bad "storage/billing: $(stat -c '%u:%g %a' "$place/storage/billing")"
  ok "install_tier.sh does what its dry run shows"
}

# What prod has beside dev.
prod() {
  # shellcheck disable=SC2016 # the container's shell fills it in
  (cd "$place" && docker compose exec -T backup sh -c \
    'PGPASSWORD=$(cat /run/secrets/database-password) psql --no-align --tuples-only --command "SELECT COUNT(*) FROM usage_ledger"') |
    grep -qE '^[1-9]' || bad "the ledger is not in PostgreSQL"
  ok "the ledger is in PostgreSQL"
  [ -n "$(find "$place/storage/backups/ledger" -name '*.dump' -size +0)" ] || bad "no copy of the database"
  (cd "$place" && docker compose run --rm --no-deps -T backup-tenant >"$folder/backup.log" 2>&1) || { cat "$folder/backup.log" && bad "backup-tenant"; }
  [ -n "$(find "$place/storage/backups/tenants" -type f -size +0)" ] || bad "no backup of the tenant"
  ok "a copy of the database, and a backup of the tenant"
  until_true 300 "Prometheus does not read all of its targets" targets
  until_true 300 "what was sent to the collector is not in Prometheus under its tenant" stamped
  ok "Prometheus reads collector, ledger and gateway; what claims another tenant is stamped with acme"
  until_true 120 "Prometheus lacks requests of core or transcribe: $(metric '/api/v1/query?query=http_server_request_duration_seconds_count')" measured
  ok "what the tenant's services tell of their requests is in Prometheus, each under its name"
  until_true 500 "an alert is pending or fires: $(metric '/api/v1/alerts')" quiet
  ok "Prometheus has the rules that need no cluster, and none of them says that something is wrong"
}

# From prod to dev: what dev has not is ended, and what is told then ends the rest.
lowered() {
  local running
  (cd "$place" && scripts/install_tier.sh dev --target compose --timeout 12m) >"$folder/lowered.log" 2>&1 ||
    { tail -n 30 "$folder/lowered.log" && bad "dev after prod"; }
  running=$(docker ps --all --format '{{.Label "com.docker.compose.service"}}' | sort | paste -sd ' ')
  [ "$running" = "api-server core gateway identity" ] || bad "dev after prod runs $running"
  works 1 || bad "POST /work in dev after prod"
  (cd "$place" && docker compose down >/dev/null 2>&1) || bad "down of dev after prod"
  [ -z "$(docker ps --all --quiet)" ] || bad "down of dev after prod left containers"
  [ -n "$(find "$place/storage/database" -maxdepth 2 -name PG_VERSION)" ] || bad "the database of prod is gone"
  ok "dev after prod ends what dev has not, and keeps its data"
}

metric() { curl --silent --fail "http://127.0.0.1:9090$1"; }

targets() {
  metric '/api/v1/query?query=up' | python3 -c '
import json, sys
up = {one["metric"]["job"]: one["value"][1] for one in json.load(sys.stdin)["data"]["result"]}
sys.exit(up != dict.fromkeys(["stack", "collector", "tenantry-api-server", "tenantry-gateway"], "1"))'
}

# quiet: every rule was asked and has an answer, and no alert fires or is about to. What customers' figures tell is not of this: the
# test uses up what it likes. Nor is a request that failed while all started: the error budget remembers it for hours.
quiet() {
  metric '/api/v1/rules' | python3 -c '
import json, sys
groups = json.load(sys.stdin)["data"]["groups"]
rules = [rule for group in groups if group["name"] != "tenantry-customers" for rule in group["rules"]]
alerts = {rule["name"]: rule for rule in rules if rule["type"] == "alerting"}
asked = all(rule["health"] == "ok" and not rule["lastEvaluation"].startswith("0001") for rule in rules)
def well(rule):
    return rule["state"] == "inactive" or (rule["state"] == "pending" and "tenantry:api_errors" in rule["query"])
sys.exit(not ("TenantrySpoolFilling" in alerts and asked and all(map(well, alerts.values()))))'
}

# A sender that says that it is another tenant. The collector has no port outside: the engine is ours, and so is its network.
stamped() {
  local box
  box=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' tenantry-otel-collector-1)
  curl --silent --output /dev/null --header 'Content-Type: application/json' "http://$box:4318/v1/metrics" --data '{"resourceMetrics": [{
    "resource": {"attributes": [{"key": "tenant.id", "value": {"stringValue": "borealis"}}, {"key": "service.name", "value": {"stringValue": "probe"}}]},
    "scopeMetrics": [{"metrics": [{"name": "probe.value", "gauge": {"dataPoints": [{"asInt": "7", "timeUnixNano": "'"$(date +%s%N)"'"}]}}]}]}]}'
  metric '/api/v1/query?query=probe_value' | python3 -c '
import json, sys
found = json.load(sys.stdin)["data"]["result"]
sys.exit(not found or {one["metric"].get("tenant_id") for one in found} != {"acme"})'
}

# measured: what the dashboard of a stack asks, of the services that send by themselves.
measured() {
  curl --silent --fail --get 'http://127.0.0.1:9090/api/v1/query' \
    --data-urlencode 'query=sum by (job) (http_server_request_duration_seconds_count{tenant_id="acme"})' | python3 -c '
import json, sys
count = {one["metric"].get("job"): float(one["value"][1]) for one in json.load(sys.stdin)["data"]["result"]}
sys.exit(set(count) != {"core", "transcribe"} or not all(count.values()))'
}

taken_down() {
  (cd "$place" && docker compose down --volumes >/dev/null 2>&1) || bad "down"
  [ -z "$(docker ps --all --quiet)$(docker volume ls --quiet)$(docker network ls --quiet --filter label=com.docker.compose.project)" ] ||
    bad "down left something"
  ok "down leaves no container, network or volume"
}

if [ "$tier" = prod ]; then
  # Prod knows people by their own provider only; here the secret of dev lets the test look. What Grafana
  # is asked is what its stand-in knows.
  export TENANTRY_DEVELOPMENT_SECRET_FILE=/identity/people/secret GRAFANA_HEALTH=http://grafana:3000/healthz
fi
copy
load
installed
healthy
least
people
usage
onboard
[ "$tier" = dev ] || prod
again
[ "$tier" = dev ] || lowered
taken_down
[ "$tier" = prod ] || bare
