//! Reading: over time, row by row, account by account.

use api_server::{
    domain::{
        catalogue::{Catalogue, PlanId},
        meter::Meter,
        subscription::Agreement,
        threshold::Level,
    },
    ledger::Item,
    store::{
        accounts::{self, Account},
        events::{self, EventRow, Filter, Found, Order, Page},
        list::{self, Sort},
        row::TotalKey,
        timeline::{Granularity, Point, timeline},
        usage,
    },
};
use jiff::Timestamp;

use super::ground::{Ground, account, at, query, usage as event};

async fn known(ground: &Ground, id: &str) -> Account {
    let mut session = ground.ledger.store().read().await.unwrap();
    accounts::get(&mut session, &account(id)).await.unwrap().unwrap()
}

async fn points(ground: &Ground, id: &str, granularity: Granularity) -> Vec<(String, String)> {
    let of = known(ground, id).await;
    let mut session = ground.ledger.store().read().await.unwrap();
    let range = (at("2026-10-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
    let points = timeline(&mut session, &of, Meter::Query, range, granularity).await.unwrap();
    let show = |p: Point| (p.start.to_string(), format!("{} in {}", p.quantity, p.count));
    points.into_iter().map(show).collect()
}

fn at_times(id: &str, times: &[&str]) -> Vec<Item> {
    let item = |(n, time): (usize, &&str)| {
        Item::Usage(event(id, &format!("e-{n}"), Meter::Query, time, "1.5"))
    };
    times.iter().enumerate().map(item).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn days_begin_at_the_accounts_midnight() {
    let ground = Ground::with(&["acme"]).await;
    let times = ["2026-11-20T22:59:59Z", "2026-11-20T23:00:00Z", "2026-11-21T22:59:59.999Z"];
    ground.send("acme", at_times("acme", &times)).await;
    let days = points(&ground, "acme", Granularity::Day).await;
    let expected =
        pairs(&[("2026-11-19T23:00:00Z", "1.5 in 1"), ("2026-11-20T23:00:00Z", "3 in 2")]);
    assert_eq!(days, expected);
    assert_eq!(points(&ground, "acme", Granularity::Hour).await.len(), 3);
    let months = points(&ground, "acme", Granularity::Month).await;
    assert_eq!(months, pairs(&[("2026-10-31T23:00:00Z", "4.5 in 3")]));
}

#[tokio::test]
async fn a_zone_off_by_quarter_hours_has_hours_of_its_own() {
    let ground = Ground::empty().await;
    ground.add("kathmandu", "Asia/Kathmandu", 1).await;
    let times = ["2026-11-20T18:14:59Z", "2026-11-20T18:15:00Z", "2026-11-20T19:14:00Z"];
    ground.send("kathmandu", at_times("kathmandu", &times)).await;
    let hours = points(&ground, "kathmandu", Granularity::Hour).await;
    let expected =
        pairs(&[("2026-11-20T17:15:00Z", "1.5 in 1"), ("2026-11-20T18:15:00Z", "3 in 2")]);
    assert_eq!(hours, expected);
    let days = points(&ground, "kathmandu", Granularity::Day).await;
    assert_eq!(days[1].0, "2026-11-20T18:15:00Z");
}

#[tokio::test]
async fn late_use_is_drawn_where_it_happened() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", at_times("acme", &["2026-10-20T10:00:00Z"])).await;
    let days = points(&ground, "acme", Granularity::Day).await;
    assert_eq!(days, pairs(&[("2026-10-19T22:00:00Z", "1.5 in 1")]));
}

#[tokio::test]
async fn a_timeline_has_its_edges_and_its_meter() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let times = ["2026-11-20T09:59:00Z", "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"];
    ground.send("acme", at_times("acme", &times)).await;
    ground.send("borealis", at_times("borealis", &times)).await;
    let agents = event("acme", "a", Meter::Agents, times[1], "7");
    ground.send("acme", vec![Item::Usage(agents)]).await;
    let of = known(&ground, "acme").await;
    let mut session = ground.ledger.store().read().await.unwrap();
    let range = (at(times[1]), at(times[2]));
    let found = timeline(&mut session, &of, Meter::Query, range, Granularity::Hour).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].start, found[0].count), (at(times[1]), 1));
}

/// From a figure to its hours to its rows: what each says adds up to the one above.
#[tokio::test]
async fn a_figure_can_be_followed_down_to_its_events() {
    let ground = Ground::with(&["acme"]).await;
    let times = ["2026-11-20T10:10:00Z", "2026-11-20T11:00:00Z", "2026-11-20T10:50:00Z"];
    ground.send("acme", at_times("acme", &times)).await;
    let of = known(&ground, "acme").await;
    let mut session = ground.ledger.store().read().await.unwrap();
    let period = usage::of_period(&mut session, &of, ground.now()).await.unwrap();
    let start = period.period.start();
    let key = TotalKey { account: of.id.clone(), period_start: start, meter: Meter::Query };
    let hours = usage::hours(&mut session, &key).await.unwrap();
    let shown: Vec<_> = hours
        .iter()
        .map(|(hour, r)| (hour.to_string(), r.count, r.first_seq, r.last_seq))
        .collect();
    let ten = ("2026-11-20T10:00:00Z".to_owned(), 2, 1, 3);
    assert_eq!(shown, [ten, ("2026-11-20T11:00:00Z".to_owned(), 1, 2, 2)]);
    let sum: i64 = hours.iter().map(|(_, r)| r.quantity.micros()).sum();
    assert_eq!(sum, period.meters[1].total.used.micros());
    let filter = Filter {
        meter: Some(Meter::Query),
        period_start: Some(start),
        time: (Some(at("2026-11-20T10:00:00Z")), Some(at("2026-11-20T11:00:00Z"))),
        rows: (Some(hours[0].1.first_seq), Some(hours[0].1.last_seq)),
        ..Filter::default()
    };
    let page = Page { limit: 100, ..Page::default() };
    let rows = events::page(&mut session, &of.id, &filter, page).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.entry.seq).collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test]
async fn pages_of_events_neither_skip_nor_repeat_while_more_arrive() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let acme = account("acme");
    let mut seen = Vec::new();
    for round in 0..6 {
        let items = (0..5).map(|n| query("acme", &format!("{round}-{n}"), "1")).collect();
        ground.send("acme", items).await;
        ground.send("borealis", vec![query("borealis", &format!("{round}"), "1")]).await;
        let mut session = ground.ledger.store().read().await.unwrap();
        let after = seen.last().map(|seq| (0, *seq));
        let page = Page { after, limit: 4, ..Page::default() };
        let page = events::page(&mut session, &acme, &Filter::default(), page).await.unwrap().rows;
        assert!(page.iter().all(|row| row.entry.account == acme));
        seen.extend(page.into_iter().map(|row| row.entry.seq));
    }
    assert_eq!(seen, (1..=24).collect::<Vec<i64>>());
}

/// All rows that a filter wants, page by page.
async fn walked(ground: &Ground, filter: &Filter, page: Page) -> Vec<i64> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let mut session = ground.ledger.store().read().await.unwrap();
        let page = Page { after, ..page };
        let Found { rows, stopped } =
            events::page(&mut session, &account("acme"), filter, page).await.unwrap();
        let last = rows.last().filter(|_| rows.len() == page.limit as usize);
        let next = last.map(EventRow::position).or(stopped);
        seen.extend(rows.iter().map(|row| row.entry.seq));
        if next.is_none() {
            return seen;
        }
        after = next;
    }
}

#[tokio::test]
async fn rows_are_walked_by_number_or_time_in_either_direction() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let hours = [11, 10, 12, 10, 9, 11, 10];
    let times: Vec<_> = hours.iter().map(|hour| format!("2026-11-20T{hour:02}:30:00Z")).collect();
    let times: Vec<_> = times.iter().map(String::as_str).collect();
    ground.send("acme", at_times("acme", &times)).await;
    ground.send("borealis", at_times("borealis", &times)).await;
    let all = Filter::default();
    let ten = "2026-11-20T10:00:00Z";
    let at_ten = Filter { time: (Some(at(ten)), Some(at("2026-11-20T11:00:00Z"))), ..all.clone() };
    let from_row = Filter { rows: (Some(3), Some(5)), ..all.clone() };
    let by = |order, descending| Page { order, descending, after: None, limit: 2 };
    for (filter, order, ascending) in [
        (&all, Order::Row, vec![1, 2, 3, 4, 5, 6, 7]),
        (&all, Order::Time, vec![5, 2, 4, 7, 1, 6, 3]),
        (&at_ten, Order::Row, vec![2, 4, 7]),
        (&at_ten, Order::Time, vec![2, 4, 7]),
        (&from_row, Order::Row, vec![3, 4, 5]),
        (&from_row, Order::Time, vec![5, 4, 3]),
    ] {
        assert_eq!(walked(&ground, filter, by(order, false)).await, ascending, "{filter:?}");
        let mut descending = walked(&ground, filter, by(order, true)).await;
        descending.reverse();
        assert_eq!(descending, ascending, "{filter:?} descending");
    }
    let edge = Filter { time: (Some(at("2026-11-20T10:30:00.000000001Z")), None), ..all };
    assert_eq!(walked(&ground, &edge, by(Order::Time, false)).await, [1, 6, 3]);
}

/// A page that looks for one row of many stops, says where, and the next one goes on there.
#[tokio::test]
async fn a_page_looks_at_a_bounded_number_of_rows() {
    let ground = Ground::with(&["acme"]).await;
    let wanted = events::SCAN + 10;
    for batch in 0..=(wanted / 1_000) {
        let items = (0..1_000).map(|n| query("acme", &format!("{batch}-{n}"), "1")).collect();
        ground.send("acme", items).await;
    }
    let last = format!("{}-{}", (wanted - 1) / 1_000, (wanted - 1) % 1_000);
    let filter = Filter { id: Some(last), ..Filter::default() };
    for order in [Order::Row, Order::Time] {
        let page = Page { order, limit: 5, ..Page::default() };
        let mut session = ground.ledger.store().read().await.unwrap();
        let first = events::page(&mut session, &account("acme"), &filter, page).await.unwrap();
        assert!(first.rows.is_empty(), "{order:?}");
        assert_eq!(first.stopped.map(|(_, seq)| seq), Some(events::SCAN), "{order:?}");
        let page = Page { after: first.stopped, ..page };
        let second = events::page(&mut session, &account("acme"), &filter, page).await.unwrap();
        assert_eq!(second.rows.iter().map(|row| row.entry.seq).collect::<Vec<_>>(), [wanted]);
        assert_eq!(second.stopped, None);
        // The last one first: it is near.
        let page = Page { order, descending: true, limit: 5, after: None };
        let near = events::page(&mut session, &account("acme"), &filter, page).await.unwrap();
        assert_eq!(near.rows.len(), 1);
    }
}

#[tokio::test]
async fn an_events_dimensions_come_with_it_until_they_are_erased() {
    let ground = Ground::with(&["acme"]).await;
    let mut with = event("acme", "e-1", Meter::Query, "2026-11-20T10:00:00Z", "1");
    with.dims.insert("region".to_owned(), "eu".to_owned());
    ground.send("acme", vec![Item::Usage(with.clone()), query("acme", "e-2", "1")]).await;
    let acme = account("acme");
    let dims = async || {
        let mut session = ground.ledger.store().read().await.unwrap();
        let page = Page { limit: 10, ..Page::default() };
        let page = events::page(&mut session, &acme, &Filter::default(), page).await.unwrap();
        page.rows.into_iter().map(|row| row.dims).collect::<Vec<_>>()
    };
    assert_eq!(dims().await, [Some(with.dims), Some(Default::default())]);
    let erase = "DELETE FROM event_dims WHERE seq = 1";
    let work = ground.ledger.transact(None, move |session, _| Box::pin(session.run(erase, vec![])));
    work.await.unwrap();
    assert_eq!(dims().await, [None, Some(Default::default())]);
}

async fn listed(ground: &Ground, filter: &list::Filter, sort: Sort) -> Vec<String> {
    let mut session = ground.ledger.store().read().await.unwrap();
    let mut seen: Vec<Account> = Vec::new();
    loop {
        let last = seen.last().cloned();
        let after = last.as_ref().map(|last| match sort {
            Sort::Id => (last.id.as_str(), &last.id),
            Sort::Name => (last.name.as_str(), &last.id),
        });
        let page = list::page(&mut session, filter, sort, after, 2).await.unwrap();
        if page.is_empty() {
            return seen.into_iter().map(|account| account.id.to_string()).collect();
        }
        seen.extend(page);
    }
}

#[tokio::test]
async fn accounts_are_listed_by_id_or_name_and_by_what_they_hold() {
    let ground = Ground::empty().await;
    let now: Timestamp = ground.now();
    for (id, name) in
        [("a", "Zeta"), ("b", "Alpha"), ("c", "Alpha"), ("d-alpha", "Mid"), ("e", "x")]
    {
        let new = Account {
            id: account(id),
            name: name.to_owned(),
            zone: "UTC".parse().unwrap(),
            anchor: api_server::domain::calendar::AnchorDay::new(1).unwrap(),
            currency: "USD".to_owned(),
            created_at: now,
        };
        let work = ground.ledger.transact(None, |session, _| {
            Box::pin(async move { accounts::add(session, &new).await })
        });
        work.await.unwrap();
    }
    let all = list::Filter::default();
    assert_eq!(listed(&ground, &all, Sort::Id).await, ["a", "b", "c", "d-alpha", "e"]);
    assert_eq!(listed(&ground, &all, Sort::Name).await, ["b", "c", "d-alpha", "a", "e"]);
    let holding = |text: &str| list::Filter { contains: Some(text.to_owned()), level: None };
    assert_eq!(listed(&ground, &holding("Alpha"), Sort::Id).await, ["b", "c"]);
    assert_eq!(listed(&ground, &holding("alpha"), Sort::Name).await, ["d-alpha"]);
    assert_eq!(listed(&ground, &holding("%"), Sort::Id).await, [""; 0]);
    assert_eq!(listed(&ground, &holding(""), Sort::Id).await.len(), 5);
}

#[tokio::test]
async fn accounts_are_found_by_the_level_they_are_at() {
    let ground = Ground::with(&["fine", "hard", "soft"]).await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    for (id, used) in [("fine", "1"), ("soft", "85000"), ("hard", "99000")] {
        let plan = PlanId { plan: "starter".to_owned(), version: 1 };
        let from = at("2026-01-01T00:00:00Z");
        let agreement = Agreement { plan, effective_at: from, agreed_at: from };
        ground.ledger.agree(&account(id), agreement).await.unwrap();
        ground.send(id, vec![query(id, "e-1", used)]).await;
    }
    let at_level = |level| list::Filter { contains: None, level: Some(level) };
    assert_eq!(listed(&ground, &at_level(Level::Soft), Sort::Id).await, ["hard", "soft"]);
    assert_eq!(listed(&ground, &at_level(Level::Hard), Sort::Id).await, ["hard"]);
    ground.set_clock("2026-12-10T00:00:00Z");
    ground.ledger.close_due().await.unwrap();
    assert_eq!(listed(&ground, &at_level(Level::Soft), Sort::Id).await, [""; 0]);
}
