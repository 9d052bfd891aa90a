//! Adding: what is accepted, what repeats, what is refused.

use std::collections::BTreeMap;

use api_server::{
    domain::{Quantity, meter::Meter},
    ledger::{Append, Change, Correction, Item, LedgerError, Outcome, Reason, upkeep::Upkeep},
};

use super::ground::{Ground, ROLLUPS, TOTALS, accepted, at, query, usage};

fn strings(rows: &[&[&str]]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|&text| text.to_owned()).collect()).collect()
}

#[tokio::test]
async fn an_event_becomes_a_row_an_hour_and_a_figure() {
    let ground = Ground::with(&["acme"]).await;
    let receipt = ground.send("acme", vec![query("acme", "e-1", "2.5")]).await;
    assert_eq!(accepted(&receipt), [1]);
    assert_eq!((receipt.range(), receipt.stored_at), (Some((1, 1)), ground.now()));
    let november = "1793487600000"; // 2026-10-31T23:00Z, midnight in Berlin
    let totals = ground.table(TOTALS).await;
    assert_eq!(totals, strings(&[&["acme", november, "query", "1", "2500000"]]));
    let hour = at("2026-11-23T11:00:00Z").as_millisecond().to_string();
    let rollups = ground.table(ROLLUPS).await;
    assert_eq!(rollups, strings(&[&["acme", november, "query", &hour, "1", "2500000"]]));
    let row = "SELECT seq, kind, source, event_id, meter, t_event, t_ingest, t_stored, qty_micro,
                 ref_seq, happened_in, dims_hash FROM usage_ledger";
    let now = ground.now().as_millisecond().to_string();
    let expected: [&str; 12] =
        ["1", "0", "/core", "e-1", "query", &hour, &now, &now, "2500000", "-", "-", "-"];
    assert_eq!(ground.table(row).await, strings(&[&expected]));
}

#[tokio::test]
async fn numbers_count_from_one_inside_each_account() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    for n in 0..3 {
        let id = format!("e-{n}");
        assert_eq!(accepted(&ground.send("acme", vec![query("acme", &id, "1")]).await), [n + 1]);
        let other = ground.send("borealis", vec![query("borealis", &id, "1")]).await;
        assert_eq!(accepted(&other), [n + 1]);
    }
}

/// A slow request that arrived before its own repetition may be stored after it.
#[tokio::test]
async fn a_repetition_that_overtakes_in_the_next_month_is_one() {
    let ground = Ground::with(&["acme"]).await;
    let event = || Item::Usage(usage("acme", "e-1", Meter::Query, "2026-11-30T23:00:00Z", "1"));
    ground.set_clock("2026-11-30T23:59:58Z");
    let slow = ground.request("acme", vec![event()]);
    ground.set_clock("2026-12-01T00:00:01Z");
    let first_seen_at = ground.now();
    assert_eq!(accepted(&ground.send("acme", vec![event()]).await), [1]);
    let late = ground.ledger.append(slow).await.unwrap();
    assert_eq!(late.outcomes, [Outcome::Duplicate { seq: 1, first_seen_at }]);
}

#[tokio::test]
async fn sending_again_is_a_success_that_counts_nothing() {
    let ground = Ground::with(&["acme"]).await;
    let first_seen_at = ground.now();
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let figures = ground.table(TOTALS).await;
    ground.set_clock("2026-11-23T13:00:00Z");
    let again = ground.send("acme", vec![query("acme", "e-1", "1.000")]).await;
    assert_eq!(again.outcomes, [Outcome::Duplicate { seq: 1, first_seen_at }]);
    assert_eq!(again.range(), None);
    assert_eq!(ground.table(TOTALS).await, figures);
}

#[tokio::test]
async fn another_event_under_a_known_name_is_a_conflict() {
    let ground = Ground::with(&["acme"]).await;
    let first_seen_at = ground.now();
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let time = "2026-11-23T11:00:00Z";
    let mut with_dims = usage("acme", "e-1", Meter::Query, time, "1");
    with_dims.dims.insert("region".to_owned(), "eu".to_owned());
    let others = vec![
        query("acme", "e-1", "1.000001"),
        Item::Usage(usage("acme", "e-1", Meter::Agents, time, "1")),
        Item::Usage(usage("acme", "e-1", Meter::Query, "2026-11-23T11:00:00.001Z", "1")),
        Item::Usage(with_dims),
    ];
    let receipt = ground.send("acme", others).await;
    assert_eq!(receipt.outcomes, [Outcome::Conflict { first_seen_at }; 4]);
    assert_eq!(ground.table(TOTALS).await[0][3..], ["1", "1000000"]);
}

#[tokio::test]
async fn the_same_id_of_another_source_or_account_is_another_event() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let mut elsewhere = usage("acme", "e-1", Meter::Query, "2026-11-23T11:00:00Z", "1");
    elsewhere.source = "/voice".to_owned();
    let receipt =
        ground.send("acme", vec![query("acme", "e-1", "1"), Item::Usage(elsewhere)]).await;
    assert_eq!(accepted(&receipt), [1, 2]);
    let other = ground.send("borealis", vec![query("borealis", "e-1", "7")]).await;
    assert_eq!(accepted(&other), [1]);
    let totals = ground.table(TOTALS).await;
    assert_eq!(
        totals.iter().map(|row| row[4].as_str()).collect::<Vec<_>>(),
        ["2000000", "7000000"]
    );
}

#[tokio::test]
async fn within_one_request_the_first_of_equals_counts() {
    let ground = Ground::with(&["acme"]).await;
    let first_seen_at = ground.now();
    let items = vec![query("acme", "e", "1"), query("acme", "e", "1"), query("acme", "e", "2")];
    let receipt = ground.send("acme", items).await;
    let expected = [
        Outcome::Accepted { seq: 1 },
        Outcome::Duplicate { seq: 1, first_seen_at },
        Outcome::Conflict { first_seen_at },
    ];
    assert_eq!(receipt.outcomes, expected);
}

#[tokio::test]
async fn one_bad_item_leaves_its_neighbours_alone() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let items =
        vec![query("acme", "e-0", "1"), query("acme", "e-1", "9"), query("acme", "e-2", "1")];
    let receipt = ground.send("acme", items).await;
    assert_eq!(receipt.outcomes[0], Outcome::Accepted { seq: 2 });
    assert!(matches!(receipt.outcomes[1], Outcome::Conflict { .. }));
    assert_eq!(receipt.outcomes[2], Outcome::Accepted { seq: 3 });
    assert_eq!(receipt.range(), Some((2, 3)));
}

#[tokio::test]
async fn an_atomic_request_is_added_whole_or_not_at_all() {
    let ground = Ground::with(&["acme"]).await;
    let first_seen_at = ground.now();
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let before = (ground.table(TOTALS).await, ground.table(ROLLUPS).await);
    let items = vec![
        query("acme", "e-0", "1"),
        query("acme", "e-0", "1"),
        query("acme", "e-1", "1"),
        query("acme", "e-1", "9"),
    ];
    let request = Append { atomic: true, ..ground.request("acme", items) };
    let receipt = ground.ledger.append(request).await.unwrap();
    let expected = [
        Outcome::Refused(Reason::NotApplied),
        Outcome::Refused(Reason::NotApplied),
        Outcome::Duplicate { seq: 1, first_seen_at },
        Outcome::Conflict { first_seen_at },
    ];
    assert_eq!(receipt.outcomes, expected);
    assert_eq!((ground.table(TOTALS).await, ground.table(ROLLUPS).await), before);

    let items = vec![query("acme", "e-0", "1"), query("acme", "e-1", "1")];
    let request = Append { atomic: true, ..ground.request("acme", items) };
    let receipt = ground.ledger.append(request).await.unwrap();
    assert_eq!(receipt.outcomes[0], Outcome::Accepted { seq: 2 });
    assert_eq!(receipt.outcomes[1], Outcome::Duplicate { seq: 1, first_seen_at });
}

#[tokio::test]
async fn an_empty_request_is_answered_and_adds_nothing() {
    let ground = Ground::with(&["acme"]).await;
    let receipt = ground.send("acme", Vec::new()).await;
    assert_eq!((receipt.outcomes.len(), receipt.range()), (0, None));
}

#[tokio::test]
async fn an_account_that_is_not_there_is_refused() {
    let ground = Ground::with(&["acme"]).await;
    let receipt = ground.send("ghost", vec![query("ghost", "e-1", "1")]).await;
    assert_eq!(receipt.outcomes, [Outcome::Refused(Reason::UnknownAccount)]);
    assert_eq!(ground.table("SELECT account FROM dedup").await.len(), 0);
}

#[tokio::test]
async fn an_item_of_another_account_never_enters() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let items = vec![query("acme", "e-1", "1"), query("borealis", "e-2", "1")];
    let refused = ground.ledger.append(ground.request("acme", items)).await;
    assert_eq!(refused, Err(LedgerError::OtherAccount));
    assert_eq!(ground.table(TOTALS).await.len(), 0);
}

#[tokio::test]
async fn dimensions_are_stored_beside_the_row_with_their_hash_in_it() {
    let ground = Ground::with(&["acme"]).await;
    let mut event = usage("acme", "e-1", Meter::Query, "2026-11-23T11:00:00Z", "1");
    event.dims.insert("region".to_owned(), "eu \"1\"".to_owned());
    event.dims.insert("agent".to_owned(), "7".to_owned());
    ground.send("acme", vec![Item::Usage(event)]).await;
    let dims = ground.table("SELECT account, seq, dims FROM event_dims").await;
    assert_eq!(dims, strings(&[&["acme", "1", r#"{"agent":"7","region":"eu \"1\""}"#]]));
    assert_eq!(ground.table("SELECT dims_hash FROM usage_ledger").await[0][0].len(), 64);
}

#[tokio::test]
async fn the_ledger_goes_on_where_it_stopped() {
    let ground = Ground::with(&["acme"]).await;
    let first_seen_at = ground.now();
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let ground = ground.reopen().await;
    let receipt = ground.send("acme", vec![query("acme", "e-1", "1"), query("acme", "e-2", "1")]);
    let expected = [Outcome::Duplicate { seq: 1, first_seen_at }, Outcome::Accepted { seq: 2 }];
    assert_eq!(receipt.await.outcomes, expected);
}

#[tokio::test]
async fn a_closed_ledger_takes_nothing() {
    let ground = Ground::with(&["acme"]).await;
    ground.ledger.close().await;
    let refused = ground.ledger.append(ground.request("acme", vec![query("acme", "e", "1")])).await;
    assert_eq!(refused, Err(LedgerError::Closed));
}

#[tokio::test]
async fn a_figure_that_would_not_fit_is_refused_alone() {
    let ground = Ground::with(&["acme"]).await;
    let mut huge = usage("acme", "huge", Meter::Query, "2026-11-23T11:00:00Z", "1");
    huge.quantity = Quantity::from_micros(i64::MAX);
    let items = vec![query("acme", "a", "1"), Item::Usage(huge), query("acme", "b", "1")];
    let receipt = ground.send("acme", items).await;
    let expected = [
        Outcome::Accepted { seq: 1 },
        Outcome::Refused(Reason::TotalOverflow),
        Outcome::Accepted { seq: 2 },
    ];
    assert_eq!(receipt.outcomes, expected);
    assert_eq!(ground.table(TOTALS).await[0][3..], ["2", "2000000"]);
}

mod corrections {
    use super::*;

    fn correction(id: &str, ref_seq: i64, change: Change) -> Item {
        let notes = [("actor", "ops@example.com"), ("reason", "double count")];
        let notes = notes.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Item::Correction(Correction {
            source: "/corrections".to_owned(),
            id: id.to_owned(),
            ref_seq,
            change,
            notes: BTreeMap::from(notes),
        })
    }

    fn by(micros: i64) -> Change {
        Change::By(Quantity::from_micros(micros))
    }

    #[tokio::test]
    async fn a_void_undoes_its_row_and_leaves_it_there() {
        let ground = Ground::with(&["acme"]).await;
        ground.send("acme", vec![query("acme", "e-1", "5")]).await;
        let receipt = ground.send("acme", vec![correction("c-1", 1, Change::Void)]).await;
        assert_eq!(accepted(&receipt), [2]);
        assert_eq!(ground.table(TOTALS).await[0][3..], ["2", "0"]);
        assert_eq!(ground.table(ROLLUPS).await[0][4..], ["2", "0"]);
        let rows = "SELECT seq, kind, qty_micro, ref_seq FROM usage_ledger ORDER BY seq";
        let expected: [&[&str]; 2] = [&["1", "0", "5000000", "-"], &["2", "2", "-5000000", "1"]];
        assert_eq!(ground.table(rows).await, strings(&expected));
    }

    #[tokio::test]
    async fn corrections_add_up_and_a_void_takes_back_what_they_leave() {
        let ground = Ground::with(&["acme"]).await;
        ground.send("acme", vec![query("acme", "e-1", "5")]).await;
        let items = vec![
            correction("c-1", 1, by(-2_000_000)),
            correction("c-2", 1, by(1_000_000)),
            correction("c-3", 1, Change::Void),
            correction("c-4", 1, Change::Void),
        ];
        let receipt = ground.send("acme", items).await;
        assert_eq!(receipt.outcomes[3], Outcome::Refused(Reason::AlreadyVoid));
        let rows = "SELECT qty_micro FROM usage_ledger WHERE ref_seq = 1 ORDER BY seq";
        assert_eq!(
            ground.table(rows).await,
            strings(&[&["-2000000"], &["1000000"], &["-4000000"]])
        );
        assert_eq!(ground.table(TOTALS).await[0][4], "0");
    }

    #[tokio::test]
    async fn what_was_corrected_before_is_known_later() {
        let ground = Ground::with(&["acme"]).await;
        ground.send("acme", vec![query("acme", "e-1", "5")]).await;
        ground.send("acme", vec![correction("c-1", 1, by(-4_000_000))]).await;
        let ground = ground.reopen().await;
        let receipt = ground.send("acme", vec![correction("c-2", 1, by(-1_000_001))]).await;
        assert_eq!(receipt.outcomes, [Outcome::Refused(Reason::TakesBackTooMuch)]);
        let receipt = ground.send("acme", vec![correction("c-3", 1, by(-1_000_000))]).await;
        assert_eq!(accepted(&receipt), [3]);
    }

    #[tokio::test]
    async fn a_correction_sent_twice_counts_once() {
        let ground = Ground::with(&["acme"]).await;
        ground.send("acme", vec![query("acme", "e-1", "5")]).await;
        let first = correction("c-1", 1, by(-1));
        assert_eq!(accepted(&ground.send("acme", vec![first.clone()]).await), [2]);
        let again = ground.send("acme", vec![first, correction("c-1", 1, by(-2))]).await;
        assert!(matches!(again.outcomes[0], Outcome::Duplicate { seq: 2, .. }));
        assert!(matches!(again.outcomes[1], Outcome::Conflict { .. }));
    }

    /// Its key was dropped with those of its month, and its row still says what it was about.
    #[tokio::test]
    async fn a_corrections_name_stays_its_own_when_its_key_was_dropped() {
        let ground = Ground::with(&["acme", "borealis"]).await;
        ground.send("acme", vec![query("acme", "e-1", "5"), query("acme", "e-2", "7")]).await;
        ground.send("borealis", vec![query("borealis", "e-1", "5")]).await;
        let first = correction("c-1", 1, by(-1));
        assert_eq!(accepted(&ground.send("acme", vec![first.clone()]).await), [3]);
        ground.set_clock("2027-03-02T12:00:00Z");
        Upkeep::default().round(&ground.ledger).await.unwrap();
        assert_eq!(ground.table("SELECT COUNT(*) FROM dedup").await, strings(&[&["0"]]));
        let of_another_row = correction("c-1", 2, by(-1));
        let again = ground.send("acme", vec![of_another_row, first]).await;
        let first_seen_at = at(super::super::ground::NOW);
        let known =
            [Outcome::Conflict { first_seen_at }, Outcome::Duplicate { seq: 3, first_seen_at }];
        assert_eq!(again.outcomes, known);
        // An event, or another account's correction, may be called the same.
        let theirs = ground.send("borealis", vec![correction("c-1", 1, by(-1))]).await;
        assert_eq!(accepted(&theirs), [2]);
        let mut event = usage("acme", "c-1", Meter::Query, "2027-03-02T11:00:00Z", "1");
        event.source = "/corrections".to_owned();
        assert_eq!(accepted(&ground.send("acme", vec![Item::Usage(event)]).await), [4]);
    }

    #[tokio::test]
    async fn only_usage_rows_of_the_same_account_can_be_corrected() {
        let ground = Ground::with(&["acme", "borealis"]).await;
        ground.send("acme", vec![query("acme", "e-1", "5")]).await;
        ground.send("acme", vec![correction("c-1", 1, by(-1))]).await;
        for (of, seq) in [("acme", 2), ("acme", 3), ("acme", 0), ("acme", -1), ("borealis", 1)] {
            let receipt = ground.send(of, vec![correction("x", seq, Change::Void)]).await;
            assert_eq!(receipt.outcomes, [Outcome::Refused(Reason::UnknownRow)], "{of} {seq}");
        }
    }

    #[tokio::test]
    async fn a_correction_counts_in_the_hour_of_its_row() {
        let ground = Ground::with(&["acme"]).await;
        let early = usage("acme", "e-1", Meter::Query, "2026-11-03T05:30:00Z", "5");
        ground.send("acme", vec![Item::Usage(early)]).await;
        ground.send("acme", vec![correction("c-1", 1, by(-2_000_000))]).await;
        let rollups = ground.table(ROLLUPS).await;
        let hour = at("2026-11-03T05:00:00Z").as_millisecond().to_string();
        assert_eq!((rollups.len(), &rollups[0][3], rollups[0][5].as_str()), (1, &hour, "3000000"));
    }

    #[tokio::test]
    async fn who_and_why_stand_beside_the_row() {
        let ground = Ground::with(&["acme"]).await;
        ground.send("acme", vec![query("acme", "e-1", "5")]).await;
        ground.send("acme", vec![correction("c-1", 1, Change::Void)]).await;
        let notes = ground.table("SELECT dims FROM event_dims WHERE seq = 2").await;
        assert_eq!(notes[0][0], r#"{"actor":"ops@example.com","reason":"double count"}"#);
    }
}
