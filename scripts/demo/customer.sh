# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/demo.sh, which sources this
# A customer from the form to figures. All that is told of them is told over the API that anybody has.

answer='' manager='' workload='' papers=''
# The sample: so many days, of which the last ones are in the period that runs.
sample_days=21 sample_in_period=5

show_customer() {
  title "A customer comes by the form, and their figures come back to kubectl: all over the API"
  about="api-server" papers=$run/ember
  mkdir -p "$papers"
  find_api
  echo "${dim}\$ cd $(shown "$papers") && api=$api${plain}   # tokens and types are left out below"
  manager=$(token --audience billing --role CustomerSuccessManager --seconds 86400 --scope onboarding:approve --scope success:write \
    --scope billing:read --scope billing:plan)
  (umask 077 && echo "$manager" >"$run/manager.token")
  ember_is_made
  ember_is_used
  ember_has_figures
}

# sends METHOD PATH TOKEN WHO [FILE [TYPE]]: as a person would type it; what is answered goes into `answer`.
sends() {
  local body='' how=$1 given=''
  [ -z "${5:-}" ] || given=" -d @$5" body=$(cat "$papers/$5")
  # What curl does by itself.
  case $how$given in GET | 'POST -d'*) how='' ;; *) how="-X $1 " ;; esac
  echo "${dim}\$ curl $how\$api$2$given${plain}   # $4"
  answer=$(call "$1" "$api$2" "$3" "$body" "${6:-}") ||
    die "$1 $2 is answered: ${answer:0:300}" "$run/$about.log" "the answer says what is wrong"
}

# text_of PATTERN [GROUP]: what a group of a pattern of sed is in the answer.
text_of() { sed -n "s/.*$1.*/\\${2:-1}/p" <<<"$answer"; }

ember_is_made() {
  local follow start
  form >"$papers/form.json"
  sends POST /onboarding '' "anybody" form.json
  follow=$(text_of '"follow":"\([^"]*\)"')
  echo "plan $(text_of '"plan":{"key":"\([^"]*\)"'), profile $(text_of '"profile":{"key":"\([^"]*\)"'); waits for somebody to approve"
  start=$(now_ms)
  sends POST "$follow/approve" "$manager" "customer success"
  until_true 120 "the tenant ember is made" made ember
  wait_ready 480 ember
  echo "the tenant ember is made and Ready, $(seconds_since "$start") s later"
}
made() { k get tenant "$1" >/dev/null; }

# form: their periods began some days ago, whatever day it is: figures need a few days of one.
form() {
  cat <<TEXT
{"display_name": "Ember Insurance", "tenant": "ember", "use_case": "Answer questions about policies",
 "contact": {"name": "Operations", "email": "ops@ember.example"}, "purpose": "evaluation", "support_hours": 24,
 "go_live_date": "$(date -ud '7 days' +%F)", "time_zone": "UTC", "currency": "USD", "anchor_day": $(date -ud "$sample_in_period days ago" +%-d),
 "departments": [{"name": "Claims", "people": 4, "weeks_per_year": 46, "hours_per_week": {"low": "1", "base": "2", "high": "3"}}],
 "usage": {"query": {"base": "60000"}, "ingestion": {"base": "30"}},
 "roi": {"salary": {"amount": "52000.00", "currency": "USD"}, "burden": "0.30"}}
TEXT
}

ember_is_used() {
  local start
  history >"$papers/history.json"
  today >"$papers/today.json"
  facts >"$papers/facts.json"
  until_true 240 "ember's workloads stand for its account" may_send
  echo "Sample history, and nobody's: a trial of $sample_days days, dated back. Used before the plan, it counts against no quota,"
  echo "but says what a day is. The facts are a sample too; today's use is sent now, by the token of ember's own workload:"
  sends POST /usage/events "$workload" "the trial" history.json application/cloudevents-batch+json
  [ "$(text_of '"accepted":\([0-9]*\)')" = $((2 * sample_days)) ] ||
    die "of $((2 * sample_days)) events: $answer" "$run/$about.log" "the answer says which was not taken"
  sends PUT /accounts/ember/facts "$manager" "what no program counts" facts.json
  start=$(now_ms)
  sends POST /usage/events "$workload" "today" today.json application/cloudevents-batch+json
  until_true 120 "kubectl shows ember's figures" in_columns
  echo "in kubectl, $(seconds_since "$start") s later:"
}

# may_send: the account knows the workload as soon as the API server has seen that it is there.
may_send() {
  workload=$(k create token core --namespace tenant-ember --audience tenantry-usage --duration=1h)
  call GET "$api/usage/events" "$workload" >/dev/null
}

event() {
  printf '{"specversion":"1.0","id":"%s-%s","source":"/demo/%s","type":"dev.tenantry.usage.%s","time":"%s","data":{"quantity":"%s"}}' \
    "$2" "$3" "$1" "$3" "$4" "$5"
}

# history: less on weekends.
history() {
  local ago day quantity comma='['
  for ago in $(seq "$sample_days" -1 1); do
    day=$(date -ud "$ago days ago" +%F) quantity=4200
    [ "$(date -ud "$day" +%u)" -lt 6 ] || quantity=900
    printf '%s%s,\n%s' "$comma" "$(event sample-history "$day" query "${day}T12:00:00Z" "$quantity")" \
      "$(event sample-history "$day" ingestion "${day}T12:00:00Z" 1.5)"
    comma=$',\n'
  done
  echo ']'
}

# today: after the plan was agreed to, to the millisecond.
today() {
  local now
  now=$(date -u +%FT%T.%3NZ)
  printf '[%s,\n%s]\n' "$(event today today query "$now" 9000)" "$(event today today ingestion "$now" 2.5)"
}

facts() {
  echo '{"stage": "live", "departments": {"active": 1}, "criteria": {"met": 2, "due": 3}, "days_overdue": 0,'
  echo ' "error_budget_used": "0.2", "open_incidents": {"sev1": 0, "sev2": 1}}'
}

# in_columns: today's use is in all three figures when it is in one: they are of one summary.
in_columns() {
  local columns
  columns=$(k get tenant ember -o jsonpath='{.status.display.health}, {.status.display.usage}, {.status.display.projected}')
  [[ $columns =~ ^[0-9.]+\ %,\ query\ [1-9][0-9]*\ %,\ USD\ [0-9,]+\.[0-9][0-9]$ ]]
}

# two_places NUMBER: as people read it.
two_places() { LC_ALL=C printf '%.2f' "$1" | sed 's/\.\{0,1\}0*$//'; }

# ember_has_figures: the table, and what it stands on.
ember_has_figures() {
  local amount='{"amount":"\([^"]*\)","currency":"USD"}' cost='"projected_cost":{"mean":'
  shows get tenants
  sends GET /billing/usage/ember "$manager" "the same, and how sure it is"
  echo "$answer" >"$papers/figures.json"
  echo "health     $(text_of '"health":{"score":"\([^"]*\)"'), by $(text_of '"health":{[^[]*"coverage":"\([^"]*\)"') of what there is to know; how fast it uses its quota counts once three days are over"
  echo "usage      query $(text_of '"name":"query","unit":"[a-z]*","used":"\([^"]*\)"') of $(two_places "$(text_of '"name":"query",[^}]*"quota":"\([^"]*\)"')") that are left of the period's quota"
  echo "projected  USD $(text_of "$cost$amount"), likely $(text_of "$cost$amount,\"likely\":{\"low\":$amount" 2) to $(text_of "$cost$amount,\"likely\":{\"low\":$amount,\"high\":$amount" 3)"
}
