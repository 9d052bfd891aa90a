# shellcheck shell=bash disable=SC2154 # variables and words of scripts/install_tier.sh, which sources this
# On this machine, by Docker Compose. All that is written: .env (the manifest), storage/, secrets/.

compose=(docker compose)
manifest=$root/.env
# What the containers run as: the owner of what they write.
owner=$(id -u) group=$(id -g)
[ "$owner" != 0 ] || { owner=65532 && group=65532; }

# at_least VERSION MAJOR MINOR
at_least() {
  local major minor
  IFS=.- read -r major minor _ <<<"${1#v}"
  [[ $major =~ ^[0-9]+$ ]] && { [ "$major" -gt "$2" ] || { [ "$major" = "$2" ] && [ "${minor:-0}" -ge "$3" ]; }; }
}

compose_tools() {
  local version
  if ! version=$(docker compose version --short 2>/dev/null) && version=$(docker-compose version --short 2>/dev/null); then
    compose=(docker-compose)
  fi
  [ -z "$dry" ] || return 0
  has docker || stop 3 "docker is missing: https://docs.docker.com/engine/install"
  [ -n "$version" ] || stop 3 "Docker Compose is missing: https://docs.docker.com/compose/install"
  at_least "$version" 2 24 || stop 3 "Docker Compose is $version; 2.24 or newer is needed (env files, required: false)"
}

engine() {
  local version
  version=$(docker version --format '{{.Server.Version}}' 2>/dev/null) ||
    stop 4 "the Docker engine does not answer: docker info must work (${DOCKER_HOST:-its default socket})"
  at_least "$version" 20 10 || stop 4 "the Docker engine is $version; 20.10 or newer is needed"
  echo "engine    Docker $version"
  [ -z "$gpu" ] || docker info --format '{{json .Runtimes}}' 2>/dev/null | grep -q nvidia ||
    stop 4 "the engine has no NVIDIA runtime, which --gpu needs: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit"
}

# setting NAME DEFAULT: as compose will find it.
setting() {
  local value=${!1:-}
  [ -n "$value" ] || value=$(sed -n "s/^$1=//p" "$manifest" 2>/dev/null | tail -n 1) || true
  echo "${value:-$2}"
}

ports() {
  setting API_PORT 8080
  setting CORE_PORT 8082
  [ "$tier" = dev ] || { setting METRICS_PORT 9090 && setting GRAFANA_PORT 3000; }
}

free_ports() {
  local port
  # What runs already holds its own.
  [ -z "$(docker ps --quiet --filter label=com.docker.compose.project=tenantry 2>/dev/null)" ] || return 0
  for port in $(ports); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      stop 7 "port $port is taken: end what listens there, or set another (API_PORT, CORE_PORT, METRICS_PORT, GRAFANA_PORT) in the environment"
    fi
  done
}

disk() {
  local need=2 free
  [ "$tier" = dev ] || need=10
  free=$(df -Pk "$root" | awk 'NR == 2 { print int($4 / 1048576) }')
  [ "$free" -ge "$need" ] || stop 8 "$free GiB are free where $root is; $tier needs $need"
}

# wanted: the manifest as this tier has it; its first lines say by what, and the sum of the rest.
wanted() {
  local text
  text=$(
    cat "$root/infra/profiles/$tier.env"
    [ -z "$gpu" ] || cat "$root/infra/profiles/gpu.env"
    echo "# Of this machine: who owns what the containers write, and where that is."
    echo "TENANTRY_UID=$owner"
    echo "TENANTRY_GID=$group"
    [ "$tier" = prod ] || printf '%s\n' LEDGER_VOLUME=./storage/billing SPOOL_VOLUME=./storage/spool
  )
  echo "# The manifest of docker-compose.yml, by scripts/install_tier.sh. Edit it: it is not overwritten unasked."
  echo "# sum $(sha256sum <<<"$text" | cut -c1-64)"
  echo "$text"
}

# edited: whether the manifest that is there is not as it was written.
edited() {
  local sum
  sum=$(sed -n '2s/^# sum //p' "$manifest")
  [ "$sum" != "$(tail -n +3 "$manifest" | sha256sum | cut -c1-64)" ]
}

# write MODE FILE: from standard input, whole or not at all. A dry run shows what.
write() {
  local text
  text=$(cat)
  echo "+ write ${2#"$root"/} (mode $1)"
  if [ -n "$dry" ]; then
    [ "$1" = 0600 ] || printf '| %s\n' "${text//$'\n'/$'\n| '}"
    return
  fi
  (umask 077 && printf '%s\n' "$text" >"$2.new") || stop 5 "${2#"$root"/} cannot be written"
  [ "$(id -u)" != 0 ] || [ "$1" != 0600 ] || chown "$owner:$group" "$2.new"
  chmod "$1" "$2.new"
  mv "$2.new" "$2"
}

# ended: what runs of another tier. With the new manifest Compose no longer knows its services: `up` would leave
# them running, and so would `down`.
ended() {
  local was
  was=$(sed -n 's/^TIER=//p' "$manifest" 2>/dev/null | tail -n 1) || true
  case $was in '' | "$tier") return ;; esac
  echo "tier      $was is ended first; its data stays in storage/, its ledger is not brought over"
  do_it "${compose[@]}" down || stop 1 "tier $was could not be ended, and .env is still its own; see: ${compose[*]} ps --all"
}

copy_manifest() {
  local n=1
  if [ -e "$manifest" ]; then
    if [ "$(wanted)" = "$(cat "$manifest")" ]; then
      echo "manifest  .env is as it should be"
      return
    elif ! edited; then
      echo "manifest  .env is replaced; nobody had edited it"
    elif [ -z "$yes" ]; then
      [ "$(setting TIER '')" = "$tier" ] ||
        stop 9 ".env is that of tier \"$(setting TIER none)\" and was edited: give --yes to replace it (a copy stays), or move it away"
      echo "manifest  .env was edited and is kept; --yes replaces it. What it would have (>):"
      wanted | diff "$manifest" - | sed -n 's/^[<>]/          &/p' || true
      return
    else
      while [ -e "$manifest.edited-$n" ]; do n=$((n + 1)); done
      echo "manifest  .env was edited and is replaced; as it was, it is kept in .env.edited-$n"
      do_it cp -p "$manifest" "$manifest.edited-$n"
    fi
  fi
  ended
  wanted | write 0644 "$manifest"
}

folders() {
  local folder as=()
  [ "$(id -u)" != 0 ] || as=(-o "$owner" -g "$group")
  local all=(storage/billing storage/spool)
  [ "$tier" = dev ] || all+=(storage/backups storage/database storage/metrics storage/grafana secrets)
  do_it install -d -m 0755 "$root/storage" || stop 5 "the folder storage cannot be made in $root"
  for folder in "${all[@]}"; do
    do_it install -d -m 0700 "${as[@]}" "$root/$folder" || stop 5 "the folder $folder cannot be made or given to $owner:$group"
  done
}

# A ledger does not move by itself from a folder into a database: who changes the tier hears of it before it is begun.
own_ledger() {
  [ "$tier" = prod ] && [ -e "$root/storage/billing/ledger.db" ] || return 0
  echo "ledger    prod has one of its own; that of the other tier stays where it is (storage/billing) and is not brought over"
}

random() { head -c 24 /dev/urandom | od -An -vtx1 | tr -d ' \n'; }

# given SETTING NAME: whether a file of one's own stands for the secret of that name.
given() { [ "$(setting "$1" "./secrets/$2")" != "./secrets/$2" ]; }

# secret SETTING NAME: made once; what is there stays, since the database has it too.
secret() {
  given "$1" "$2" || [ -e "$root/secrets/$2" ] || random | write 0600 "$root/secrets/$2"
}

secrets() {
  [ "$tier" = prod ] || return 0
  secret GRAFANA_PASSWORD_SECRET grafana-password
  secret DATABASE_PASSWORD_SECRET database-password
  given DATABASE_URL_SECRET database-url || [ -e "$root/secrets/database-url" ] ||
    echo "postgresql://tenantry:$(cat "$(setting DATABASE_PASSWORD_SECRET ./secrets/database-password)" 2>/dev/null)@postgres:5432/tenantry?sslmode=disable" |
    write 0600 "$root/secrets/database-url"
}

seconds() {
  case $timeout in
    *h) echo $((${timeout%h} * 3600)) ;;
    *m) echo $((${timeout%m} * 60)) ;;
    *) echo "${timeout%s}" ;;
  esac
}

# What there is to see.
told() {
  local api='' core='' metrics='' grafana='' password
  password=$(setting GRAFANA_PASSWORD_SECRET ./secrets/grafana-password)
  { read -r api && read -r core && read -r metrics && read -r grafana; } < <(ports) || [ "$tier" = dev ]
  echo "open      http://localhost:$api      the pages and the API (/docs)"
  echo "          http://localhost:$core      the tenant's service; it reports some usage by itself"
  if [ "$tier" = prod ]; then
    echo "          http://localhost:$metrics      Prometheus"
    echo "          http://localhost:$grafana      Grafana: admin, and the password in ${password#./}"
    echo "people    come by your OIDC provider: infra/compose/issuers.yaml says how"
    echo "backups   storage/backups, each day; the tenant's: ${compose[*]} run --rm backup-tenant"
  else
    echo "token     ${compose[*]} exec api-server /api-server token --audience billing --role CustomerSuccessManager --scope billing:read"
  fi
  echo "stop      ${compose[*]} down      (data stays in storage/)"
}

with_compose() {
  cd "$root" || stop 1 "$root cannot be entered"
  compose_tools
  if [ -z "$dry" ]; then
    engine
    disk
    free_ports
  fi
  copy_manifest
  own_ledger
  folders
  secrets
  do_it "${compose[@]}" up --detach --wait --wait-timeout "$(seconds)" ||
    stop 1 "not everything became healthy; see: ${compose[*]} ps --all; ${compose[*]} logs"
  told
}
