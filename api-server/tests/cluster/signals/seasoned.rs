//! An API server that has a past: an account with months of use, settled periods, facts, late answers.

use std::sync::{Arc, Mutex};

use api_server::{
    domain::{
        catalogue::{Catalogue, PlanId},
        event::UsageEvent,
        facts::Stated,
        meter::Meter,
        subscription::Agreement,
    },
    ledger::{
        Append, Item, Ledger, Settings,
        figures::{Figures, Rhythm},
    },
    store::{
        facts,
        support::{self, Reported},
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::serving::{Place, Serving};

/// How long ago it began.
const DAYS: i64 = 75;

/// Has `acme` use the team plan for so long, with a summary each day, as a server would have made them.
async fn lived(place: &Place) {
    let now = Timestamp::now();
    let day = |back: i64| now - SignedDuration::from_hours(24 * back);
    let clock = Arc::new(Mutex::new(day(DAYS)));
    let seen = clock.clone();
    let settings =
        Settings { clock: Arc::new(move || *seen.lock().unwrap()), ..Settings::default() };
    let ledger = Ledger::open(&place.storage, settings).await.unwrap();
    ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    let account: api_server::domain::account::AccountId = "acme".parse().unwrap();
    let effective_at = day(2 * DAYS);
    let plan = PlanId { plan: "team".to_owned(), version: 1 };
    ledger
        .agree(&account, Agreement { plan, effective_at, agreed_at: effective_at })
        .await
        .unwrap();
    let mut figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    for back in (0..=DAYS).rev() {
        let time = day(back);
        *clock.lock().unwrap() = time;
        let event = UsageEvent {
            account: account.clone(),
            source: "/core".to_owned(),
            id: format!("e-{back}"),
            meter: Meter::Agents,
            time,
            quantity: api_server::domain::Quantity::from_units(1_000).unwrap(),
            dims: std::collections::BTreeMap::new(),
        };
        let items = vec![Item::Usage(event)];
        let append = Append { account: account.clone(), arrived: time, atomic: false, items };
        ledger.append(append).await.unwrap();
        figures.round(&ledger).await.unwrap();
    }
    let (of, stated) = (account.clone(), Stated { days_overdue: Some(40), ..Stated::default() });
    let late = Reported {
        account: account.clone(),
        source: "helpdesk".to_owned(),
        id: "T-1".to_owned(),
        opened_at: whole(day(2)),
        answered_at: whole(day(1)),
        sla_hours: Some(8),
        actor: "ada".to_owned(),
    };
    let work = ledger.transact(Some(account), move |session, now| {
        Box::pin(async move {
            facts::put(session, &of, stated, ("ada", now)).await?;
            support::record(session, &late, now).await.map(drop)
        })
    });
    work.await.unwrap();
    ledger.close().await;
}

fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap()
}

/// A server on such a ledger.
pub async fn server(place: &Place) -> Serving {
    place.create("acme");
    lived(place).await;
    let backups = place.storage.with_file_name("backups").display().to_string();
    let webhooks = ["--webhook-allow-cidr", "127.0.0.1"];
    let often = ["--snapshot-interval", "2", "--backups", &backups];
    Serving::start(place, &[&often[..], &webhooks].concat())
}
