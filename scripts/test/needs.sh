# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/test.sh, which sources this
# What a stage needs of the machine: installed where root on Debian may, else said.

# debian PACKAGE: installs it where this is root on Debian; whoever needs it looks whether it is there.
debian() {
  [ "$(id -u)" = 0 ] && has apt-get || return 0
  {
    flock 7 # Another stage may want one too.
    # The second time with a list of packages, which a new machine may lack.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1" >"$logs/apt-$1.log" 2>&1 7>&- ||
      (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1") >"$logs/apt-$1.log" 2>&1 7>&- || true
  } 7>"$logs/apt"
}

# needs_venv WHO: python3 that can make an environment.
needs_venv() {
  python3 -c 'import ensurepip' 2>/dev/null || debian python3-venv
  python3 -c 'import ensurepip' 2>/dev/null ||
    fails "$1: python3 with venv is missing (Debian: apt-get install python3-venv)"
}

# The ledger's tests start a PostgreSQL of their own. Where there is none and none can be had, they
# are left out; not in CI.
has_postgres() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# needs_postgres WHAT: leaves it out where there is none, by the stage's filter.
needs_postgres() {
  has_postgres || debian postgresql
  if ! has_postgres; then
    [ -z "${CI:-}" ] || fails "PostgreSQL is not installed and apt-get could not ($logs/apt-postgresql.log)"
    skipped "$1 on PostgreSQL: it is not installed, and only root with apt-get could (Debian: apt-get install postgresql)"
    filter+=(--skip postgres::)
  fi
}
