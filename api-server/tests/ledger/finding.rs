//! Customers found by name and put in order, page by page, as the list of what accounts came to has it.

use api_server::{
    domain::calendar::AnchorDay,
    ledger::figures::{Figures, Rhythm},
    store::{
        accounts::{self, Account},
        snapshots::{self, Filter, Query, Sort},
    },
};
use jiff::SignedDuration;

use super::ground::{Ground, account};

async fn named(ground: &Ground, id: &str, name: &str) {
    let new = Account {
        id: account(id),
        name: name.to_owned(),
        zone: "UTC".parse().unwrap(),
        anchor: AnchorDay::new(1).unwrap(),
        currency: "USD".to_owned(),
        created_at: ground.now(),
    };
    let work = ground
        .ledger
        .transact(None, |session, _| Box::pin(async move { accounts::add(session, &new).await }));
    work.await.unwrap();
}

/// All that are found, in pages of two; none of them twice.
async fn found(ground: &Ground, text: &str, sort: Sort, descending: bool) -> Vec<String> {
    let filter = Filter { named: Some(text.to_owned()), ..Filter::default() };
    let mut session = ground.ledger.store().read().await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let query = Query { filter: filter.clone(), sort, descending, after, limit: 2 };
        let page = snapshots::page(&mut session, &query).await.unwrap();
        let Some(last) = page.last() else { return seen };
        after = Some(last.position(sort));
        seen.extend(page.iter().map(|listed| listed.row.account.to_string()));
    }
}

#[tokio::test]
async fn customers_are_found_by_how_their_name_or_id_begins_in_every_order() {
    let ground = Ground::empty().await;
    for (id, name) in [
        ("acme", "Zeta Legal"),
        ("b-1", "ACME Legal"),
        ("c-1", "acmetal"),
        ("d-1", "The Acme"),
        ("e-1", "Ünal & 100 %"),
        ("f-1", "ünal"),
        ("g-1", "100_%"),
        ("CUST-001", "Quux"),
    ] {
        named(&ground, id, name).await;
    }
    let mut figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    figures.round(&ground.ledger).await.unwrap();
    // By name and by id, whatever the case; one that is found by both comes once.
    for (sort, descending) in [
        (Sort::Account, false),
        (Sort::Account, true),
        (Sort::Health, false),
        (Sort::Ratio, true),
        (Sort::Cost, false),
        (Sort::Support, true),
    ] {
        let mut expected = ["acme", "b-1", "c-1"];
        if descending {
            expected.reverse();
        }
        assert_eq!(found(&ground, "AcMe", sort, descending).await, expected, "{sort:?}");
    }
    let by_id = async |text: &str| found(&ground, text, Sort::Account, false).await;
    assert_eq!(by_id("acme l").await, ["b-1"]);
    assert_eq!(by_id("B-1").await, ["b-1"]);
    for text in ["CUST-0", "cust-0"] {
        assert_eq!(by_id(text).await, ["CUST-001"], "{text}");
    }
    assert_eq!(by_id("Ünal").await, ["e-1"], "letters beyond z are as they are written");
    assert_eq!(by_id("100_").await, ["g-1"], "nothing stands for another character");
    assert_eq!(by_id("%").await, [""; 0]);
    assert_eq!(by_id("legal").await, [""; 0], "the beginning, not what is within");
}
