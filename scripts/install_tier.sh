#!/usr/bin/env bash
# Installs Tenantry for a tier, or upgrades it; the same command for both.
#
#   scripts/install_tier.sh dev|prod [options]
#
#   --target WHERE    helm: into a cluster (without it); compose: on this machine, in containers
#   --dry-run         print every command and every file that would be written; asks nobody, changes nothing
#   --gpu             prod with GPUs
#   --timeout TIME    how long it may take to become ready (5m)
#   --yes             do not ask, and replace a manifest that was edited (its old form is kept beside it)
#
# Into a cluster:
#   --context NAME    the kubectl context; without it the current one
#   --values FILE     values of your own, over the tier's; may be repeated
#   --set NAME=VALUE  one value, over all files; may be repeated
#
# Exit codes: 0 done, 1 the installation failed, 2 wrong use, 3 a tool is missing or too old, 4 the cluster
# or the engine does not answer, is too old or has no GPU, 5 a right is missing, 6 not confirmed, 7 a port is
# taken, 8 the disk is too full, 9 the manifest is another tier's and was edited.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/tier/helm.sh
. "$root/scripts/tier/helm.sh"
# shellcheck source=scripts/tier/compose.sh
. "$root/scripts/tier/compose.sh"

tier='' target=helm context='' dry='' gpu='' yes='' timeout=5m own=()

usage() { sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//p}' "$0"; }

# stop CODE WHAT
stop() {
  echo "scripts/install_tier.sh: $2" >&2
  exit "$1"
}

wrong() {
  usage >&2
  stop 2 "$1"
}

# argument NAME VALUE…: that an option has its argument.
argument() {
  if [ $# -lt 2 ] || [ -z "$2" ]; then wrong "$1 needs an argument"; fi
}

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      dev | prod)
        [ -z "$tier" ] || wrong "one tier, not \"$tier\" and \"$1\""
        tier=$1
        ;;
      --dry-run) dry=1 ;;
      --gpu) gpu=1 ;;
      --yes) yes=1 ;;
      --target) argument "$@" && target=$2 && shift ;;
      --context) argument "$@" && context=$2 && shift ;;
      --timeout) argument "$@" && timeout=$2 && shift ;;
      --values)
        argument "$@"
        [ -r "$2" ] || wrong "--values $2: no such file"
        own+=(--values "$2")
        shift
        ;;
      --set) argument "$@" && own+=(--set "$2") && shift ;;
      -h | --help) usage && exit 0 ;;
      *) wrong "no tier or option \"$1\"" ;;
    esac
    shift
  done
  [ -n "$tier" ] || wrong "name a tier: dev or prod"
  [ -z "$gpu" ] || [ "$tier" = prod ] || wrong "--gpu is an overlay of prod"
  case $target in
    helm)
      [[ $timeout =~ ^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$ ]] || wrong "--timeout $timeout: write a time such as 90s or 5m"
      ;;
    compose)
      [ -z "$context${own[*]}" ] || wrong "--context, --values and --set are for --target helm"
      [[ $timeout =~ ^[1-9][0-9]*[smh]$ ]] || wrong "--timeout $timeout: write a time such as 90s or 5m"
      ;;
    *) wrong "--target $target: helm or compose" ;;
  esac
}

# shown COMMAND…: as one would type it at the root of the checkout.
shown() {
  local word line=''
  for word; do line+=" $(printf '%q' "${word#"$root"/}")"; done
  echo "+$line"
}

# do_it COMMAND…: shows it, and does it unless this is a dry run.
do_it() {
  shown "$@"
  [ -n "$dry" ] || "$@"
}

parse "$@"
"with_$target"
