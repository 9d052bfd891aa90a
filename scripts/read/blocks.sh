# shellcheck shell=bash
# The blocks of a document, made into what the reader's shell does.
#
# A block in ```console has commands after `$ `, each followed by what it prints. A command goes on over lines for as
# long as a shell would wait for more. A block in ```sh or ```bash is one command. Marks stand on a line of their own before a block:
#   <!-- not run: REASON -->       it is left out, and the reason is said
#   <!-- run by FILE: WORDS -->    a test does the same
#   <!-- file: NAME -->            the reader saves it under that name
# operator/tests/docs/blocks.rs has them for all documents.
# Blocks in other languages without a mark are not for doing.

# prepare DOCUMENT FOLDER: writes FOLDER/plan, a line for each thing to do, and the files that it names:
#   run DOCUMENT:LINE NUMBER     NUMBER.command, and what it prints in NUMBER.shown
#   save DOCUMENT:LINE NUMBER    NUMBER.text, to be saved under the name in NUMBER.name
#   skip DOCUMENT:LINE REASON
prepare() {
  local document=$1 folder=$2 line number=0 mark='' why='' indent='' language='' start=0
  local items=0 inside=0 block=()
  : >"$folder/plan"
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    if [ "$inside" = 1 ]; then
      if [[ $line =~ ^[[:space:]]*'```'$ ]]; then
        inside=0
        close_block || return 1
        mark='' why='' block=()
      else
        block+=("${line#"$indent"}")
      fi
    elif [[ $line =~ ^([[:space:]]*)'```'([a-z]*)$ ]]; then
      inside=1 indent=${BASH_REMATCH[1]} language=${BASH_REMATCH[2]} start=$number
    elif [[ $line =~ ^[[:space:]]*'<!-- '(not run|file|run by)(': '|' ')(.*)' -->'$ ]]; then
      mark=${BASH_REMATCH[1]} why=${BASH_REMATCH[3]}
    elif [[ $line =~ [^[:space:]] ]]; then
      mark='' why=''
    fi
  done <"$document"
  [ "$inside" = 0 ] || { echo "$document:$start: the block does not end" >&2 && return 1; }
}

# close_block: of prepare, whose variables it reads.
close_block() {
  if [ "$mark" = "not run" ]; then
    echo "skip $document:$start $why" >>"$folder/plan"
  elif [ "$mark" = "run by" ]; then
    echo "skip $document:$start by ${why%%: *}" >>"$folder/plan"
  elif [ "$mark" = file ]; then
    items=$((items + 1))
    printf '%s\n' "${block[@]}" >"$folder/$items.text"
    echo "$why" >"$folder/$items.name"
    echo "save $document:$start $items" >>"$folder/plan"
  elif [ "$language" = console ]; then
    close_console
  elif [ "$language" = sh ] || [ "$language" = bash ]; then
    # In a shell of its own, as a script has.
    add_command "$start" < <(printf '%s\n' '(' "${block[@]}" ')')
  fi
}

# add_command LINE: what comes on standard input is one command; what it prints is added later.
add_command() {
  items=$((items + 1))
  cat >"$folder/$items.command"
  : >"$folder/$items.shown"
  echo "run $document:$1 $items" >>"$folder/plan"
}

close_console() {
  local at=0 text first started=''
  while [ "$at" -lt "${#block[@]}" ]; do
    text=${block[at]} first=$((start + at + 1))
    at=$((at + 1))
    if [[ $text != '$ '* ]]; then
      # Output of a command; before the first one it belongs to nothing.
      [ -n "$started" ] || { echo "$document:$first: output without a command" >&2 && return 1; }
      printf '%s\n' "$text" >>"$folder/$items.shown"
      continue
    fi
    text=${text#'$ '} started=1
    while unfinished "$text" && [ "$at" -lt "${#block[@]}" ]; do
      text+=$'\n'${block[at]}
      at=$((at + 1))
    done
    add_command "$first" <<<"$text"
  done
}

# unfinished COMMAND: whether a shell would wait for more.
unfinished() {
  local said
  [[ $1 != *\\ ]] || return 0
  said=$(bash -n <<<"$1" 2>&1) || true
  [[ $said == *"unexpected end of file"* || $said == *"while looking for matching"* || $said == *"delimited by end-of-file"* ]]
}
