use jiff::Timestamp;

use super::*;
use crate::ledger::Reason;

fn receipt(outcomes: Vec<Outcome>) -> Receipt {
    Receipt { outcomes, stored_at: Timestamp::UNIX_EPOCH }
}

#[test]
fn every_outcome_is_accounted_for_in_the_order_of_the_request() {
    let at = Timestamp::from_second(5).unwrap();
    let unread = NotTaken {
        index: 1,
        id: None,
        code: "missing".to_owned(),
        detail: String::new(),
        first_seen_at: None,
        errors: Vec::new(),
    };
    let before = Taken { rejected: vec![unread], ..Taken::default() };
    let outcomes = vec![
        Outcome::Conflict { first_seen_at: at },
        Outcome::Accepted { seq: 7 },
        Outcome::Duplicate { seq: 3, first_seen_at: at },
        Outcome::Accepted { seq: 8 },
        Outcome::Refused(Reason::TotalOverflow),
    ];
    let names = [(); 6].map(|()| Name::default());
    let taken = account_for(before, &[0, 2, 3, 4, 5], &names, &receipt(outcomes));
    assert_eq!((taken.accepted, taken.duplicates), (2, 1));
    assert_eq!(taken.ledger, Some(Rows { from: 7, to: 8 }));
    let rejected: Vec<(usize, &str)> =
        taken.rejected.iter().map(|one| (one.index, one.code.as_str())).collect();
    assert_eq!(rejected, [(0, "conflict"), (1, "missing"), (5, "total_overflow")]);
    assert_eq!(taken.rejected[0].first_seen_at, Some(at));
}

#[test]
fn the_status_says_all_some_or_none() {
    let not_taken = |index| NotTaken {
        index,
        id: None,
        code: "conflict".to_owned(),
        detail: "d".to_owned(),
        first_seen_at: None,
        errors: Vec::new(),
    };
    let all = Taken { accepted: 1, duplicates: 1, ..Taken::default() };
    assert_eq!(answer(all.clone()).unwrap().status(), StatusCode::OK);
    assert_eq!(answer(Taken::default()).unwrap().status(), StatusCode::OK, "an empty batch");
    let some = Taken { rejected: vec![not_taken(2)], ..all };
    assert_eq!(answer(some).unwrap().status(), StatusCode::MULTI_STATUS);
    let none = Taken { rejected: vec![not_taken(0), not_taken(1)], ..Taken::default() };
    let problem = answer(none).unwrap_err();
    assert_eq!(problem.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem.body("", "").errors[1].pointer, "/1");
}
