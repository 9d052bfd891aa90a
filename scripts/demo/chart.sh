# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/demo.sh, which sources this
# The chart, and requests to the API server that it installs.

system=tenantry-system

install_chart() {
  begin chart "installing charts/tenantry with values-prod"
  local log=$run/helm.log issuer wait=(--wait --timeout 15m) pods='operator, API server and Prometheus are pods'
  # Helm would wait for the shipped profiles too, and those for an operator that runs.
  [ "$ground" = real ] || wait=() pods='its pods are simulated'
  make_secret
  issuer=$(k get --raw /.well-known/openid-configuration | sed -n 's/.*"issuer": *"\([^"]*\)".*/\1/p')
  KUBECONFIG=$run/kubeconfig scripts/helm install tenantry charts/tenantry --namespace "$system" \
    --values charts/tenantry/values-prod.yaml --values scripts/demo/values.yaml \
    --set "apiServer.kubernetesIssuer.issuer=$issuer" "${wait[@]}" >"$log" 2>&1 ||
    die "$(grep -m1 '^Error' "$log" || tail -n 1 "$log")" "$log" "kubectl --kubeconfig $run/kubeconfig get pods -n $system says which pod waits for what"
  try "kubectl --kubeconfig $run/kubeconfig get pods -n $system says which pod waits for what" \
    wait --for=condition=Available --timeout=240s deployment --all --namespace "$system"
  ready "tenantry $(sed -n 's/^version: //p' charts/tenantry/Chart.yaml), values-prod · $pods"
}

# make_secret: what people's tokens are signed with here; an installation has an issuer of its own.
make_secret() {
  mkdir -p "$run/etc/development"
  (umask 077 && head -c 32 /dev/urandom | base64 >"$run/etc/development/secret")
  try "the cluster must be empty" create namespace "$system"
  try "the cluster must be empty" create secret generic tenantry-demo --namespace "$system" --from-file="$run/etc/development/secret"
}

# token FLAGS…: of a person.
token() {
  if [ "$ground" = real ]; then
    k exec --namespace "$system" svc/tenantry-api-server -- /api-server token "$@"
  else
    "$CARGO_TARGET_DIR/debug/api-server" token --development-secret-file "$run/etc/development/secret" "$@"
  fi
}

# find_api: where the API server answers on this machine.
find_api() { [ -n "$api" ] || api=http://$(address "$system/tenantry-api-server:http"); }

# call METHOD URL [TOKEN [BODY [TYPE]]]: the body of the answer, without curl: one more thing that need not be there.
# False unless the answer is a good one.
call() {
  local LC_ALL=C method=$1 host=${2#http://} path=/ token=${3:-} body=${4:-} status=''
  case $host in */*) path=/${host#*/} host=${host%%/*} ;; esac
  exec 3<>"/dev/tcp/${host%:*}/${host##*:}" || return 1
  {
    printf '%s %s HTTP/1.0\r\nHost: %s\r\nContent-Length: %d\r\n' "$method" "$path" "$host" "${#body}"
    printf 'Content-Type: %s\r\n' "${5:-application/json}"
    [ -z "$token" ] || printf 'Authorization: Bearer %s\r\n' "$token"
    printf '\r\n%s' "$body"
  } >&3
  read -r status <&3 || true
  sed '1,/^\r*$/d' <&3
  exec 3>&-
  [[ $status == 'HTTP/1.'?' 2'* ]]
}
