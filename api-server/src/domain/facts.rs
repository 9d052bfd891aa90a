//! What people say of an account, and what that comes to beside its use.
//!
//! A fact that nobody stated is not known: it has no points, good or bad.

use jiff::{Timestamp, civil::Date};

use super::{
    Ppm,
    calendar::Zone,
    health::{Share, Stage, Support},
    snapshot::Facts,
};

/// For how many days back answers of support count: a quarter, so that an account can recover.
pub const SUPPORT_DAYS: i64 = 90;

/// Departments that use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Departments {
    /// Those that do.
    pub active: u16,
    /// Those that were to; `None`: as many as the account's form named.
    pub planned: Option<u16>,
}

/// Incidents that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Incidents {
    /// Of severity 1.
    pub sev1: u32,
    /// Of severity 2.
    pub sev2: u32,
    /// Of those of severity 1, how many are past the promised answer.
    pub sev1_past_sla: u32,
}

/// What customer success says of an account; `None` is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stated {
    /// Where it is in its life; `None`: by the day on which it goes live.
    pub stage: Option<Stage>,
    /// The day on which it goes live; `None`: the one of its form.
    pub go_live: Option<Date>,
    /// Departments that use it.
    pub departments: Option<Departments>,
    /// Success criteria met, of those due by now.
    pub criteria: Option<Share>,
    /// Share of the error budget that is used.
    pub budget_used: Option<Ppm>,
    /// How long the oldest open invoice is overdue.
    pub days_overdue: Option<u32>,
    /// Incidents that are open.
    pub incidents: Option<Incidents>,
}

/// What an account's form promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Promised {
    /// The day on which work was to begin.
    pub go_live: Date,
    /// How many departments were named.
    pub departments: u16,
}

/// Answers of support within the last [`SUPPORT_DAYS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Answers {
    /// Those that came within the promised hours.
    pub met: u32,
    /// The others.
    pub missed: u32,
}

/// All that facts are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    /// Now.
    pub now: Timestamp,
    /// By whose midnights days begin.
    pub zone: &'a Zone,
    /// Since when the ledger knows the account.
    pub opened: Timestamp,
    /// The last event, to the start of its hour.
    pub last_event: Option<Timestamp>,
    /// What was stated last.
    pub stated: Stated,
    /// What its form promised, if it came with one.
    pub promised: Option<Promised>,
    /// Answers of support.
    pub answers: Answers,
}

impl Known<'_> {
    /// The day on which the account goes or went live: as stated, else as its form has it. An account
    /// of which nothing is known is live since it was opened.
    #[must_use]
    pub fn go_live(&self) -> Date {
        let known = self.stated.go_live.or(self.promised.map(|promised| promised.go_live));
        known.unwrap_or_else(|| self.zone.date(self.opened))
    }

    /// Where the account is in its life: as stated, else by the day.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stated.stage.unwrap_or_else(|| {
            let live = self.go_live() <= self.zone.date(self.now);
            if live { Stage::Live } else { Stage::BeforeGoLive }
        })
    }

    /// The facts for a snapshot.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let Stated { departments, criteria, budget_used, days_overdue, .. } = self.stated;
        Facts {
            stage: self.stage(),
            adoption: departments.and_then(|Departments { active, planned }| {
                let whole = planned.or(self.promised.map(|promised| promised.departments))?;
                Some(Share { part: active, whole })
            }),
            quiet_days: Some(self.quiet_days()),
            support: self.support(),
            success: criteria,
            budget_used,
            days_overdue,
        }
    }

    /// Whole days since the last event, or since go-live where that is later or there was none.
    fn quiet_days(&self) -> u32 {
        let live = self.zone.first_instant(self.go_live()).filter(|live| *live <= self.now);
        let since = self.last_event.max(live).unwrap_or(self.opened);
        let days = self.now.duration_since(since).as_hours() / 24;
        u32::try_from(days.max(0)).unwrap_or(u32::MAX)
    }

    /// Nothing is known while nobody stated incidents and no answer was reported.
    fn support(&self) -> Option<Support> {
        let Answers { met, missed } = self.answers;
        let answers = met.saturating_add(missed);
        if self.stated.incidents.is_none() && answers == 0 {
            return None;
        }
        let open =
            self.stated.incidents.unwrap_or(Incidents { sev1: 0, sev2: 0, sev1_past_sla: 0 });
        Some(Support {
            in_time: met,
            answers,
            open_sev1: open.sev1,
            open_sev2: open.sev2,
            sev1_past_sla: open.sev1_past_sla,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn berlin() -> Zone {
        "Europe/Berlin".parse().unwrap()
    }

    /// On 23 November 2026 of an account opened on the first.
    fn known(zone: &Zone) -> Known<'_> {
        Known {
            now: at("2026-11-23T12:00:00Z"),
            zone,
            opened: at("2026-11-01T12:00:00Z"),
            last_event: None,
            stated: Stated::default(),
            promised: None,
            answers: Answers::default(),
        }
    }

    #[test]
    fn of_an_account_of_which_nothing_is_said_nothing_but_its_silence_is_known() {
        let zone = berlin();
        let facts = known(&zone).facts();
        let quiet = Facts {
            stage: Stage::Live,
            adoption: None,
            quiet_days: Some(22),
            support: None,
            success: None,
            budget_used: None,
            days_overdue: None,
        };
        assert_eq!(facts, quiet);
    }

    #[test]
    fn the_stage_is_as_stated_else_by_the_day_else_by_the_forms_day() {
        let zone = berlin();
        let promised = |go_live| Some(Promised { go_live: day(go_live), departments: 5 });
        let form = Known { promised: promised("2026-11-24"), ..known(&zone) };
        assert_eq!(form.stage(), Stage::BeforeGoLive);
        let stated = Stated { go_live: Some(day("2026-11-23")), ..Stated::default() };
        assert_eq!(Known { stated, ..form.clone() }.stage(), Stage::Live);
        let stated = Stated { stage: Some(Stage::BeforeGoLive), ..stated };
        assert_eq!(Known { stated, ..form }.stage(), Stage::BeforeGoLive);
    }

    #[test]
    fn days_begin_at_the_accounts_midnight() {
        let zone = berlin();
        let promised = Some(Promised { go_live: day("2026-11-24"), departments: 1 });
        let at = |now| Known { now: at(now), promised, ..known(&zone) }.stage();
        assert_eq!(at("2026-11-23T22:59:59Z"), Stage::BeforeGoLive);
        assert_eq!(at("2026-11-23T23:00:00Z"), Stage::Live);
    }

    #[test]
    fn silence_counts_from_the_last_event_or_go_live_whichever_is_later() {
        let zone = berlin();
        let quiet = |last: Option<&str>, go_live: &str| {
            let stated = Stated { go_live: Some(day(go_live)), ..Stated::default() };
            let known = Known { last_event: last.map(at), stated, ..known(&zone) };
            known.facts().quiet_days.unwrap()
        };
        assert_eq!(quiet(Some("2026-11-20T12:00:00Z"), "2026-11-10"), 3);
        assert_eq!(quiet(Some("2026-11-20T12:00:01Z"), "2026-11-10"), 2);
        assert_eq!(quiet(Some("2026-11-05T12:00:00Z"), "2026-11-10"), 13);
        assert_eq!(quiet(None, "2026-11-10"), 13);
        // Nobody counts from a day that is still to come.
        assert_eq!(quiet(Some("2026-11-20T12:00:00Z"), "2027-01-01"), 3);
        assert_eq!(quiet(Some("2026-11-23T13:00:00Z"), "2026-11-10"), 0);
    }

    #[test]
    fn departments_are_held_against_the_plan_or_the_form() {
        let zone = berlin();
        let adoption = |planned, promised: Option<u16>| {
            let departments = Some(Departments { active: 2, planned });
            let promised =
                promised.map(|departments| Promised { go_live: day("2026-11-01"), departments });
            let stated = Stated { departments, ..Stated::default() };
            Known { stated, promised, ..known(&zone) }.facts().adoption.map(|share| share.whole)
        };
        assert_eq!(adoption(Some(4), Some(5)), Some(4));
        assert_eq!(adoption(None, Some(5)), Some(5));
        assert_eq!(adoption(None, None), None);
    }

    #[test]
    fn support_is_known_by_answers_or_by_incidents() {
        let zone = berlin();
        let support = |incidents, met, missed| {
            let stated = Stated { incidents, ..Stated::default() };
            Known { stated, answers: Answers { met, missed }, ..known(&zone) }.facts().support
        };
        assert_eq!(support(None, 0, 0), None);
        let answered = Support { in_time: 9, answers: 10, ..Support::default() };
        assert_eq!(support(None, 9, 1), Some(answered));
        let open = Some(Incidents { sev1: 2, sev2: 3, sev1_past_sla: 1 });
        let both = Support { open_sev1: 2, open_sev2: 3, sev1_past_sla: 1, ..answered };
        assert_eq!(support(open, 9, 1), Some(both));
    }
}
