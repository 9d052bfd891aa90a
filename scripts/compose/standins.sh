#!/usr/bin/env bash
# Loads into an engine, under the names that docker-compose.yml gives them, what no package registry
# carries as an image:
#   scripts/compose/standins.sh FOLDER      DOCKER_HOST says which engine; FOLDER is worked in
# otelcol and Prometheus are built from their sources (scripts/parts). PostgreSQL is Debian's, in an image
# that takes the settings of the official one which docker-compose.yml uses. Grafana cannot be had: in its
# place the sample answers on its port, and nothing of Grafana is shown.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

folder=$1/root
named() { sed -n "s/^$1=//p" "$root/infra/profiles/prod.env"; }

# with_libraries PROGRAM…: into the folder, each with what it is linked with.
with_libraries() {
  local program file
  for program; do
    for file in "$program" $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*'); do
      mkdir -p "$folder$(dirname "$file")"
      cp --dereference "$file" "$folder$file"
    done
  done
}

postgres() {
  local programs tool tools=()
  programs=$(dirname "$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)")
  for tool in sh bash cat date find ls mkdir mv rm sleep sort tail head cp env id; do tools+=("$(command -v "$tool")"); done
  mkdir -p "$folder"/{tmp,etc,usr/share,var/lib/postgresql/data,var/run/postgresql}
  chmod 3777 "$folder/var/run/postgresql"
  # What is needed to be anybody: initdb wants to know its user's name.
  echo 'postgres:x:65532:65532::/var/lib/postgresql:/bin/sh' >"$folder/etc/passwd"
  echo 'postgres:x:65532:' >"$folder/etc/group"
  with_libraries "${tools[@]}" "$programs"/{postgres,initdb,pg_ctl,pg_dump,pg_restore,pg_isready,psql} \
    "${programs%/bin}"/lib/{plpgsql,dict_snowball}.so
  for tool in sh bash; do
    [ -e "$folder/bin/$tool" ] || { mkdir -p "$folder/bin" && cp "$folder$(command -v "$tool")" "$folder/bin/$tool"; }
  done
  cp -r --parents /usr/share/postgresql /usr/share/zoneinfo "$folder"
  cat >"$folder/entrypoint" <<'SH'
#!/bin/sh
# As the official image's: makes the database at the first start, then serves it.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --encoding=UTF8 --locale=C $POSTGRES_INITDB_ARGS
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  pg_ctl --pgdata="$PGDATA" --options="-c listen_addresses=''" --wait start
  PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") psql --host=/var/run/postgresql --username="$POSTGRES_USER" --dbname=postgres --command="CREATE DATABASE \"$POSTGRES_DB\""
  pg_ctl --pgdata="$PGDATA" --wait stop
fi
exec postgres -D "$PGDATA" -c listen_addresses='*'
SH
  chmod 755 "$folder/entrypoint"
  tar -C "$folder" -c . | docker import --change 'ENTRYPOINT ["/entrypoint"]' --change "ENV PATH=$programs:/usr/bin:/bin" - "$(named IMAGE_DATABASE)"
  rm -rf "$folder"
}

grafana() {
  mkdir -p "$1/grafana"
  printf 'FROM %s\nENV PORT=3000\n' "$(named IMAGE_SAMPLE)" >"$1/grafana/Dockerfile"
  DOCKER_BUILDKIT=0 docker build --quiet --tag "$(named IMAGE_GRAFANA)" "$1/grafana"
}

for tar in $("$root/scripts/parts"); do docker load --quiet --input "$tar"; done
postgres
grafana "$1"
