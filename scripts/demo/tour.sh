# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/demo.sh, which sources this
# What is shown once the tenants stand. Every step waits until what it shows is true.

tour() {
  phase=tour
  show_tenants
  if [ "$ground" = fleet ]; then
    show_gpu
    show_stack
    show_failure
  elif [ "$ground" = real ]; then
    show_service
    show_usage
    show_stack
    show_return
  else
    show_stack
  fi
  show_drift
  show_suspend
  if [ -z "$context" ]; then show_customer; else shows get tenants; fi
}

# title TEXT
title() {
  echo
  echo "${bold}$1${plain}"
}

# shows ARGUMENTS…: the command as a person types it, then its output.
shows() {
  echo "${dim}\$ kubectl $*${plain}"
  k "$@"
}

# condition TENANT TYPE FIELD
condition() { k get tenant "$1" -o jsonpath="{.status.conditions[?(@.type==\"$2\")].$3}"; }
condition_is() { [ "$(condition "$1" "$2" "$3")" = "$4" ]; }

show_tenants() {
  if [ -z "$context" ]; then
    title "Three customers. cobalt asks for a GPU, no node has one, and it says so"
    until_true 120 "cobalt says that a pod is pending" condition_is cobalt Ready reason PodPending
  else
    title "Three customers"
  fi
  shows get tenants -o wide
  echo "${dim}cobalt, Ready:${plain} $(condition cobalt Ready message)"
}

show_gpu() {
  title "A node with a GPU joins (simulated): cobalt becomes Ready by itself"
  local start
  start=$(now_ms)
  shows apply -f scripts/demo/gpu-node.yaml
  wait_ready 240 cobalt
  echo "cobalt is Ready, $(seconds_since "$start") s later"
  shows get tenants
}

show_stack() {
  title "One stack: what makes the tenant borealis"
  shows get resourcequota,limitrange,networkpolicy,serviceaccount,pvc,service,deployment,pod \
    -n tenant-borealis -l app.kubernetes.io/managed-by=tenantry -o name
}

show_failure() {
  title "A pod of acme crashes: Ready turns False at the event and names component, pod and cause"
  local pod start
  pod=$(k get pods -n tenant-acme -l tenantry.dev/component=core -o jsonpath='{.items[0].metadata.name}')
  start=$(now_ms)
  shows annotate pod "$pod" -n tenant-acme ground.tenantry.dev/fail=crash
  until_true 120 "acme says that a pod crashes" condition_is acme Ready reason CrashLoop
  echo "Ready=False, $(seconds_since "$start") s later: $(condition acme Ready message)"
  shows tenant why acme
  start=$(now_ms)
  shows annotate pod "$pod" -n tenant-acme ground.tenantry.dev/fail-
  wait_ready 240 acme
  echo "Ready=True, $(seconds_since "$start") s later"
}

show_drift() {
  title "Somebody scales and deletes by hand: undone at the event, and told"
  local start
  start=$(now_ms)
  shows scale deployment core -n tenant-acme --replicas=7
  until_true 120 "the scale is undone" scale_is_undone
  echo "back to 2 replicas, $(seconds_since "$start") s later"
  start=$(now_ms)
  shows delete networkpolicy tenantry-default-deny -n tenant-acme
  until_true 120 "the policy is there again" exists networkpolicy/tenantry-default-deny tenant-acme
  echo "made again, $(seconds_since "$start") s later"
  until_true 120 "the event is there" drift_events
  shows get events --field-selector reason=DriftCorrected -o custom-columns=TENANT:.involvedObject.name,MESSAGE:.message
  wait_ready 240 acme
}

# The event comes after the deed: without it, the 2 may be the one from before the scale.
scale_is_undone() { replicas_are tenant-acme core 2; }
replicas_are() { [ "$(k get deployment "$2" -n "$1" -o jsonpath='{.spec.replicas}')" = "$3" ]; }
exists() { k get "$1" -n "$2" >/dev/null; }
drift_events() {
  [ "$(k get events --field-selector reason=DriftCorrected,involvedObject.name=acme -o name | wc -l)" -ge 2 ]
}

show_suspend() {
  title "acme is suspended and resumed: services stop; data, gateway and backups stay; every count comes back"
  # As its autoscaler would.
  k scale deployment transcribe -n tenant-acme --replicas=3 >/dev/null
  [ -n "$context" ] || wait_ready 240 acme
  shows patch tenant acme --type merge -p '{"spec":{"suspend":true}}'
  until_true 240 "acme is suspended" condition_is acme Ready reason Suspended
  shows get deployments -n tenant-acme
  shows patch tenant acme --type merge -p '{"spec":{"suspend":false}}'
  until_true 240 "transcribe has its replicas back" replicas_are tenant-acme transcribe 3
  [ -n "$context" ] || wait_ready 240 acme
  shows get deployments -n tenant-acme
}
