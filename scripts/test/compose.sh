# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/test.sh, which sources this
# Stage compose: docker-compose.yml and its installer, on a real engine where this is root.

# compose_tests NAME COMMAND…: counts the lines PASS and FAIL, shows the first as they come.
compose_tests() {
  local name=$1 log=$logs/compose-$1.log rc=0
  shift
  "$@" 2>&1 | tee "$log" | sed -n 's/^PASS /  ok       /p' || rc=$?
  add_tests "$(grep -c '^PASS' "$log" || true)" "$(grep -c '^FAIL' "$log" || true)"
  [ "$rc" = 0 ] || { grep -v '^PASS' "$log" | tail -n 60 && fails "compose $name (whole output: $log)"; }
  grep -q '^PASS' "$log" || fails "compose $name: no test ran (whole output: $log)"
}

# compose_config: each tier and overlay is a valid model, and starts what it should.
compose_config() {
  local compose=$1 tier files services
  for tier in dev prod "prod gpu"; do
    files=()
    for file in $tier; do files+=(--env-file "infra/profiles/$file.env"); done
    services=$("$compose" "${files[@]}" config --services) || fails "compose config: $tier"
    case $tier in
      dev) [ "$(sort <<<"$services" | paste -sd ' ')" = "api-server core gateway identity" ] || fails "tier dev starts: $services" ;;
      *) [ "$(wc -l <<<"$services")" = 11 ] || fails "tier $tier starts: $services" ;;
    esac
  done
  # An engine makes an empty folder of a file that is not there.
  "$compose" "${files[@]}" config --format json | python3 -c '
import json, os, sys
for name, service in json.load(sys.stdin)["services"].items():
    for volume in service.get("volumes", []):
        source = volume["source"]
        if volume["type"] == "bind" and not source.startswith(os.getcwd() + "/storage/") and not os.path.exists(source):
            sys.exit(f"{name}: {source} is not there")' || fails "docker-compose.yml mounts what is not there"
  "$compose" "${files[@]}" config | grep -q 'driver: nvidia' || fails "the overlay gpu asks for no GPU"
  ! "$compose" config >"$logs/compose-bare.log" 2>&1 || fails "compose config goes without a tier"
  grep -q 'run scripts/install_tier.sh' "$logs/compose-bare.log" || fails "without a tier no remedy is said"
  fact "compose config: dev, prod, prod with gpu, and none"
}

# Nothing of an engine that has ended may be there.
compose_left() {
  local left
  left=$(
    grep -F "$1" /proc/self/mounts
    find /sys/fs/cgroup -type d -name "$(scripts/compose/engine.sh --group "$1")" 2>/dev/null
    pgrep -fa "$1/(data|exec|socket)"
    find "$1" -maxdepth 1 \( -name data -o -name exec \)
  ) || true
  [ -z "$left" ] || fails "left behind: $left"
  fact "the engine left no process, mount, control group or data"
}

stage_compose() {
  local tools package gaps tier rc=0 folder=$logs/engine
  needs_venv compose
  tools=$(python_tools compose infra/compose/requirements.txt) || fails "Docker Compose could not be installed"
  compose_config "$tools/bin/docker-compose"
  compose_tests installer scripts/compose/failures.sh
  for package in $(scripts/compose/engine.sh --packages); do debian "$package"; done
  has_postgres || debian postgresql
  has curl || debian curl
  gaps=$(scripts/compose/engine.sh --check)
  has_postgres || gaps+=" postgresql (Debian: apt-get install postgresql)"
  if [ -n "$gaps" ]; then
    if [ -n "${CI:-}" ] && { [ -n "$(scripts/compose/engine.sh --packages)" ] || ! has_postgres; }; then
      fails "Debian's packages for an engine are missing, and apt-get could not ($logs)"
    fi
    skipped "compose on a real engine: $(paste -sd ';' <<<"$gaps")"
    return
  fi
  scripts/compose/engine.sh "$folder" true >"$logs/engine.log" 2>&1 || rc=$?
  if [ "$rc" = 3 ]; then
    skipped "compose on a real engine: dockerd does not work on this machine: $(grep -v ' level=\(info\|warning\) ' "$logs/engine.log" | tail -n 3 | paste -sd ' ')"
    return
  fi
  [ "$rc" = 0 ] || { tail -n 20 "$logs/engine.log" && fails "scripts/compose/engine.sh"; }
  [ -n "${IMAGES_DIR:-}" ] || scripts/images build 2>&1 >/dev/null | sed 's/^/  /'
  scripts/parts 2>&1 >/dev/null | sed 's/^/  /'
  for tier in dev prod; do
    compose_tests "$tier" scripts/compose/engine.sh "$folder" scripts/compose/live.sh "$tier"
    compose_left "$folder"
  done
}
