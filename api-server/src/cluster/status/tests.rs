use std::collections::BTreeMap;

use crds::conditions::{CUSTOMER_HEALTHY, PLAN_ACCEPTED, QUOTA_WITHIN_LIMITS, WORKLOADS_ACCEPTED};

use super::*;
use crate::{
    domain::{
        Quantity,
        catalogue::PlanId,
        health::{Stage, Watch},
        rating::RatingError,
        snapshot::{self, Facts, Inputs, Metered},
        subscription::{Agreement, End, RequestError},
    },
    store::tenants::Asked,
};

const EVERY: SignedDuration = SignedDuration::from_secs(300);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn units(count: i64) -> Quantity {
    Quantity::from_units(count).unwrap()
}

fn later(of: Timestamp, seconds: i64) -> Timestamp {
    of + SignedDuration::from_secs(seconds)
}

fn noon() -> Timestamp {
    at("2026-11-10T12:00:00Z")
}

/// Figures of noon, with so much ingested of 500 GB.
fn figures(used: i64) -> Figures {
    let period =
        Period::from_edges(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")).unwrap();
    let full = [Quantity::ZERO; 9];
    let of = Metered {
        quota: Some(units(500)),
        since: at("2026-11-01T00:00:00Z"),
        past: &[],
        held: 0,
        full: &full,
        today: units(used),
        apart: Quantity::ZERO,
        prior: None,
    };
    let inputs = Inputs {
        computed_at: noon(),
        ledger_seq: 1,
        period: snapshot::Period {
            edges: period,
            first_day: jiff::civil::date(2026, 11, 1),
            days: 30,
            running: Some(crate::domain::Ppm(500_000)),
        },
        meters: BTreeMap::from([(Meter::Ingestion, of)]),
        facts: Facts {
            stage: Stage::Live,
            adoption: None,
            quiet_days: Some(0),
            support: None,
            success: None,
            budget_used: None,
            days_overdue: None,
        },
        watch: Watch::default(),
    };
    let snapshot = snapshot::snapshot::<RatingError>(&inputs, None).unwrap();
    Figures { snapshot, period, valid_until: later(noon(), 900) }
}

fn agreement(plan: &str, effective: &str, agreed: &str) -> Agreement {
    let plan = PlanId { plan: plan.to_owned(), version: 1 };
    Agreement { plan, effective_at: at(effective), agreed_at: at(agreed) }
}

fn team() -> Subscription {
    Subscription::start(agreement("team", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"))
}

fn accepted(plan: &str) -> Answered {
    let seen_at = at("2026-11-01T00:00:00Z");
    let asked = Asked { plan: plan.to_owned(), generation: 1, seen_at, accepted_at: Some(seen_at) };
    Answered { asked: Some(asked), refused: None }
}

fn refused(why: RequestError) -> Answered {
    Answered { asked: None, refused: Some(why) }
}

fn known<'a>(
    plans: &'a Subscription,
    answered: &'a Answered,
    figures: Option<&'a Figures>,
) -> Known<'a> {
    Known {
        now: later(noon(), 1),
        generation: 1,
        plan: Some("team"),
        impossible: None,
        differs: None,
        refused: Some(&[]),
        answered: Some(answered),
        subscription: Some(plans),
        figures,
        stands: None,
        drain: None,
    }
}

fn of(used: i64, stands: &Shown) -> Shown {
    let (plans, answered, figures) = (team(), accepted("team"), figures(used));
    wanted(&known(&plans, &answered, Some(&figures)), stands)
}

/// As it stands after this was written.
fn standing(used: i64) -> Shown {
    of(used, &Shown::default())
}

fn said_by<'a>(shown: &'a Shown, type_: &str) -> (&'a str, &'a str, &'a str) {
    let condition = conditions::find(&shown.conditions, type_).unwrap();
    (&condition.status, &condition.reason, &condition.message)
}

#[test]
fn figures_stand_in_the_status_as_the_ledger_has_them() {
    let shown = standing(415);
    let usage = shown.usage.as_ref().unwrap();
    assert_eq!(usage.plan.as_deref(), Some("team@1"));
    assert_eq!(usage.period.start, "2026-11-01T00:00:00Z");
    assert_eq!(usage.as_of, "2026-11-10T12:00:00Z");
    let meter = &usage.meters[0];
    assert_eq!((meter.name.as_str(), meter.used.as_str()), ("ingestion", "415"));
    assert_eq!((meter.quota.as_deref(), meter.ratio_ppm), (Some("500"), Some(830_000)));
    assert_eq!(meter.level, ShownLevel::Soft);
    assert_eq!(usage.highest.as_ref().unwrap().ratio_ppm, 830_000);
    let display = shown.display.as_ref().unwrap();
    assert_eq!(display.plan.as_deref(), Some("team"));
    assert_eq!(display.usage.as_deref(), Some("ingestion 83 %"));
    assert_eq!(display.projected.as_deref(), Some("–"), "there is no price in this one");
}

#[test]
fn who_never_sent_anything_has_no_share_to_show_and_who_used_little_has() {
    let (plans, answered) = (team(), accepted("team"));
    let shown = |seq: i64| {
        let mut figures = figures(0);
        figures.snapshot.ledger_seq = seq;
        wanted(&known(&plans, &answered, Some(&figures)), &Shown::default())
    };
    assert_eq!(shown(0).display.unwrap().usage.as_deref(), Some("–"));
    assert_eq!(shown(1).display.unwrap().usage.as_deref(), Some("ingestion 0 %"));
    // What programs read says what it is: nothing of a quota.
    let usage = shown(0).usage.unwrap();
    assert_eq!((usage.meters[0].used.as_str(), usage.highest.unwrap().ratio_ppm), ("0", 0));
}

#[test]
fn health_is_shown_once_enough_is_known() {
    let (plans, answered, mut figures) = (team(), accepted("team"), figures(10));
    figures.snapshot.standing = Standing::Healthy;
    figures.snapshot.health.score = Some(BasisPoints(9_270));
    let shown = wanted(&known(&plans, &answered, Some(&figures)), &Shown::default());
    assert_eq!(shown.usage.unwrap().health_basis_points, Some(9_270));
    assert_eq!(shown.display.unwrap().health.as_deref(), Some("92.7 %"));
}

#[test]
fn levels_are_conditions() {
    let quota = |used| {
        let shown = standing(used);
        let (status, reason, _) = said_by(&shown, QUOTA_WITHIN_LIMITS);
        (status.to_owned(), reason.to_owned())
    };
    let said = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    assert_eq!(quota(399), said("True", "WithinLimits"));
    assert_eq!(quota(400), said("False", "SoftLimitReached"));
    assert_eq!(quota(475), said("False", "HardLimitReached"));
    let shown = standing(475);
    let (_, _, words) = said_by(&shown, QUOTA_WITHIN_LIMITS);
    assert_eq!(words, "ingestion: 475 of 500 GB used, 95 % or more");
}

#[test]
fn what_is_too_little_or_too_old_is_unknown() {
    let shown = standing(10);
    assert_eq!(said_by(&shown, CUSTOMER_HEALTHY).0, "Unknown");
    // There is a score of what is known, and it would mislead.
    assert!(figures(10).snapshot.health.score.is_some());
    assert_eq!(shown.usage.unwrap().health_basis_points, None);
    assert_eq!(shown.display.unwrap().health.as_deref(), Some("–"));
    let (plans, answered, figures) = (team(), accepted("team"), figures(10));
    let mut old = known(&plans, &answered, Some(&figures));
    old.now = figures.valid_until;
    let shown = wanted(&old, &Shown::default());
    assert_eq!(said_by(&shown, QUOTA_WITHIN_LIMITS).1, "Stale");
    assert_eq!(said_by(&shown, CUSTOMER_HEALTHY).1, "Stale");
    let display = shown.display.unwrap();
    assert_eq!(display.usage.as_deref(), Some("ingestion 2 % (stale)"), "no old news as fact");
    assert_eq!((display.health.as_deref(), display.plan.as_deref()), (Some("–"), Some("team")));
    let none = wanted(&known(&plans, &answered, None), &Shown::default());
    assert_eq!(
        said_by(&none, QUOTA_WITHIN_LIMITS),
        ("Unknown", "NoFigures", "nothing was summed up yet")
    );
    assert_eq!((none.usage, none.display.unwrap().usage.unwrap()), (None, "–".to_owned()));
}

#[test]
fn nothing_is_written_while_it_stands_there() {
    let stands = standing(415);
    let next = of(415, &stands);
    let much_later = later(noon(), 100_000);
    assert_eq!(decide(next, &stands, Some(&stands), much_later, EVERY), Step::Leave(None));
}

#[test]
fn the_instant_alone_is_no_news() {
    let stands = standing(415);
    let mut next = of(415, &stands);
    next.usage.as_mut().unwrap().as_of = later(noon(), 400).to_string();
    assert_eq!(decide(next, &stands, None, later(noon(), 400), EVERY), Step::Leave(None));
}

#[test]
fn figures_wait_for_their_interval() {
    let stands = standing(100);
    let next = of(101, &stands);
    let due = later(noon(), 300);
    let step = |now| decide(next.clone(), &stands, Some(&stands), now, EVERY);
    assert_eq!(step(later(noon(), 299)), Step::Leave(Some(due)));
    assert_eq!(step(due), Step::Paced(Box::new(next.clone())));
    // What stands there is dated by a clock that was set back since.
    assert_eq!(step(later(noon(), -3_600)), Step::Write(Box::new(next.clone())));
}

#[test]
fn levels_plans_and_specs_do_not_wait() {
    let stands = standing(399);
    let soon = later(noon(), 2);
    let writes = |next: Shown| matches!(decide(next, &stands, None, soon, EVERY), Step::Write(_));
    assert!(!writes(of(398, &stands)));
    assert!(writes(of(400, &stands)), "a level");
    let unused = standing(0);
    let step = decide(of(1, &unused), &unused, None, soon, EVERY);
    assert!(matches!(step, Step::Write(_)), "the first use");
    let (answered, figures) = (accepted("scale"), figures(399));
    let mut plans = team();
    plans.append(agreement("scale", "2026-11-10T12:00:00Z", "2026-11-10T12:00:00Z"));
    let mut other = known(&plans, &answered, Some(&figures));
    other.plan = Some("scale");
    assert!(writes(wanted(&other, &stands)), "a plan");
    let (plans, answered) = (team(), accepted("team"));
    let mut newer = known(&plans, &answered, Some(&figures));
    newer.generation = 2;
    assert!(writes(wanted(&newer, &stands)), "a spec");
}

#[test]
fn a_drain_is_told_as_it_goes_on_and_for_it_nothing_waits() {
    let (plans, answered, figures) = (team(), accepted("team"), figures(100));
    let with = |drain, stands: &Shown| {
        let known = Known { drain, ..known(&plans, &answered, Some(&figures)) };
        wanted(&known, stands)
    };
    let mut stands = with(None, &Shown::default());
    assert_eq!(stands.usage.as_ref().unwrap().drain, None);
    for (sealed, held) in [(false, 1_204), (true, 1_204), (true, 704), (true, 0)] {
        let next = with(Some(Drain { sealed, held }), &stands);
        let step = decide(next.clone(), &stands, Some(&stands), later(noon(), 2), EVERY);
        assert_eq!(step, Step::Write(Box::new(next.clone())), "{sealed} {held}");
        assert_eq!(next.usage.as_ref().unwrap().drain, Some(ShownDrain { sealed, held }));
        stands = next;
    }
    let last = with(Some(Drain { sealed: true, held: 0 }), &stands);
    assert_eq!(decide(last, &stands, None, later(noon(), 2), EVERY), Step::Leave(None));
}

#[test]
fn what_somebody_else_wrote_is_put_right_at_once() {
    let ours = standing(100);
    let soon = later(noon(), 2);
    let mut stands = ours.clone();
    stands.display.as_mut().unwrap().usage = Some("fine".to_owned());
    let step = decide(of(100, &stands), &stands, Some(&ours), soon, EVERY);
    assert!(matches!(step, Step::Write(_)));
    // The operator's mark, also when it is not known what was written last.
    let mut stale = ours;
    stale.conditions[1].status = "Unknown".to_owned();
    stale.conditions[1].reason = "Stale".to_owned();
    let step = decide(of(100, &stale), &stale, None, soon, EVERY);
    assert!(matches!(step, Step::Write(_)));
}

#[test]
fn a_condition_keeps_its_instant_while_it_says_the_same() {
    let stands = standing(100);
    let (plans, answered, figures) = (team(), accepted("team"), figures(101));
    let mut next = known(&plans, &answered, Some(&figures));
    next.now = later(noon(), 3_600);
    let next = wanted(&next, &stands);
    let since = |shown: &Shown| shown.conditions[0].last_transition_time.clone();
    assert_eq!(since(&next), since(&stands));
}

fn plan_of(known: &Known<'_>) -> (String, String, String) {
    let shown = wanted(known, &Shown::default());
    let (status, reason, message) = said_by(&shown, PLAN_ACCEPTED);
    (status.to_owned(), reason.to_owned(), message.to_owned())
}

#[test]
fn an_unknown_plan_is_told_with_those_that_there_are() {
    let plans = team();
    let answered = refused(RequestError::NotOnSale {
        asked: "tema".to_owned(),
        on_sale: "starter, team, scale".to_owned(),
        current: "team".to_owned(),
    });
    let mut known = known(&plans, &answered, None);
    known.plan = Some("tema");
    let (status, reason, message) = plan_of(&known);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "UnknownPlan"));
    assert_eq!(
        message,
        r#"spec.plan "tema" is not in the catalogue (starter, team, scale); the account stays on "team""#
    );
}

#[test]
fn a_plan_that_waits_and_one_that_was_overtaken_are_told() {
    let mut plans = team();
    plans.append(agreement("starter", "2026-12-01T00:00:00Z", "2026-11-05T00:00:00Z"));
    let answered = accepted("starter");
    let mut waits = known(&plans, &answered, None);
    waits.plan = Some("starter");
    let (status, reason, message) = plan_of(&waits);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "Scheduled"));
    assert_eq!(
        message,
        r#"spec.plan "starter" takes effect at 2026-12-01T00:00:00Z; the account stays on "team" until then"#
    );
    // Once it does, it is accepted.
    waits.now = at("2026-12-01T00:00:00Z");
    assert_eq!(plan_of(&waits).1, "Accepted");

    let mut plans = team();
    plans.append(agreement("scale", "2026-11-05T00:00:00Z", "2026-11-05T00:00:00Z"));
    let answered = accepted("team");
    let overtaken = plan_of(&known(&plans, &answered, None));
    assert_eq!((overtaken.0.as_str(), overtaken.1.as_str()), ("False", "Superseded"));
    assert!(overtaken.2.contains(r#"the account is on "scale""#), "{}", overtaken.2);
}

/// Whether the spec names its plan or none: it goes on until it ends, and then there is none.
#[test]
fn an_end_is_told_before_and_after() {
    let (mut plans, answered) = (team(), accepted("team"));
    let (effective_at, agreed_at) = (at("2026-12-01T00:00:00Z"), at("2026-11-05T00:00:00Z"));
    plans.append(End { effective_at, agreed_at });
    for named in [Some("team"), None] {
        let mut known = known(&plans, &answered, None);
        known.plan = named;
        let (status, reason, message) = plan_of(&known);
        assert_eq!((status.as_str(), reason.as_str()), ("True", "Accepted"));
        assert!(message.ends_with(", and ends at 2026-12-01T00:00:00Z"), "{message}");
        assert_eq!(known.next(), Some(effective_at));
        known.now = effective_at;
        let (status, reason, message) = plan_of(&known);
        assert_eq!((status.as_str(), reason.as_str()), ("False", "Ended"));
        assert!(message.starts_with("the account's subscription ended at 2026-12-01"), "{message}");
        assert_eq!(known.next(), None);
    }
}

#[test]
fn what_the_account_cannot_change_is_told() {
    let (plans, answered) = (team(), accepted("team"));
    let differs = "spec.billing.currency \"EUR\" is \"USD\"".to_owned();
    let mut known = known(&plans, &answered, None);
    known.differs = Some(&differs);
    assert_eq!(plan_of(&known), ("False".into(), "BillingDiffers".into(), differs.clone()));
    known.impossible = Some("no such zone");
    assert_eq!(plan_of(&known).1, "BillingInvalid");
}

#[test]
fn workloads_that_stand_for_another_account_are_named_and_the_account_is_not() {
    let (plans, answered) = (team(), accepted("team"));
    let says = |refused| {
        let known = Known { refused, ..known(&plans, &answered, None) };
        let shown = wanted(&known, &Shown::default());
        let (status, reason, message) = said_by(&shown, WORKLOADS_ACCEPTED);
        (status.to_owned(), reason.to_owned(), message.to_owned())
    };
    assert_eq!(says(None).1, "NotAsked");
    assert_eq!(says(Some(&[])).0, "True");
    let two = ["core".to_owned(), "voice".to_owned()];
    let (status, reason, message) = says(Some(&two));
    assert_eq!((status.as_str(), reason.as_str()), ("False", "BoundElsewhere"));
    assert!(
        message.starts_with("ServiceAccount core, voice stands for another account"),
        "{message}"
    );
}

fn enforced(action: crate::domain::enforcement::Action) -> Enforced {
    let (period, now) = (figures(505).period, noon());
    let over = crate::domain::enforcement::over(
        figures(505).snapshot.meters.iter().map(|(meter, of)| (*meter, of)),
        100,
    );
    let not_before = later(now, 60);
    Enforced { action, period, announced: now, not_before, since: now, over: over.unwrap() }
}

#[test]
fn what_is_done_about_a_used_up_quota_is_told_at_once_and_kept_fresh() {
    use crate::domain::enforcement::Action::{Announced, Suspend};
    let (plans, answered) = (team(), accepted("team"));
    let with = |action: Option<_>, valid: i64, stands: &Shown| {
        let (enforced, mut figures) = (action.map(enforced), figures(505));
        figures.valid_until = later(noon(), valid);
        let known = known(&plans, &answered, Some(&figures));
        wanted(&Known { stands: enforced.as_ref(), ..known }, stands)
    };
    let stands = with(None, 900, &Shown::default());
    let announced = with(Some(Announced), 900, &stands);
    let (_, _, words) = said_by(&announced, QUOTA_WITHIN_LIMITS);
    assert!(
        words.starts_with("ingestion: 505 of 500 GB used, 95 % or more; services stop at 2026-")
    );
    let soon = later(noon(), 2);
    let step = |wanted: &Shown, stands: &Shown, now| {
        decide(wanted.clone(), stands, Some(stands), now, EVERY)
    };
    assert!(matches!(step(&announced, &stands, soon), Step::Write(_)), "at once");
    // Newer figures alone are no news of it, unless it is to be done.
    for (action, valid, writes) in
        [(Announced, 1_800, false), (Suspend, 1_100, false), (Suspend, 1_300, true)]
    {
        let stands = with(Some(action), 900, &stands);
        assert_eq!(
            stands.usage.as_ref().unwrap().valid_until,
            Some(later(noon(), 900).to_string())
        );
        let newer = with(Some(action), valid, &stands);
        let step = step(&newer, &stands, later(noon(), 500));
        assert_eq!(matches!(step, Step::Write(_)), writes, "{action:?} {valid}");
    }
    // Other figures may wait for long, but not longer than these are good.
    let stands = with(Some(Suspend), 900, &stands);
    let mut newer = with(Some(Suspend), 1_300, &stands);
    newer.usage.as_mut().unwrap().health_basis_points = Some(5_000);
    let long = SignedDuration::from_hours(24);
    let slow = |at| decide(newer.clone(), &stands, Some(&stands), later(noon(), at), long);
    assert!(matches!(slow(100), Step::Leave(Some(_))));
    assert!(matches!(slow(500), Step::Write(_)));
    // What is not kept by new figures is not written again and again.
    let stands = with(Some(Suspend), 900, &stands);
    let same = with(Some(Suspend), 900, &stands);
    assert_eq!(step(&same, &stands, later(noon(), 899)), Step::Leave(None));
}

/// Nothing tells of these: a turn comes back for whichever is the earliest, and never for what is past.
#[test]
fn a_turn_comes_back_for_what_nothing_tells_of() {
    use crate::domain::enforcement::Action::{Alert, Announced, Held};
    let answered = accepted("team");
    let next = |plans: &Subscription, valid: Option<i64>, stands: Option<Enforced>| {
        let figures =
            valid.map(|valid| Figures { valid_until: later(noon(), valid), ..figures(505) });
        let known = known(plans, &answered, figures.as_ref());
        Known { stands: stands.as_ref(), ..known }.next()
    };
    let in_seconds = |seconds| Some(later(noon(), seconds));
    assert_eq!(next(&team(), None, None), None);
    assert_eq!(next(&team(), Some(900), None), in_seconds(900));
    assert_eq!(next(&team(), Some(1), None), None, "they are old already");
    // Announced for a minute later.
    assert_eq!(next(&team(), Some(900), Some(enforced(Announced))), in_seconds(60));
    assert_eq!(next(&team(), Some(30), Some(enforced(Announced))), in_seconds(30));
    let held = next(&team(), Some(90_000), Some(enforced(Held))).unwrap();
    assert!(held > noon() && held < later(noon(), 86_400), "{held}");
    let period_ends = enforced(Alert).period.end();
    assert_eq!(next(&team(), Some(90_000_000), Some(enforced(Alert))), Some(period_ends));
    // The plan that was agreed to takes effect between the two.
    let mut plans = team();
    plans.append(agreement("scale", "2026-11-10T12:05:00Z", "2026-11-10T12:00:00Z"));
    assert_eq!(next(&plans, Some(900), Some(enforced(Alert))), in_seconds(300));
    assert_eq!(next(&plans, Some(200), None), in_seconds(200));
}
