#!/usr/bin/env bash
# Runs a command beside a Docker engine of its own, and leaves nothing of either behind:
#   scripts/compose/engine.sh FOLDER COMMAND…       root on Linux; FOLDER holds the engine's data
#   scripts/compose/engine.sh --check               what is missing, one line each
#   scripts/compose/engine.sh --packages            Debian's packages that are missing
#   scripts/compose/engine.sh --group FOLDER        the name of the control groups of that folder's engine
# The engine is dockerd of PATH, or that of Debian's package, which is unpacked, not installed: nothing
# starts by itself. Engine and containers live in mount, network and process namespaces of their own, so
# that bridges, rules, mounts and processes end with the last of them; control groups are removed after.
# The command finds DOCKER_HOST, `docker` and `docker compose`. Ends as it does, or with 3 where no engine
# can work.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

kept=$TENANTRY_CACHE/engine

packages() {
  has containerd || echo containerd
  has runc || echo runc
  has iptables || echo iptables
  has ip || echo iproute2
  # What dockerd is linked with, since its own package is not installed.
  ldconfig -p | grep -q libdevmapper.so.1.02.1 || echo libdevmapper1.02.1
}

check() {
  local package
  [ "$(uname -s)" = Linux ] || echo "Linux"
  [ "$(id -u)" = 0 ] || echo "root: an engine needs it"
  for package in $(packages); do echo "$package (Debian: apt-get install $package)"; done
  has dockerd || has apt-get || [ -x "$kept/usr/sbin/dockerd" ] || echo "dockerd, or apt-get to get Debian's package docker.io"
  has unshare || echo "unshare (util-linux)"
  [ "$(id -u)" != 0 ] || unshare --mount --net --pid --fork true 2>/dev/null || echo "namespaces: this machine does not allow them"
  [ -d /sys/fs/cgroup/memory ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null || echo "control groups for memory"
}

# get: the programs of Debian's package, once.
get() {
  local work
  if has dockerd || [ -x "$kept/usr/sbin/dockerd" ]; then return; fi
  mkdir -p "$TENANTRY_CACHE"
  work=$(mktemp -d "$TENANTRY_CACHE/.engine-XXXXXX")
  # The second time with a list of packages, which a new machine may lack.
  if (cd "$work" && { apt-get download -qq docker.io || { apt-get update -qq && apt-get download -qq docker.io; }; }) >&2 &&
    dpkg-deb --extract "$work"/docker.io_*.deb "$work/root"; then
    rm -rf "$kept" && mv "$work/root" "$kept"
  fi
  rm -rf "$work"
  [ -x "$kept/usr/sbin/dockerd" ] || {
    echo "scripts/compose/engine.sh: Debian's package docker.io cannot be had" >&2
    exit 1
  }
}

# tools FOLDER: where `docker` and its plugin compose are.
tools() {
  local venv
  venv=$(python_tools compose "$root/infra/compose/requirements.txt")
  mkdir -p "$1/config/cli-plugins"
  ln -sf "$venv/bin/docker-compose" "$1/config/cli-plugins/docker-compose"
  echo '{}' >"$1/daemon.json"
}

# group FOLDER: the name of the engine's control groups.
group() { echo "tenantry-engine-$(cksum <<<"$1" | cut -d' ' -f1)"; }

# groups NAME: removes the engine's control groups. Their processes are gone; the kernel needs a moment.
groups() {
  local tries=0 group
  while group=$(find /sys/fs/cgroup -type d -name "$1" -print -quit 2>/dev/null) && [ -n "$group" ]; do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { echo "scripts/compose/engine.sh: the control group $group stays" >&2 && return 1; }
    sleep 0.1
  done
}

outside() {
  local folder group rc=0
  folder=$(mkdir -p "$1" && cd "$1" && pwd)
  shift
  group=$(group "$folder")
  get
  tools "$folder"
  export PATH=$PATH:$kept/usr/sbin:$kept/usr/bin DOCKER_CONFIG=$folder/config DOCKER_HOST=unix://$folder/socket
  # Also when somebody interrupts this.
  # shellcheck disable=SC2064 # the names as they are now
  trap "groups '$group'; rm -rf '$folder/data' '$folder/exec'" EXIT
  unshare --mount --net --pid --fork --kill-child --mount-proc "$0" --inside "$folder" "$group" "$@" || rc=$?
  exit "$rc"
}

inside() {
  local folder=$1 group=$2 engine rc=0
  shift 2
  # What shims and iptables put there is this namespace's.
  mount -t tmpfs tmpfs /run
  ip link set lo up
  dockerd --config-file "$folder/daemon.json" --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" \
    --host "$DOCKER_HOST" --cgroup-parent "$group" >"$folder/engine.log" 2>&1 &
  engine=$!
  until docker info >/dev/null 2>&1; do
    kill -0 "$engine" 2>/dev/null || {
      tail -n 20 "$folder/engine.log" >&2
      echo "scripts/compose/engine.sh: the engine ended (whole log: $folder/engine.log)" >&2
      exit 3
    }
    sleep 0.1
  done
  "$@" || rc=$?
  kill "$engine"
  wait "$engine" || true
  exit "$rc"
}

case ${1:-} in
--check) check ;;
--packages) packages ;;
--group) group "$(cd "$2" && pwd)" ;;
--inside) shift && inside "$@" ;;
'' | -*) sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//p}' "$0" && exit 2 ;;
*) outside "$@" ;;
esac
