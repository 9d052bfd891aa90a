#!/usr/bin/env bash
# keep.sh RUN NAME COMMAND…: runs a program, and again whenever it has lost its lease, as a kubelet would: on a machine
# that stands still for ten seconds the operator ends, as it should. Any other end is its own. TERM is passed on. In the
# run's folder are its log and the id of this, NAME.log and NAME.id.
set -u

log=$1/$2.log ended='' child='' restarts=0
trap 'ended=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
: >"$log"
echo $$ >"$1/$2.id"
shift 2
while [ -z "$ended" ]; do
  since=$(stat -c %s "$log")
  "$@" >>"$log" 2>&1 &
  child=$!
  # TERM may have come before there was somebody to pass it on to.
  [ -z "$ended" ] || kill -TERM "$child" 2>/dev/null
  wait "$child"
  status=$?
  # A signal ends the wait, not the program.
  while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    status=$?
  done
  restarts=$((restarts + 1))
  tail -c "+$((since + 1))" "$log" | grep -q 'the lease is lost' && [ "$restarts" -le 10 ] || exit "$status"
done
exit 0
