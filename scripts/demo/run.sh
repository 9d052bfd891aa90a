# shellcheck shell=bash disable=SC2154 # variables of scripts/demo.sh, which sources this
# One run of the demo: its folder, how it ends, how it fails.

# The run's folder holds: ground/ (the control plane), kubeconfigs, logs, what was sent (ember/), and where operator and
# API server are processes their logs and pids, and what their pods would have (etc/, var/).
new_run() {
  mkdir -p "$TENANTRY_CACHE"
  run=$(mktemp -d "$TENANTRY_CACHE/demo-XXXX")
  [ -z "$context" ] || echo "$context" >"$run/context"
}

# shown PATH: as a person writes it.
shown() { echo "${1/#$HOME/\~}"; }

ground_name() {
  if [ -n "$context" ]; then
    echo "context $context"
  elif [ "$ground" = real ]; then
    echo "real node (root, containerd found)"
  else
    echo "fleet (control plane real, nodes and pods simulated${why_fleet:+; no real node: $why_fleet})"
  fi
}

# A process is told by its id and the moment it started: ids are used again.
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
remember() { echo "$1 $(started_at "$1")" >"$2"; }
alive() {
  local pid since
  [ -s "$1" ] && read -r pid since <"$1" && [ -n "$since" ] && [ "$(started_at "$pid")" = "$since" ]
}

end_process() {
  local pid tries=0
  alive "$1" || return 0
  read -r pid _ <"$1"
  kill -TERM "$pid" 2>/dev/null || true
  while alive "$1" && [ "$tries" -lt 150 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  # It leads a group of its own (scripts/demo/keep.sh).
  ! alive "$1" || kill -KILL -- "-$pid" 2>/dev/null || true
}

# end_processes FOLDER
end_processes() {
  end_process "$1/api-server.pid"
  end_process "$1/operator.pid"
}

# stop_run FOLDER: the programs first, so that they can give their leases back.
stop_run() {
  end_processes "$1"
  [ ! -d "$1/ground" ] || scripts/ground stop --dir "$1/ground" --purge >/dev/null
  if [ -f "$1/context" ]; then
    left_in "$(cat "$1/context")"
  fi
  rm -rf "$1"
}

# left_in CONTEXT: a Tenant is taken down by an operator, so that one must run once more.
left_in() {
  cat <<TEXT
The operator is stopped. What it made stays in context $1. To remove it:
  scripts/demo.sh --context $1
  kubectl --context $1 delete tenants acme borealis cobalt
  kubectl --context $1 delete namespace tenant-acme tenant-borealis tenant-cobalt   # their data too
  scripts/demo.sh --stop
  kubectl --context $1 delete -f operator/generated/manifests.yaml -f crds/generated
TEXT
}

stop_all() {
  local folder found=0
  for folder in "$TENANTRY_CACHE"/demo-*/; do
    [ -d "$folder" ] || continue
    found=$((found + 1))
    stop_run "${folder%/}"
    echo "stopped $(shown "${folder%/}")"
  done
  [ "$found" -gt 0 ] || echo "no demo runs"
}

# print_env: of the newest demo that stays up; the way back to a shell that was closed.
print_env() {
  local newest
  newest=$(cd "$TENANTRY_CACHE" 2>/dev/null && compgen -G 'demo-*/env' | xargs -r ls -t | head -n 1) || true
  [ -n "$newest" ] || { echo "no demo runs: scripts/demo.sh starts one" >&2 && exit 1; }
  cat "$TENANTRY_CACHE/$newest"
}

abandoned() {
  trap - INT TERM HUP ERR
  echo
  echo "Interrupted; stopping what was started."
  stop_run "$run"
  exit 130
}

unexpected() {
  trap - ERR
  die "scripts/demo.sh stopped at line $1" "" "run it again with bash -x, and report what you see"
}

# die LINE LOG REMEDY: the phase, the line that matters, where the rest is, what to do.
die() {
  trap - INT TERM HUP ERR
  echo
  keep_log
  echo "${red}failed${plain} in phase: $phase"
  echo "  what    $1"
  [ ! -s "${2:-/dev/null}" ] || echo "  log     $(shown "$2")"
  echo "  remedy  $3"
  if [ "$mode" = once ]; then
    # The logs are what is needed now; nothing keeps running.
    [ "$phase" != tour ] || [ ! -f "$run/$about.log" ] || tail -n 15 "$run/$about.log"
    end_processes "$run"
    [ ! -d "$run/ground" ] || scripts/ground stop --dir "$run/ground" >/dev/null || true
  else
    echo "  stop    scripts/demo.sh --stop"
  fi
  exit 1
}

# keep_log: on a real node programs write into their pods; what was written stays with the run.
keep_log() {
  [ "$ground" = real ] && [ -s "$run/kubeconfig" ] || return 0
  local name
  for name in operator api-server; do
    k logs -n "$system" "deployment/tenantry-$name" --all-pods --tail=-1 >"$run/$name.log" 2>/dev/null || true
  done
}

try_next() {
  local env
  env="export KUBECONFIG='$run/kubeconfig'"
  [ -n "$context" ] || env+=" PATH='$(dirname "$kubectl_bin")':\"\$PATH\""
  echo "$env" >"$run/env"
  cat <<TEXT

It stays up. In another shell, what scripts/demo.sh --env prints:
  $env
Try next:
  kubectl get tenants -o wide --watch
  kubectl delete deployment core -n tenant-acme && kubectl get deployments -n tenant-acme --watch   # made again
  kubectl delete tenant borealis && kubectl get namespace tenant-borealis --show-labels   # the data stays, marked as retained
$(where_to_look)
Stop     scripts/demo.sh --stop
TEXT
}

where_to_look() {
  if [ "$ground" = real ]; then
    echo "Pods     kubectl get pods -A -o wide"
    echo "Service  curl http://$(address tenant-acme/core:http)/"
    where_the_api_is
    echo "Log      kubectl logs -n $system deployment/tenantry-operator --all-pods"
  else
    [ -n "$context" ] || where_the_api_is
    echo "Log      $(shown "$run/operator.log")"
    echo "Metrics  curl -s $health/metrics"
  fi
}

where_the_api_is() {
  echo "Web      $api/   (plans, and the form that asks to be taken on)"
  echo "         $api/customers with the token in $(shown "$run/manager.token"), for a day"
  echo "API      curl $api/billing/plans"
}

simulated() {
  [ -z "$context" ] || return 0
  if [ "$ground" = real ]; then
    echo "Simulated: Grafana, which no registry here carries, by kwok. Not there, on purpose: a GPU, so cobalt waits."
    echo "Not enforced on this node: NetworkPolicies. Everything else is real, and runs."
    return 0
  fi
  echo "Simulated: nodes (the GPU too) and pods, which never run an image, by kwok: those of the chart too. Real: etcd,"
  echo "the Kubernetes API, scheduler, controllers, admission, RBAC, Helm and the chart; operator and Tenantry's API server,"
  echo "as processes with the chart's accounts and settings. Of the tenants ember alone sends usage: no pod runs here."
}
