#!/usr/bin/env bash
# Tenantry on a bare machine: a real Kubernetes control plane, the chart, three tenants, a tour of what the operator
# does, and a customer from the form to their figures. It stays up to be tried.
#
#   scripts/demo.sh                  build, start, tour, stay up: on a real node where this machine can
#                                    run one, with simulated nodes elsewhere
#   scripts/demo.sh --mode real      a real node (root on Linux, Debian's containerd): the chart, and pods
#                                    that run; its first run builds images for many minutes
#   scripts/demo.sh --mode fleet     simulated nodes and pods; operator and API server are processes: any user, sooner
#   scripts/demo.sh --once           the same, then stop everything; the exit code says how it went
#   scripts/demo.sh --env            print what a shell needs for the newest demo: eval "$(scripts/demo.sh --env)"
#   scripts/demo.sh --stop           stop every demo of this user and remove what it left
#   scripts/demo.sh --context NAME   use this kubectl context instead of starting a control plane;
#                                    its nodes are never touched
#   scripts/demo.sh --install        first install the system packages that are missing (apt, root)
#
# Builds and binaries are cached in ${TENANTRY_CACHE:-~/.cache/tenantry}; each run has a folder there.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/demo/phases.sh
. "$root/scripts/demo/phases.sh"
# shellcheck source=scripts/demo/chart.sh
. "$root/scripts/demo/chart.sh"
# shellcheck source=scripts/demo/processes.sh
. "$root/scripts/demo/processes.sh"
# shellcheck source=scripts/demo/real.sh
. "$root/scripts/demo/real.sh"
# shellcheck source=scripts/demo/tour.sh
. "$root/scripts/demo/tour.sh"
# shellcheck source=scripts/demo/customer.sh
. "$root/scripts/demo/customer.sh"
# shellcheck source=scripts/demo/run.sh
. "$root/scripts/demo/run.sh"
cd "$root"

# shellcheck disable=SC2034 # the sourced files read these
mode=stay run='' context='' install='' ground='' why_fleet=''

usage() { sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//p}' "$0"; }

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      --once) mode=once ;;
      --stop) mode=stop ;;
      --env) mode='env' ;;
      --install) install=1 ;;
      --mode)
        case ${2:-} in fleet | real) ground=$2 ;; *) wrong "--mode takes fleet or real" ;; esac
        shift
        ;;
      --context)
        [ -n "${2:-}" ] || wrong "--context needs the name of a context (kubectl config get-contexts)"
        context=$2
        shift
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) wrong "no option \"$1\"" ;;
    esac
    shift
  done
  [ -z "$context" ] || [ -z "$ground" ] || wrong "--context and --mode exclude each other: the context has a cluster already"
}

wrong() {
  usage >&2
  echo "scripts/demo.sh: $1" >&2
  exit 2
}

main() {
  parse "$@"
  case $mode in
    stop)
      stop_all
      exit 0
      ;;
    env)
      print_env
      exit 0
      ;;
  esac
  local begin tour
  begin=$(now_ms)
  new_run
  choose_ground
  echo "${bold}Tenantry demo${plain} · $(ground_name) · folder $(shown "$run")"
  trap abandoned INT TERM HUP
  trap 'unexpected $LINENO' ERR
  check_tools
  if [ "$ground" = real ]; then
    announce_builds
    start_real_ground
    load_images
    install_chart
  elif [ "$ground" = fleet ]; then
    build
    start_ground
    install_chart
    start_operator
    start_api_server
  else
    build
    use_context
    install_resources
    start_operator
  fi
  apply_tenants
  tour=$(now_ms)
  tour
  echo
  echo "${bold}It took $(seconds_since "$begin") s, of which the tour $(seconds_since "$tour") s.${plain}"
  simulated
  if [ "$mode" = once ]; then
    stop_run "$run"
    echo "Everything that was shown held; nothing is left running."
  else
    try_next
  fi
}

main "$@"
