//! Messages to webhooks: queued with what they tell, sent until a receiver has them, to nobody else.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use api_server::{
    domain::webhook::{Kind, Message, Range, Secret, message, schedule},
    ledger::lease::Lease,
    store::webhooks::{self, Delivery, Disabled, Endpoint, State, Wish},
    webhooks::{Lookup, Metrics, Postman, Sender},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::ground::Ground;
use crate::receiver::{NAME, Receiver, Reply, authority};

const SECRET: [u8; 32] = [7; 32];
const OLD: [u8; 32] = [8; 32];

pub fn secret(bytes: [u8; 32]) -> Secret {
    Secret::new(&bytes).unwrap()
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_0000 + n)
}

/// A look-up that answers these addresses for the receivers' name.
fn resolving(addresses: &[&str]) -> Lookup {
    let ips: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
    Arc::new(move |host| {
        assert_eq!(host, NAME);
        let found = ips.iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
        Box::pin(async move { Ok(found) })
    })
}

fn postman(allowed: &[&str], lookup: Lookup) -> Postman {
    within(allowed, lookup, Duration::from_secs(600))
}

fn within(allowed: &[&str], lookup: Lookup, limit: Duration) -> Postman {
    let allowed: Vec<Range> = allowed.iter().map(|range| range.parse().unwrap()).collect();
    let ca = Some(authority().as_bytes());
    let sender = Sender::with(allowed, ca, lookup, limit).unwrap();
    Postman::new(sender, Metrics::new(&opentelemetry::global::meter("test")))
}

fn usual() -> Postman {
    postman(&["127.0.0.1/32"], resolving(&["127.0.0.1"]))
}

/// An endpoint of that number that is told these kinds.
pub async fn endpoint(ground: &Ground, n: u128, url: &str, types: &[Kind]) -> Uuid {
    let new = Endpoint {
        id: id(n),
        wish: Wish { url: url.to_owned(), description: String::new(), types: types.to_vec() },
        secret: secret(SECRET),
        old: None,
        disabled: None,
        created_at: ground.now(),
        created_by: "ada".to_owned(),
    };
    let work = ground.ledger.transact(None, move |session, _| {
        Box::pin(async move { webhooks::add(session, &new).await })
    });
    assert_eq!(work.await, Ok(true));
    id(n)
}

fn news(n: u32, at: Timestamp) -> Message {
    message::test("news", &n.to_string(), at)
}

/// Has an endpoint sent a message of a number; answers its id.
async fn tell(ground: &Ground, endpoint: Uuid, n: u32) -> String {
    let (message, now) = (news(n, ground.now()), ground.now());
    let name = message.id.clone();
    let work = ground.ledger.transact(None, move |session, _| {
        Box::pin(async move { webhooks::tell_one(session, endpoint, &message, now).await })
    });
    work.await.unwrap();
    name
}

pub async fn deliveries(ground: &Ground, endpoint: Uuid) -> Vec<Delivery> {
    let mut session = ground.ledger.store().read().await.unwrap();
    let filter = webhooks::Filter { endpoint, state: None };
    let page = webhooks::Page { descending: false, after: None, limit: 1000 };
    webhooks::page(&mut session, filter, page).await.unwrap()
}

async fn only(ground: &Ground, endpoint: Uuid) -> Delivery {
    let all = deliveries(ground, endpoint).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.into_iter().next().unwrap()
}

async fn get(ground: &Ground, endpoint: Uuid) -> Endpoint {
    let mut session = ground.ledger.store().read().await.unwrap();
    webhooks::get(&mut session, endpoint).await.unwrap().unwrap()
}

/// Sets the clock to when the only delivery is due.
async fn wait_for(ground: &Ground, endpoint: Uuid) {
    let next = only(ground, endpoint).await.next_at.unwrap();
    ground.set_clock(&next.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attempt_is_signed_anew_under_the_same_id_until_the_receiver_has_it() {
    let (ground, receiver, postman) = (Ground::empty().await, Receiver::start(), usual());
    let hook = endpoint(&ground, 1, &receiver.url(), &[]).await;
    receiver.next([
        Reply::Away,
        Reply::Status(500, ""),
        Reply::Status(429, "retry-after: 7200\r\n"),
    ]);
    let name = tell(&ground, hook, 1).await;
    let mut waits = Vec::new();
    for _ in 0..3 {
        let before = ground.now();
        assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
        // Not before it is time.
        assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(false));
        wait_for(&ground, hook).await;
        waits.push(ground.now().duration_since(before).as_secs());
    }
    assert!((5..=6).contains(&waits[0]) && (300..=330).contains(&waits[1]), "{waits:?}");
    assert_eq!(waits[2], 7200, "the receiver asked for it");
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
    let got = receiver.got();
    assert_eq!(got.len(), 3, "one was cut off");
    for one in &got {
        assert_eq!(
            (one.id(), one.signed_by(&secret(SECRET).text())),
            (name.as_str(), 1),
            "{one:?}"
        );
        assert_eq!(one.header("content-type"), "application/json");
        assert!(one.header("user-agent").starts_with("tenantry/"));
        assert_eq!((one.path.as_str(), &one.body), ("/hook?token=t0ken", &got[0].body));
    }
    let times: Vec<_> = got.iter().map(crate::receiver::Got::timestamp).collect();
    assert!(times[0] < times[1] && times[1] < times[2], "{times:?}");
    assert_eq!(times[2], ground.now().as_second());
    let done = only(&ground, hook).await;
    assert_eq!((done.state, done.attempts, done.last_status), (State::Delivered, 4, Some(204)));
    assert_eq!((done.next_at, done.last_error), (None, None));
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(false));
    assert_eq!(receiver.got().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_may_change_over_to_a_new_secret() {
    let (ground, receiver, postman) = (Ground::empty().await, Receiver::start(), usual());
    let hook = endpoint(&ground, 1, &receiver.url(), &[]).await;
    let until = ground.now() + SignedDuration::from_hours(24);
    let work = ground.ledger.transact(None, move |session, _| {
        Box::pin(async move { webhooks::rotate(session, hook, &secret(OLD), until).await })
    });
    assert_eq!(work.await, Ok(true));
    tell(&ground, hook, 1).await;
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
    ground.set_clock("2026-11-24T12:00:00Z");
    tell(&ground, hook, 2).await;
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
    let (new, before) = (secret(OLD).text(), secret(SECRET).text());
    let by: Vec<_> =
        receiver.got().iter().map(|got| (got.signed_by(&new), got.signed_by(&before))).collect();
    assert_eq!(by, [(1, 1), (1, 0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_gone_is_left_alone_until_somebody_enables_it() {
    let (ground, receiver, postman) = (Ground::empty().await, Receiver::start(), usual());
    let hook = endpoint(&ground, 1, &receiver.url(), &[]).await;
    receiver.next([Reply::Status(410, "")]);
    for n in 1..=2 {
        tell(&ground, hook, n).await;
    }
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(false), "the other one waits");
    let mut session = ground.ledger.store().read().await.unwrap();
    assert_eq!(webhooks::due(&mut session, ground.now()).await, Ok(Vec::new()));
    drop(session);
    let gone = get(&ground, hook).await;
    assert_eq!(gone.disabled, Some((Disabled::Gone, ground.now())));
    // What happens meanwhile is not for it.
    let (message, now) = (news(3, ground.now()), ground.now());
    let work = ground.ledger.transact(None, move |session, _| {
        Box::pin(async move { webhooks::tell(session, &[message], now).await })
    });
    work.await.unwrap();
    let mut states: Vec<_> = deliveries(&ground, hook).await.iter().map(|one| one.state).collect();
    states.sort_by_key(|state| state.name());
    assert_eq!(states, [State::Dead, State::Pending]);
    let wish = gone.wish;
    let work = ground.ledger.transact(None, move |session, now| {
        Box::pin(async move { webhooks::update(session, hook, &wish, true, now).await })
    });
    assert_eq!(work.await.unwrap().unwrap().disabled, None);
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
    assert_eq!(receiver.got().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_took_is_dead_and_can_be_sent_again() {
    let (ground, receiver, postman) = (Ground::empty().await, Receiver::start(), usual());
    let hook = endpoint(&ground, 1, &receiver.url(), &[]).await;
    receiver.usually(Reply::Status(503, ""));
    let name = tell(&ground, hook, 1).await;
    for attempt in 1..=schedule::ATTEMPTS {
        assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true), "{attempt}");
        if attempt < schedule::ATTEMPTS {
            wait_for(&ground, hook).await;
        }
    }
    let dead = only(&ground, hook).await;
    assert_eq!((dead.state, dead.attempts, dead.next_at), (State::Dead, 10, None));
    assert_eq!(dead.last_error.as_deref(), Some("answered 503"));
    ground.set_clock("2026-12-01T00:00:00Z");
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(false));
    // Asked for again it has the whole schedule before it.
    let again = name.clone();
    let work = ground.ledger.transact(None, move |session, now| {
        Box::pin(async move { webhooks::redeliver(session, hook, &again, now).await })
    });
    assert_eq!(work.await, Ok(true));
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
    assert_eq!(only(&ground, hook).await.state, State::Pending);
    receiver.usually(Reply::Status(200, ""));
    wait_for(&ground, hook).await;
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
    let done = only(&ground, hook).await;
    assert_eq!((done.state, done.attempts), (State::Delivered, 12));
    assert!(receiver.got().iter().all(|got| got.id() == name));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_are_not_followed_and_errors_say_nothing_of_the_url() {
    let (ground, receiver, postman) = (Ground::empty().await, Receiver::start(), usual());
    let hook = endpoint(&ground, 1, &receiver.url(), &[]).await;
    let other = Receiver::start();
    // To itself, where nothing would stand in the way.
    let place = format!("location: https://127.0.0.1:{}/x\r\n", other.address.port());
    receiver.next([
        Reply::Status(307, Box::leak(place.into_boxed_str())),
        Reply::Away,
        Reply::Status(404, ""),
    ]);
    tell(&ground, hook, 1).await;
    let mut errors = Vec::new();
    for _ in 0..3 {
        assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
        errors.push(only(&ground, hook).await.last_error.unwrap());
        wait_for(&ground, hook).await;
    }
    assert!(errors[0].contains("answered 307") && errors[0].contains("not followed"), "{errors:?}");
    assert_eq!(errors[2], "answered 404");
    assert_eq!((other.connections(), receiver.got().len()), (0, 2));
    for error in errors {
        assert!(
            !error.contains("t0ken") && !error.contains(NAME) && !error.contains("whsec"),
            "{error}"
        );
        assert!(error.chars().count() <= 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_inside_is_connected_to_unless_allowed() {
    let (ground, receiver) = (Ground::empty().await, Receiver::start());
    let port = receiver.address.port();
    let plain: Lookup = Arc::new(|host| {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect()) })
    });
    // A name, the same by the system's own look-up, and an address.
    for (n, url, postman) in [
        (1, receiver.url(), postman(&[], resolving(&["127.0.0.1"]))),
        (2, receiver.url(), postman(&["10.0.0.0/8"], resolving(&["127.0.0.1", "::1"]))),
        (3, format!("https://localhost:{port}/"), postman(&[], plain)),
        (4, format!("https://127.0.0.1:{port}/"), postman(&[], resolving(&[]))),
        (5, format!("https://[::ffff:127.0.0.1]:{port}/"), postman(&[], resolving(&[]))),
    ] {
        let hook = endpoint(&ground, n, &url, &[]).await;
        tell(&ground, hook, 1).await;
        assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
        let tried = only(&ground, hook).await;
        let why = tried.last_error.unwrap();
        assert!(
            why.contains("inside a network") && why.contains("--webhook-allow-cidr"),
            "{n} {why}"
        );
        assert_eq!((tried.state, tried.last_status), (State::Pending, None));
    }
    assert_eq!(receiver.connections(), 0);
}

/// A name that stood for one address when it was last looked at, and for another one now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_looked_at_with_each_connection_and_goes_nowhere_else() {
    let (ground, receiver) = (Ground::empty().await, Receiver::start());
    let inside = SocketAddr::new("127.0.0.2".parse().unwrap(), receiver.address.port());
    let hidden = Receiver::at(inside);
    let asked = Arc::new(AtomicUsize::new(0));
    let times = asked.clone();
    let turning: Lookup = Arc::new(move |_| {
        let answers: [&[&str]; 3] = [&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.2", "127.0.0.1"]];
        let now = answers[times.fetch_add(1, Ordering::SeqCst).min(2)];
        let found = now.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
        Box::pin(async move { Ok::<Vec<SocketAddr>, io::Error>(found) })
    });
    let postman = postman(&["127.0.0.1/32"], turning);
    let hook = endpoint(&ground, 1, &receiver.url(), &[]).await;
    let mut states = Vec::new();
    for n in 1..=3 {
        let name = tell(&ground, hook, n).await;
        assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
        let all = deliveries(&ground, hook).await;
        states.push(all.iter().find(|one| one.message == name).unwrap().state);
    }
    assert_eq!(states, [State::Delivered, State::Pending, State::Delivered]);
    assert_eq!(
        (asked.load(Ordering::SeqCst), hidden.connections(), receiver.got().len()),
        (3, 0, 2)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_prove_who_it_is_gets_nothing() {
    let (ground, receiver) = (Ground::empty().await, Receiver::start());
    let allowed = vec!["127.0.0.1/32".parse().unwrap()];
    let limit = Duration::from_secs(600);
    // Nobody vouches for it; then its certificate has another name.
    let stranger = Sender::with(allowed.clone(), None, resolving(&["127.0.0.1"]), limit).unwrap();
    let metrics = || Metrics::new(&opentelemetry::global::meter("test"));
    let anyone: Lookup = Arc::new(|_| Box::pin(async { Ok(vec!["127.0.0.1:0".parse().unwrap()]) }));
    let ca = Some(authority().as_bytes());
    let other = Sender::with(allowed, ca, anyone, limit).unwrap();
    let named = format!("https://other.test:{}/", receiver.address.port());
    for (n, sender, url) in [(1, stranger, receiver.url()), (2, other, named)] {
        let hook = endpoint(&ground, n, &url, &[]).await;
        tell(&ground, hook, 1).await;
        assert_eq!(Postman::new(sender, metrics()).turn(&ground.ledger, hook).await, Ok(true));
        let tried = only(&ground, hook).await;
        assert_eq!((tried.state, tried.last_status), (State::Pending, None), "{tried:?}");
        assert!(tried.last_error.unwrap().contains("ertificate"));
    }
    assert_eq!(receiver.got(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_has_its_time_and_no_more() {
    let (ground, receiver) = (Ground::empty().await, Receiver::start());
    receiver.usually(Reply::Never);
    let limit = Duration::from_millis(500);
    let postman = within(&["127.0.0.1/32"], resolving(&["127.0.0.1"]), limit);
    let hook = endpoint(&ground, 1, &receiver.url(), &[]).await;
    tell(&ground, hook, 1).await;
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
    let tried = only(&ground, hook).await;
    assert_eq!((tried.state, tried.attempts, tried.last_status), (State::Pending, 1, None));
    let why = tried.last_error.unwrap();
    assert!(why.contains("timed out"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_never_answers_holds_nobody_up() {
    let ground = Ground::empty().await;
    let (slow, quick) = (Receiver::start(), Receiver::start());
    slow.usually(Reply::Never);
    let (dead, well) = (
        endpoint(&ground, 1, &slow.url(), &[]).await,
        endpoint(&ground, 2, &quick.url(), &[]).await,
    );
    for n in 1..=20 {
        tell(&ground, dead, n).await;
        tell(&ground, well, n).await;
    }
    let (ledger, runs) = (ground.ledger.clone(), usual());
    let run = tokio::spawn(async move { runs.run(&ledger, &mut Lease::new("webhooks")).await });
    let waits = (quick.clone(), slow.clone());
    tokio::task::spawn_blocking(move || (waits.0.wait(20), waits.1.wait(1))).await.unwrap();
    // The last answer is recorded after it was given.
    while deliveries(&ground, well).await.iter().any(|one| one.state != State::Delivered) {
        tokio::task::yield_now().await;
    }
    assert_eq!(slow.connections(), 1, "its messages follow each other");
    assert!(deliveries(&ground, dead).await.iter().all(|one| one.attempts == 0));
    run.abort();
}

/// More endpoints than connections that read: none is kept by one whose turn stands still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_endpoints_leave_room_to_read() {
    let (ground, receiver) = (Ground::empty().await, Receiver::start());
    let mut hooks = Vec::new();
    for n in 1..=32 {
        let hook = endpoint(&ground, n, &receiver.url(), &[]).await;
        for message in 1..=4 {
            tell(&ground, hook, message).await;
        }
        hooks.push(hook);
    }
    let (ledger, runs) = (ground.ledger.clone(), usual());
    let run = tokio::spawn(async move { runs.run(&ledger, &mut Lease::new("webhooks")).await });
    for hook in hooks {
        // Each look is a connection that reads, which has to be had in time.
        while deliveries(&ground, hook).await.iter().any(|one| one.state != State::Delivered) {
            assert!(!run.is_finished());
            tokio::task::yield_now().await;
        }
    }
    run.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_one_sends() {
    let (ground, receiver) = (Ground::empty().await, Receiver::start());
    let hook = endpoint(&ground, 1, &receiver.url(), &[]).await;
    for n in 1..=20 {
        tell(&ground, hook, n).await;
    }
    let run = || {
        let (ledger, runs) = (ground.ledger.clone(), usual());
        tokio::spawn(async move { runs.run(&ledger, &mut Lease::new("webhooks")).await })
    };
    let servers = [run(), run()];
    while deliveries(&ground, hook).await.iter().any(|one| one.state != State::Delivered) {
        tokio::task::yield_now().await;
    }
    assert_eq!((receiver.connections(), receiver.got().len()), (20, 20));
    servers.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn an_endpoint_is_told_what_it_chose_and_each_thing_once() {
    let ground = Ground::empty().await;
    let chosen = endpoint(&ground, 1, "https://a.example/", &[Kind::HealthFlagged]).await;
    let all = endpoint(&ground, 2, "https://b.example/", &[]).await;
    let off = endpoint(&ground, 3, "https://c.example/", &[]).await;
    let work = ground.ledger.transact(None, move |session, now| {
        Box::pin(async move { webhooks::disable(session, off, Disabled::Asked, now).await })
    });
    work.await.unwrap();
    let now = ground.now();
    for _ in 0..2 {
        let work = ground.ledger.transact(None, move |session, _| {
            let flag = Message { kind: Kind::HealthFlagged, ..news(1, now) };
            Box::pin(async move { webhooks::tell(session, &[flag, news(2, now)], now).await })
        });
        work.await.unwrap();
    }
    let counts = [chosen, all, off].map(|hook| deliveries(&ground, hook));
    let counts: Vec<_> = futures::future::join_all(counts).await.iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 2, 0]);
}

#[tokio::test]
async fn what_did_not_happen_is_not_told() {
    let ground = Ground::empty().await;
    let hook = endpoint(&ground, 1, "https://a.example/", &[]).await;
    let now = ground.now();
    let work = ground.ledger.transact(None, move |session, _| {
        Box::pin(async move {
            webhooks::tell(session, &[news(1, now)], now).await?;
            session.run("INSERT INTO nowhere VALUES (1)", vec![]).await
        })
    });
    assert!(work.await.is_err());
    assert_eq!(deliveries(&ground, hook).await, []);
}

#[tokio::test]
async fn two_records_of_one_attempt_count_once_and_a_deleted_endpoint_leaves_nothing() {
    let ground = Ground::empty().await;
    let hook = endpoint(&ground, 1, "https://a.example/", &[]).await;
    tell(&ground, hook, 1).await;
    let sent = only(&ground, hook).await;
    let at = ground.now();
    for (state, status) in [(State::Delivered, 204), (State::Dead, 500)] {
        let sent = sent.clone();
        let tried = webhooks::Tried { state, at, status: Some(status), error: None, again: None };
        let work = ground.ledger.transact(None, move |session, _| {
            Box::pin(async move { webhooks::tried(session, hook, &sent, &tried).await })
        });
        work.await.unwrap();
    }
    let done = only(&ground, hook).await;
    assert_eq!((done.state, done.attempts, done.last_status), (State::Delivered, 1, Some(204)));
    for expected in [true, false] {
        let work = ground.ledger.transact(None, move |session, _| {
            Box::pin(async move { webhooks::remove(session, hook).await })
        });
        assert_eq!(work.await, Ok(expected));
    }
    assert_eq!(deliveries(&ground, hook).await, []);
}

#[tokio::test]
async fn who_asks_for_a_redelivery_during_the_last_attempt_gets_one() {
    let ground = Ground::empty().await;
    let hook = endpoint(&ground, 1, "https://a.example/", &[]).await;
    let message = tell(&ground, hook, 1).await;
    let at = ground.now();
    let tried = async |sent: webhooks::Delivery, state| {
        let again = (state == State::Pending).then_some(at);
        let tried = webhooks::Tried { state, at, status: Some(500), error: None, again };
        let work = ground.ledger.transact(None, move |session, _| {
            Box::pin(async move { webhooks::tried(session, hook, &sent, &tried).await })
        });
        work.await.unwrap();
    };
    tried(only(&ground, hook).await, State::Pending).await;
    let last = only(&ground, hook).await;
    assert_eq!(last.failed, 1);
    let asked = ground.ledger.transact(None, move |session, _| {
        Box::pin(async move { webhooks::redeliver(session, hook, &message, at).await })
    });
    assert_eq!(asked.await, Ok(true));
    tried(last, State::Dead).await;
    let after = only(&ground, hook).await;
    assert_eq!((after.state, after.failed), (State::Pending, 0), "the whole schedule is before it");
    tried(after, State::Dead).await;
    assert_eq!(only(&ground, hook).await.state, State::Dead);
}

#[tokio::test]
async fn deliveries_are_forgotten_after_thirty_days() {
    let ground = Ground::empty().await;
    let hook = endpoint(&ground, 1, "https://a.example/", &[]).await;
    tell(&ground, hook, 1).await;
    ground.set_clock("2026-11-24T12:00:00Z");
    let kept = tell(&ground, hook, 2).await;
    let before = ground.now().checked_sub(SignedDuration::from_hours(1)).unwrap();
    let work = ground
        .ledger
        .transact(None, move |session, _| Box::pin(webhooks::drop_old(session, before)));
    assert_eq!(work.await, Ok(1));
    assert_eq!(only(&ground, hook).await.message, kept);
}

#[tokio::test]
async fn there_are_as_many_endpoints_as_can_be_served_beside_each_other() {
    let ground = Ground::empty().await;
    for n in 0..webhooks::MOST {
        endpoint(&ground, n as u128, "https://a.example/", &[]).await;
    }
    let mut session = ground.ledger.store().read().await.unwrap();
    let all = webhooks::all(&mut session).await.unwrap();
    let more = Endpoint { id: id(1_000), ..all[0].clone() };
    drop(session);
    let work = ground.ledger.transact(None, move |session, _| {
        Box::pin(async move { webhooks::add(session, &more).await })
    });
    assert_eq!(work.await, Ok(false));
}

/// As after a newer version of the program told of something that this one does not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_read_holds_up_no_other_and_is_not_lost() {
    let (ground, receiver, postman) = (Ground::empty().await, Receiver::start(), usual());
    let hook = endpoint(&ground, 1, &receiver.url(), &[]).await;
    let retype = async |from: &'static str, to: &'static str| {
        let sql = "UPDATE webhook_deliveries SET type = $2 WHERE type = $1";
        let work = ground.ledger.transact(None, move |session, _| {
            Box::pin(session.run(sql, vec![from.into(), to.into()]))
        });
        work.await.unwrap()
    };
    let strange = [tell(&ground, hook, 1).await, tell(&ground, hook, 2).await];
    let known = Kind::Test.name();
    assert_eq!(retype(known, "dev.tenantry.of-tomorrow").await, 2);
    ground.set_clock("2026-11-24T12:00:00Z");
    let plain = tell(&ground, hook, 3).await;
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(false), "nothing else can be sent");
    let ids = || receiver.got().iter().map(|one| one.id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(), [plain.as_str()]);
    // By a version that knows it they go on.
    retype("dev.tenantry.of-tomorrow", known).await;
    for _ in 0..2 {
        assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true));
    }
    let mut got = ids().split_off(1);
    got.sort();
    let mut both = strange.to_vec();
    both.sort();
    assert_eq!(got, both);
}

/// Counts warnings of the thread.
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN && metadata.target().contains("webhooks")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        if self.enabled(event.metadata()) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// A newer version may have left many: they are not gone through before each message, nor each told of each time.
#[tokio::test]
async fn what_this_version_cannot_read_is_told_of_once() {
    let (ground, receiver, postman) = (Ground::empty().await, Receiver::start(), usual());
    let hook = endpoint(&ground, 1, &receiver.url(), &[]).await;
    let mut told = Vec::new();
    for n in 1..=5 {
        told.push(tell(&ground, hook, n).await);
    }
    let strange =
        "UPDATE webhook_deliveries SET type = 'dev.tenantry.of-tomorrow' WHERE message <> $1";
    let last = told.last().unwrap().clone();
    let work = ground.ledger.transact(None, move |session, _| {
        Box::pin(session.run(strange, vec![last.as_str().into()]))
    });
    assert_eq!(work.await, Ok(4));
    let warned = Arc::new(AtomicUsize::new(0));
    let _until_the_end = tracing::subscriber::set_default(Warnings(warned.clone()));
    assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(true), "the one behind them is sent");
    assert_eq!(warned.load(Ordering::Relaxed), 0);
    for _ in 0..3 {
        assert_eq!(postman.turn(&ground.ledger, hook).await, Ok(false));
        assert_eq!(warned.load(Ordering::Relaxed), 1);
    }
}
