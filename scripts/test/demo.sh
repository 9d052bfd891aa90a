# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/test.sh, which sources this
# Stage demo: it runs in both modes, and what it shows in the end is held against itself.

# demo_answers CODE WORDS OPTION…: what it says without any demo.
demo_answers() {
  local code=$1 words=$2 rc=0 said
  shift 2
  said=$(TENANTRY_CACHE=$logs/no-demos scripts/demo.sh "$@" 2>&1) || rc=$?
  [ "$rc" = "$code" ] || fails "scripts/demo.sh $* ends with $rc: $said"
  grep -qF -- "$words" <<<"$said" || fails "scripts/demo.sh $* does not say \"$words\": $said"
}

# demo_figures LOG: the columns of the customer in the last table are what the API says of them, and that is what was
# sent: 9000 queries of today, not the trial's. Says what is wrong.
demo_figures() {
  awk -F '  +' '
    function wrong(what) { print what; bad = 1 }
    /^NAME +PROFILE/ { row = "" }
    /^ember / { row = $0; ready = $4; health = $5; usage = $6; projected = $7 }
    /^health +[0-9]/ { split($2, word, /, | /); score = word[1] }
    /^usage +query/ { split($2, word, " "); used = word[2]; quota = word[4] }
    /^projected +USD/ { split($2, word, /,? /); mean = word[2]; low = word[4]; high = word[6] }
    END {
      gsub(/,/, "", projected)
      if (row == "") wrong("the last table has no ember")
      if (ready != "True") wrong("Ready is " ready)
      if (health !~ /^[0-9.]+ %$/ || score <= 0.6 || score > 1) wrong("HEALTH is " health ", by the API " score)
      else if ((health - 100 * score) ^ 2 > 1) wrong("HEALTH is " health ", but the API says " score)
      if (used != 9000 || quota <= used) wrong("used are " used " of " quota)
      else if (usage != "query " int(100 * used / quota) " %") wrong("USAGE is " usage ", of " used " of " quota)
      if (projected !~ /^USD [0-9.]+$/) wrong("PROJECTED is " projected)
      else if (low <= 0 || mean < low || mean > high) wrong("projected are " mean ", likely " low " to " high)
      else if (substr(projected, 5) + 0 < low || substr(projected, 5) + 0 > high) wrong("PROJECTED is " projected ", likely " low " to " high)
      exit bad
    }' "$1"
}

# demo_times LOG PHASE…: each phase has its time, and with the tour they come to the total.
demo_times() {
  local log=$1 phase
  shift
  for phase; do
    grep -qE "^  $phase  .* +[0-9]+\.[0-9] s$" "$log" || { echo "the phase $phase has no time" && return 1; }
  done
  awk '
    /^  [a-z].* [0-9.]+ s$/ { sum += $(NF - 1) }
    /^It took / { total = $3; tour = $9 }
    END {
      if (total <= 0 || tour <= 0 || sum <= 0 || sum + tour > total + 1) {
        print "phases of " sum " s and a tour of " tour " s in " total " s"
        exit 1
      }
    }' "$log"
}

# demo_runs MODE PHASE…
demo_runs() {
  local log=$logs/demo-$1.log mode=$1 wrong
  shift
  past_month_end
  scripts/demo.sh --once --mode "$mode" | tee "$log"
  grep -q '^Simulated: ' "$log" || fails "the demo does not say what of it is simulated (whole output: $log)"
  [ "$mode" = fleet ] || grep -q '^Simulated: Grafana' "$log" || fails "the demo does not say that its Grafana is simulated (whole output: $log)"
  wrong=$(demo_figures "$log") || fails "figures of the demo: $wrong (whole output: $log)"
  wrong=$(demo_times "$log" "$@") || fails "times of the demo: $wrong (whole output: $log)"
  # Of a demo that ends without figures, or with others than were sent, it must be said.
  sed -E '/^ember /s/ (query|USD) [0-9.,]+( %)?/ –/g' "$log" >"$log.dashes"
  sed -E 's/^(usage +query )9000 /\18999 /' "$log" >"$log.others"
  for wrong in dashes others; do
    ! demo_figures "$log.$wrong" >/dev/null || fails "figures that are $wrong are not noticed ($log.$wrong)"
  done
  fact "demo, $mode: $(sed -n 's/^It took //p' "$log") The figures are what was sent and what the API says"
}

stage_demo() {
  local real
  demo_answers 0 "no demo runs" --stop
  demo_answers 1 "no demo runs: scripts/demo.sh starts one" --env
  demo_answers 2 "--mode takes fleet or real" --mode other
  demo_answers 2 "exclude each other" --mode fleet --context there
  fact "what scripts/demo.sh says without a demo, and of wrong use"
  demo_runs fleet tools build 'control plane' nodes chart operator api-server tenants
  can_run_real
  [ "$real" = yes ] || return 0
  demo_runs real tools 'control plane' node images chart tenants
}
