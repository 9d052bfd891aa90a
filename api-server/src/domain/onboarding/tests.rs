use jiff::Timestamp;

use super::*;
use crate::domain::{
    BasisPoints,
    catalogue::Catalogue,
    roi::{Department, USUAL_DISCOUNT, USUAL_REALISATION},
};

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn units(units: i64) -> Quantity {
    Quantity::from_units(units).unwrap()
}

/// A law firm with 12 lawyers who each save four hours a week.
pub fn intake() -> Intake {
    let usd = |main: i64| Money::from_minor(main * 100, Currency::USD);
    let hours_per_week = Range { low: units(3), base: units(4), high: units(5) };
    Intake {
        display_name: "Acme Legal".to_owned(),
        tenant: "acme".to_owned(),
        contact: Contact { name: "Operations".to_owned(), email: "ops@acme.example".to_owned() },
        use_case: "Read contracts".to_owned(),
        purpose: Purpose::Production,
        go_live: "2027-01-15".parse().unwrap(),
        success_criteria: Vec::new(),
        departments: vec!["Litigation".to_owned()],
        usage: [(Meter::Agents, Range::all(units(40_000)))].into(),
        voice_minutes: 0,
        support_hours: Some(8),
        currency: Currency::USD,
        time_zone: "America/Chicago".to_owned(),
        anchor_day: 1,
        roi: Inputs {
            departments: vec![Department { people: 12, hours_per_week, weeks_per_year: 46 }],
            salary: usd(52_000),
            burden: BasisPoints(3_000),
            productive_hours: 1_800,
            realisation: USUAL_REALISATION,
            risk: BasisPoints(1_500),
            error_cost_avoided: usd(0),
            subscription: usd(0),
            run_cost: usd(3_000),
            one_off: usd(12_000),
            discount: USUAL_DISCOUNT,
            ramp: Vec::new(),
            years: 3,
        },
    }
}

const CRITERION: &str = "/success_criteria/0/text";

fn criterion(text: impl Into<String>, by: Option<&str>) -> SuccessCriterion {
    SuccessCriterion { text: text.into(), by: by.map(|day| day.parse().unwrap()) }
}

fn pointers(change: impl Fn(&mut Intake)) -> Vec<String> {
    let mut changed = intake();
    change(&mut changed);
    check(&changed, now()).into_iter().map(|invalid| invalid.pointer).collect()
}

#[test]
fn a_good_form_has_no_problems_at_the_edges_of_its_limits_either() {
    assert_eq!(check(&intake(), now()), []);
    let edges: [fn(&mut Intake); 12] = [
        |i| i.tenant = "a".repeat(40),
        |i| i.tenant = "0-9".to_owned(),
        |i| i.display_name = "é".repeat(100),
        |i| i.use_case = format!("{}\nb", "a".repeat(998)),
        |i| i.go_live = "2026-11-22".parse().unwrap(),
        |i| i.go_live = "2029-11-23".parse().unwrap(),
        |i| i.support_hours = Some(720),
        |i| i.anchor_day = 31,
        |i| i.voice_minutes = 100_000_000,
        |i| i.success_criteria = vec![criterion("é".repeat(200), None); 20],
        |i| i.success_criteria = vec![criterion("a", Some("2026-11-22"))],
        |i| i.success_criteria = vec![criterion("a", Some("2036-11-23"))],
    ];
    for (index, edge) in edges.into_iter().enumerate() {
        assert_eq!(pointers(edge), [] as [&str; 0], "{index}");
    }
}

#[test]
fn just_beyond_its_limits_each_field_is_named() {
    type Change = fn(&mut Intake);
    let beyond: [(Change, &str); 26] = [
        (|i| i.display_name = "a".repeat(101), "/display_name"),
        (|i| i.display_name = "a\nb".to_owned(), "/display_name"),
        (|i| i.display_name = "a\u{202e}b".to_owned(), "/display_name"),
        (|i| i.tenant = "a".repeat(41), "/tenant"),
        (|i| i.contact.name = " ".to_owned(), "/contact/name"),
        (|i| i.contact.email = format!("{}@b.example", "a".repeat(250)), "/contact/email"),
        (|i| i.use_case = "a".repeat(1_001), "/use_case"),
        (|i| i.use_case = "-----BEGIN PRIVATE KEY-----".to_owned(), "/use_case"),
        (|i| i.use_case = "use eyJhbGciOiJub25lIn0.e30. please".to_owned(), "/use_case"),
        (|i| i.go_live = "2026-11-21".parse().unwrap(), "/go_live_date"),
        (|i| i.go_live = "2029-11-24".parse().unwrap(), "/go_live_date"),
        (|i| i.support_hours = Some(721), "/support_hours"),
        (|i| i.support_hours = Some(0), "/support_hours"),
        (|i| i.voice_minutes = 100_000_001, "/voice_minutes"),
        (|i| i.success_criteria = vec![criterion("a", None); 21], "/success_criteria"),
        (|i| i.success_criteria = vec![criterion("a".repeat(201), None)], CRITERION),
        (|i| i.success_criteria = vec![criterion(" ", None)], CRITERION),
        (|i| i.success_criteria = vec![criterion("a\nb", None)], CRITERION),
        (|i| i.success_criteria = vec![criterion("-----BEGIN PRIVATE KEY-----", None)], CRITERION),
        (
            |i| i.success_criteria = vec![criterion("a", Some("2026-11-21"))],
            "/success_criteria/0/by",
        ),
        (
            |i| i.success_criteria = vec![criterion("a", Some("2036-11-24"))],
            "/success_criteria/0/by",
        ),
        (|i| i.time_zone = "Mars/Olympus".to_owned(), "/time_zone"),
        (|i| i.anchor_day = 0, "/anchor_day"),
        (|i| i.currency = Currency::EUR, "/roi/salary/currency"),
        (|i| i.roi.years = 11, "/roi/years"),
        (|i| i.roi.departments[0].people = 0, "/departments/0/people"),
    ];
    for (index, (change, pointer)) in beyond.into_iter().enumerate() {
        assert_eq!(pointers(change), [pointer], "{index}");
    }
}

#[test]
fn a_tenants_name_is_a_dns_label_and_an_address_can_be_written_to() {
    for name in ["", "-a", "a-", "A", "a.b", "a_b", "ä", "a b", "a\n"] {
        assert_eq!(pointers(|i| i.tenant = name.to_owned()), ["/tenant"], "{name:?}");
    }
    for email in
        ["", "a", "@b.c", "a@", "a@b", "a@b..c", "a@b.c@d.e", "a b@c.d", "<a@b.c>", "a@b.c\n"]
    {
        assert_eq!(
            pointers(|i| i.contact.email = email.to_owned()),
            ["/contact/email"],
            "{email:?}"
        );
    }
}

#[test]
fn usage_is_of_billed_meters_and_rises() {
    let with = |meter, low, base, high| {
        pointers(|i| {
            let range = Range { low: units(low), base: units(base), high: units(high) };
            i.usage = [(meter, range)].into();
        })
    };
    assert_eq!(with(Meter::Query, 0, 5, 1_000_000_000_000), [] as [&str; 0]);
    assert_eq!(with(Meter::Query, -1, 0, 1), ["/usage/query/low"]);
    assert_eq!(with(Meter::Query, 0, 0, 1_000_000_000_001), ["/usage/query/high"]);
    assert_eq!(with(Meter::Query, 2, 1, 0), ["/usage/query/low", "/usage/query/high"]);
    assert_eq!(with(Meter::Signup, 1, 1, 1), ["/usage/signup"]);
}

#[test]
fn a_department_is_named_once_and_all_problems_are_found_at_once() {
    let all = pointers(|i| {
        i.tenant = "A".to_owned();
        i.departments = vec!["Sales".to_owned(), "Sales".to_owned()];
        i.anchor_day = 32;
        i.roi.burden = BasisPoints(-1);
    });
    assert_eq!(all, ["/tenant", "/departments/1/name", "/anchor_day", "/roi/burden"]);
}

#[test]
fn the_evaluation_is_what_plan_profile_and_business_case_say() {
    let catalogue = Catalogue::shipped().unwrap();
    let evaluation = evaluate(&intake(), &catalogue.live_plans(now())).unwrap();
    assert_eq!(evaluation.plan.plan.unwrap().plan, "team");
    let year = Money::from_minor(12 * 89_900, Currency::USD);
    let expected = roi::calculate(&Inputs { subscription: year, ..intake().roi }).unwrap();
    assert_eq!(evaluation.roi, Some(expected));
    assert_eq!((evaluation.profile.profile, evaluation.profile.overlays), ("prod", vec![]));
}

#[test]
fn where_no_plan_fits_there_is_no_business_case_and_the_reason_is_given() {
    let catalogue = Catalogue::shipped().unwrap();
    let mut form = intake();
    form.support_hours = Some(1);
    let evaluation = evaluate(&form, &catalogue.live_plans(now())).unwrap();
    assert_eq!((evaluation.plan.plan, evaluation.costs, evaluation.roi), (None, None, None));
    assert!(
        evaluation.plan.reasons[0].starts_with("no plan fits"),
        "{:?}",
        evaluation.plan.reasons
    );
}

/// Every state × every decision: N records it, S leaves the same, X refuses.
#[test]
fn a_request_is_decided_once() {
    let ada = || Actor::Manager("ada".to_owned());
    let bob = || Actor::Manager("bob".to_owned());
    let no = |reason: &str| Verdict::Rejected { reason: reason.to_owned() };
    let decision = |(verdict, by)| Decision { verdict, by, at: now() };
    let wanted = || {
        [
            (Verdict::Approved, ada()),
            (Verdict::Approved, bob()),
            (no("no"), ada()),
            (no("never"), ada()),
            (no("no"), bob()),
            (Verdict::Withdrawn, ada()),
            (Verdict::Withdrawn, Actor::Applicant),
        ]
        .map(decision)
    };
    let decided = |verdict, by| State::Decided(decision((verdict, by)));
    let table = [
        (State::AwaitingApproval, Status::AwaitingApproval, "NNNNNNN"),
        (decided(Verdict::Approved, ada()), Status::Approved, "SXXXXXX"),
        (decided(no("no"), ada()), Status::Rejected, "XXSXXXX"),
        (decided(Verdict::Withdrawn, ada()), Status::Withdrawn, "XXXXXSX"),
        (decided(Verdict::Withdrawn, Actor::Applicant), Status::Withdrawn, "XXXXXXS"),
    ];
    for (state, status, row) in table {
        assert_eq!(state.status(), status);
        for (mut wanted, expected) in wanted().into_iter().zip(row.chars()) {
            wanted.at = now() + jiff::SignedDuration::from_secs(1);
            let got = state.decide(wanted.clone());
            match expected {
                'N' => assert_eq!(got, Ok(Move::New(wanted))),
                // What was recorded stays, with its time.
                'S' => assert_eq!(got, Ok(Move::Same(Decision { at: now(), ..wanted }))),
                _ => assert_eq!(got, Err(AlreadyDecided(status)), "{state:?} {wanted:?}"),
            }
        }
    }
}

#[test]
fn a_status_is_read_as_it_is_written() {
    for status in Status::ALL {
        assert_eq!(status.to_string().parse(), Ok(status));
    }
    for text in ["", "Approved", "approved ", "open"] {
        assert!(text.parse::<Status>().is_err(), "{text:?}");
    }
}
