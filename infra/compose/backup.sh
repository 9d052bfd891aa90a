# shellcheck shell=sh
# Runs in the database's image, which has pg_dump:
#   backup.sh keep     a copy of the database each day, and now unless one is of the last 23 hours; the newest 14 stay
#   backup.sh once     a copy now
#   backup.sh fresh    whether the newest is of the last 25 hours
# pg_restore reads the copies: docs/operations.md, "Restore the ledger".
set -eu
folder=/storage/backups/ledger

once() {
  PGPASSWORD=$(cat /run/secrets/database-password)
  export PGPASSWORD
  mkdir -p "$folder"
  rm -f "$folder"/.unfinished-*
  copy=$(date -u +%Y%m%dT%H%M%SZ).dump
  # Under its name when it is whole.
  pg_dump --format=custom --file="$folder/.unfinished-$copy"
  pg_restore --list "$folder/.unfinished-$copy" >/dev/null
  mv "$folder/.unfinished-$copy" "$folder/$copy"
  # Names sort by time.
  # shellcheck disable=SC2012 # they are of our own making
  ls "$folder" | sort -r | tail -n +15 | while read -r old; do rm "$folder/$old"; done
  echo "kept $folder/$copy"
}

# younger MINUTES: whether a copy is.
younger() { [ -n "$(find "$folder" -name '*.dump' -mmin "-$1" 2>/dev/null)" ]; }

case ${1:-} in
once) once ;;
fresh) younger 1500 ;;
keep)
  # The first process of a container hears no signal that it does not ask for.
  trap 'exit 0' TERM INT
  while :; do
    # A start is no reason for a copy: fourteen of one day would push out those of two weeks. After a failure sooner again.
    if younger 1380; then
      pause=3600
    elif (once); then
      pause=82800
    else
      pause=300
    fi
    sleep "$pause" &
    wait $!
  done
  ;;
*)
  echo "backup.sh: keep, once or fresh" >&2
  exit 2
  ;;
esac
