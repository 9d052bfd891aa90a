# shellcheck shell=bash
# What the scripts share. Source it; it changes nothing but the environment of its caller.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Some runners start without a home; every cache below needs one.
HOME=${HOME:-$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6)}
export HOME=${HOME:-/tmp}
export TENANTRY_CACHE=${TENANTRY_CACHE:-$HOME/.cache/tenantry}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$TENANTRY_CACHE/target}
# A fresh clone finds nothing to go on from, and what it would keep fills the disk.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
for folder in "$HOME/.cargo/bin" /usr/local/go/bin; do
  case :$PATH: in *:"$folder":*) ;; *) [ ! -d "$folder" ] || PATH=$PATH:$folder ;; esac
done
unset folder

# Colours only where a person looks.
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' plain=$'\e[0m'
else
  # shellcheck disable=SC2034 # for those who source this
  bold='' dim='' red='' plain=''
fi

# Milliseconds since some moment.
now_ms() {
  local stamp=${EPOCHREALTIME/[.,]/}
  echo "$((stamp / 1000))"
}

# seconds_since START_MS: with one decimal.
seconds_since() {
  local ms=$(($(now_ms) - $1))
  printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# minutes_since START_MS: with one decimal.
minutes_since() {
  local tenths=$((($(now_ms) - $1) / 6000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# past_month_end: waits while a month of UTC ends within twenty minutes. What is used is counted from its begin on, and
# of its last minutes there is next to no quota.
past_month_end() {
  local left
  left=$(($(date -ud "$(date -u +%Y-%m-01) + 1 month" +%s) - $(date +%s)))
  [ "$left" -gt 1200 ] || sleep "$((left + 5))"
}

has() { command -v "$1" >/dev/null 2>&1; }

# The toolchain that rust-toolchain.toml pins.
pinned_rust() { sed -n 's/^channel = "\(.*\)"/\1/p' "$root/rust-toolchain.toml"; }

# Prints what is missing to build the project, one line each with the remedy; nothing when all is there.
missing_tools() {
  local want
  want=$(pinned_rust)
  if ! has cargo; then
    echo "cargo: install Rust from https://rustup.rs, then: rustup toolchain install $want --profile minimal"
  elif ! (cd "$root" && cargo --version >/dev/null 2>&1); then
    echo "Rust $want: rustup toolchain install $want --profile minimal"
  fi
  has cc || echo "cc: a C compiler (Debian: apt-get install build-essential)"
  has go || echo "go: Go 1.26 or newer, from https://go.dev/dl/"
  has sha256sum || echo "sha256sum: GNU coreutils"
}

# Prints the components of the pinned Rust that are missing, with the remedy.
missing_components() {
  local want
  want=$(pinned_rust)
  (cd "$root" && cargo fmt --version >/dev/null 2>&1) || echo "rustfmt: rustup component add --toolchain $want rustfmt"
  (cd "$root" && cargo clippy --version >/dev/null 2>&1) || echo "clippy: rustup component add --toolchain $want clippy"
}

# go_program NAME FOLDER: builds the Go program in a folder once per version of its source, and prints its path.
go_program() {
  local key bin tmp
  # Everything that go build reads: source, pins and the embedded files.
  key=$(cd "$2" && find . -type f ! -name '*_test.go' ! -name '*.md' ! -path './testdata/*' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
  bin=$TENANTRY_CACHE/$1/bin/$1-$key
  if [ ! -x "$bin" ]; then
    if ! has go; then
      echo "scripts/$1: no \`go\` in PATH. Install Go 1.26 or newer, then run this again." >&2
      return 1
    fi
    mkdir -p "$(dirname "$bin")"
    # Build beside, then rename: parallel runs never see half a program.
    tmp=$(mktemp "$(dirname "$bin")/.build-XXXXXX")
    if ! (cd "$2" && CGO_ENABLED=0 GOWORK=off go build -buildvcs=false -trimpath -o "$tmp" .); then
      rm -f "$tmp"
      return 1
    fi
    chmod 755 "$tmp"
    mv "$tmp" "$bin"
  fi
  echo "$bin"
}

# python_tools NAME FILE: installs the packages of a requirements file once into a folder outside the
# checkout, and prints that folder.
python_tools() {
  local venv
  venv=$TENANTRY_CACHE/$1-$(sha256sum "$2" | cut -c1-16)
  if [ ! -e "$venv/ready" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" &&
      "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" >&2 || return 1
    touch "$venv/ready"
  fi
  echo "$venv"
}
