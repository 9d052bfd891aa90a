#!/usr/bin/env bash
# Every way in which `scripts/install_tier.sh --target compose` stops, on a copy of the checkout with an
# engine that a script plays: the exit code, what is said, and that nothing was written before.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/tenantry-installer-XXXXXX")
listener=''
cleanup() {
  [ -z "$listener" ] || kill "$listener" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
place=$work/place
mkdir -p "$place" "$work/bin"
(cd "$root" && cp --parents -t "$place" docker-compose.yml infra/profiles/*.env charts/tenantry/Chart.yaml scripts/*.sh scripts/tier/*.sh)

# The engine: says the versions that the environment names, starts nothing.
cat >"$work/bin/docker" <<'SH'
#!/bin/sh
case "$1 ${2:-}" in
"compose version") [ -n "${PLAYED_COMPOSE-5.6.1}" ] && echo "${PLAYED_COMPOSE-5.6.1}" ;;
"version --format") [ -n "${PLAYED_ENGINE-29.0.1}" ] && echo "${PLAYED_ENGINE-29.0.1}" ;;
"info --format") echo "${PLAYED_RUNTIMES-{\"runc\":{\}\}}" ;;
"compose up") exit "${PLAYED_UP-0}" ;;
"compose down") sed -n 's/^TIER=/ends /p' .env && exit "${PLAYED_DOWN-0}" ;;
ps*) echo "${PLAYED_RUNNING-}" ;;
*) echo "nobody plays: docker $*" >&2 && exit 99 ;;
esac
SH
cat >"$work/bin/df" <<'SH'
#!/bin/sh
printf 'Filesystem 1024-blocks Used Available Capacity Mounted\nx 1 1 %s 1%% /\n' "${PLAYED_FREE-99999999}"
SH
chmod +x "$work/bin"/*
# Ports of nobody: what listens on this machine is not this test's.
export API_PORT=1 CORE_PORT=2 METRICS_PORT=3 GRAFANA_PORT=4

# A PATH without docker, whatever this machine has.
mkdir "$work/none"
for tool in bash sed awk cat env dirname getent id cut tail grep sha256sum diff cp mv chmod install head od tr df; do
  ln -s "$(command -v "$tool")" "$work/none/$tool"
done

told() { echo "PASS installer: $1"; }

# run CODE WORDS ARGUMENTS…: by the installer of the copy.
run() {
  local code=$1 words=$2 rc=0
  shift 2
  said=$(cd "$work" && PATH=${PLAYED_PATH:-$work/bin:$PATH} "$place/scripts/install_tier.sh" "$@" 2>&1 </dev/null) || rc=$?
  [ "$rc" = "$code" ] || fail "$* ended with $rc, not $code: $said"
  [[ $said = *"$words"* ]] || fail "$*: \"$words\" is not in: $said"
}

fail() {
  echo "FAIL installer: $1"
  exit 1
}

untouched() { [ "$(cd "$place" && find . -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')" = "./charts ./docker-compose.yml ./infra ./scripts " ] || fail "$1 left something"; }

compose=(--target compose)
run 2 "name a tier" "${compose[@]}"
run 2 "--target cloud: helm or compose" dev --target cloud
run 2 "are for --target helm" dev "${compose[@]}" --set a=b
run 2 "--gpu is an overlay of prod" dev "${compose[@]}" --gpu
run 2 "write a time such as" dev "${compose[@]}" --timeout soon
for time in soon 5 -5m 5mm; do run 2 "write a time such as" dev --timeout "$time"; done
told "wrong use is 2"
PLAYED_PATH=$work/none run 3 "docker is missing" dev "${compose[@]}"
PLAYED_COMPOSE='' PLAYED_PATH=$work/bin:$work/none run 3 "Docker Compose is missing" dev "${compose[@]}"
for old in 1.29.2 2.23.3 v2.9.0; do PLAYED_COMPOSE=$old run 3 "Docker Compose is $old; 2.24 or newer" dev "${compose[@]}"; done
told "a tool that is missing or too old is 3"
PLAYED_ENGINE='' run 4 "the Docker engine does not answer" dev "${compose[@]}"
PLAYED_ENGINE=19.03.1 run 4 "the Docker engine is 19.03.1" dev "${compose[@]}"
run 4 "no NVIDIA runtime" prod --gpu "${compose[@]}"
told "an engine that does not answer, is too old or has no GPU is 4"
exec 8< <(exec python3 -c '
import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(600)')
listener=$!
read -r taken <&8
API_PORT=$taken run 7 "port $taken is taken" dev "${compose[@]}"
GRAFANA_PORT=$taken run 7 "port $taken is taken" prod "${compose[@]}"
told "a port that is taken is 7"
PLAYED_FREE=2000000 run 8 "dev needs 2" dev "${compose[@]}"
PLAYED_FREE=9999999 run 8 "prod needs 10" prod "${compose[@]}"
told "a full disk is 8"
untouched "what stopped before the first change"
PLAYED_PATH=$work/none run 0 "+ docker compose up --detach --wait --wait-timeout 90" prod --gpu "${compose[@]}" --dry-run --timeout 90s
untouched "a dry run"
told "a dry run needs no engine, and neither it nor what stopped wrote anything"

ln -s /proc/nowhere "$place/storage"
run 5 "storage cannot be made" dev "${compose[@]}"
rm "$place/storage" "$place/.env"
mkdir "$place/.env.new"
run 5 ".env cannot be written" dev "${compose[@]}"
rmdir "$place/.env.new"
[ ! -e "$place/.env" ] || fail "a manifest is there that could not be written"
mkdir "$place/storage" && touch "$place/storage/billing"
run 5 "storage/billing cannot be made" dev "${compose[@]}"
rm -r "$place/storage" "$place/.env"
told "a folder that cannot be made is 5, and so is a manifest that cannot be written"
PLAYED_UP=1 run 1 "not everything became healthy" dev "${compose[@]}"
told "what does not become healthy is 1"

run 0 ".env is as it should be" dev "${compose[@]}"
PLAYED_RUNNING=abc API_PORT=$taken run 0 "open      http://localhost:$taken" dev "${compose[@]}"
PLAYED_DOWN=1 run 1 "tier dev could not be ended, and .env is still its own" prod "${compose[@]}"
grep -qx TIER=dev "$place/.env" || fail "what could not be ended has lost its manifest"
run 0 "+ docker compose down
+ write .env" prod "${compose[@]}" --dry-run
! grep -qx 'ends dev' <<<"$said" || fail "a dry run ended something"
run 0 "nobody had edited it" prod "${compose[@]}"
grep -qx 'ends dev' <<<"$said" || fail "prod leaves dev running: $said"
told "another tier that runs is ended by its own manifest, or nothing is changed"
touch "$place/storage/billing/ledger.db"
run 0 "ledger    prod has one of its own; that of the other tier stays" prod "${compose[@]}"
[ "$(stat -c %a "$place/secrets/database-url")" = 600 ] || fail "mode of secrets"
grep -qx "postgresql://tenantry:$(cat "$place/secrets/database-password")@postgres:5432/tenantry?sslmode=disable" "$place/secrets/database-url" ||
  fail "secrets/database-url"
secrets=$(cat "$place"/secrets/*)
run 0 ".env is as it should be" prod "${compose[@]}"
! grep -q '^ends ' <<<"$said" || fail "the same tier again was ended first: $said"
[ "$secrets" = "$(cat "$place"/secrets/*)" ] || fail "secrets were made anew"
told "again, and another tier, is no error; secrets are made once"
mv "$place/secrets" "$work/made"
echo of-mine >"$work/mine"
GRAFANA_PASSWORD_SECRET=$work/mine run 0 "Grafana: admin, and the password in $work/mine" prod "${compose[@]}"
[ -s "$place/secrets/database-password" ] || fail "no password of the database"
[ ! -e "$place/secrets/grafana-password" ] || fail "a password beside the one that was given"
rm -r "$place/secrets" && mv "$work/made" "$place/secrets"
told "a file of one's own stands for a secret"

echo REPORT_EVERY=1m >>"$place/.env"
edited=$(cat "$place/.env")
run 0 "was edited and is kept" prod "${compose[@]}"
run 9 'is that of tier "prod" and was edited' dev "${compose[@]}"
[ "$edited" = "$(cat "$place/.env")" ] || fail "an edited manifest was overwritten"
run 0 "kept in .env.edited-1" dev "${compose[@]}" --yes
[ "$edited" = "$(cat "$place/.env.edited-1")" ] || fail "--yes keeps no copy"
grep -qx TIER=dev "$place/.env" || fail "--yes does not replace it"
told "an edited manifest is kept, is 9 for another tier, and is replaced only with --yes, with a copy"
