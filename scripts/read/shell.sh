# shellcheck shell=bash
# The reader's shell: does what a plan says (scripts/read/blocks.sh), in one shell as a reader would, and looks at what
# comes. The names of all that is its own begin with reader_, since the commands share them.
#   bash scripts/read/shell.sh PLAN-FOLDER PORTS
# PORTS is what the ports 8080, 8081 … of this machine are called here: 8080=20113,8081=20114.

reader_folder=$1 reader_ports=$2 reader_number='' reader_where=''
set --

# As the reader's machine would have it: with ports that are free here.
reader_ported() {
  local pair script=''
  for pair in ${reader_ports//,/ }; do
    script+="s/\\b\\(localhost\\|127\\.0\\.0\\.1\\):${pair%=*}\\b/\\1:${pair#*=}/g;"
  done
  sed "$script" "$1"
}

# What differs from run to run: durations, and how columns are filled up.
reader_plain() {
  sed -E 's/\x1b\[[0-9;]*m//g; s/(^|[^0-9A-Za-z.])([0-9]+(\.[0-9]+)? ?(ms|s|m|h|d))+([^0-9A-Za-z]|$)/\1TIME\5/g; s/[[:space:]]+/ /g; s/ $//' "$1"
}

# reader_missing WANTED CAME: the first line of what is shown that did not come, in this order; nothing when all did.
# `…` stands for anything within a line, and alone for any lines.
reader_missing() {
  local line wanted pattern part found
  local -a came
  mapfile -t came < <(reader_plain "$2")
  local at=0
  while IFS= read -r line; do
    case $line in '' | '…') continue ;; esac
    pattern='' wanted=$line
    while [[ $line == *…* ]]; do
      part=${line%%…*} line=${line#*…}
      pattern+=$(printf '%q' "$part")'*'
    done
    [ -z "$line" ] || pattern+=$(printf '%q' "$line")
    found=''
    while [ "$at" -lt "${#came[@]}" ]; do
      # shellcheck disable=SC2053 # a pattern
      if [[ ${came[at]} == $pattern ]]; then found=1; fi
      at=$((at + 1))
      [ -z "$found" ] || break
    done
    [ -n "$found" ] || { echo "$wanted" && return; }
  done < <(reader_plain "$1")
}

# Whether a reader would simply look again: it changes nothing.
reader_looks() {
  [[ $1 =~ ^kubectl\ (get|events|auth)\  || $1 =~ ^kubectl\ tenant\ (list|status|why|usage|profiles|retained)( |$) ]] ||
    [[ $1 =~ ^curl\ && ! $1 =~ \ (-d|-X|--data[-a-z]*)\  ]]
}

reader_fails() {
  echo "FAILED $reader_where: $1"
  sed 's/^/    $ /' "$reader_folder/$reader_number.command"
  tail -n 40 "$reader_folder/$reader_number.came" | cut -c 1-2000 | sed 's/^/    /'
  exit 1
}

# Generous: a machine that does much else shows late what it shows.
reader_deadline() { echo $(($(date +%s) + 300)); }

# The command, again while it only looks and what is shown has not come.
reader_does() {
  local end lacks status
  reader_ported "$reader_folder/$reader_number.command" >"$reader_folder/$reader_number.does"
  end=$(reader_deadline)
  while :; do
    # In this shell, so that what it sets stays.
    reader_eval
    status=$reader_status
    lacks=''
    [ "$status" != 0 ] || lacks=$(reader_missing "$reader_folder/$reader_number.shown" "$reader_folder/$reader_number.came")
    [ "$status" != 0 ] || [ -n "$lacks" ] || return 0
    reader_looks "$(<"$reader_folder/$reader_number.does")" || break
    [ "$(date +%s)" -lt "$end" ] || break
    sleep 0.5
  done
  [ "$status" = 0 ] || reader_fails "it ends with $status"
  reader_fails "what is shown did not come: $lacks"
}

reader_eval() {
  { eval "$(<"$reader_folder/$reader_number.does")"; } >"$reader_folder/$reader_number.came" 2>&1 </dev/null
  reader_status=$?
}

# What a page has started and does not stop; its next reader finds the ledger's folder free.
reader_ends() {
  local job
  for job in $(jobs -p); do kill "$job" 2>/dev/null && wait "$job" 2>/dev/null; done
}

trap reader_ends EXIT
reader_begin=$(date +%s)
while read -r reader_what reader_where reader_number; do
  case $reader_what in
    skip) echo "  not run  $reader_where: $reader_number" ;;
    save)
      reader_ported "$reader_folder/$reader_number.text" >"$(<"$reader_folder/$reader_number.name")" || exit 1
      echo "  saved    $reader_where: $(<"$reader_folder/$reader_number.name")"
      ;;
    run)
      reader_does
      echo "  ok       $reader_where: $(head -n 1 "$reader_folder/$reader_number.command" | cut -c 1-100)  ($(($(date +%s) - reader_begin)) s)"
      ;;
  esac
done 3<"$reader_folder/plan" <&3
