use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::time::{Instant, sleep, timeout};

use super::*;

fn after(next: Option<Duration>) -> Ended {
    Ended { next, held_up: false }
}

#[tokio::test(start_paused = true)]
async fn bounded_and_one_at_a_time_per_name() {
    let kicks = Kicks::default();
    for n in 0..20 {
        kicks.kick(&format!("t{n}"));
    }
    let (now, most, total) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let counters = (now.clone(), most.clone(), total.clone());
    let queue = run(kicks, 3, move |_| {
        let (now, most, total) = counters.clone();
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            total.fetch_add(1, Ordering::SeqCst);
            after(None)
        }
    });
    assert!(timeout(Duration::from_secs(60), queue).await.is_err());
    assert_eq!((most.load(Ordering::SeqCst), total.load(Ordering::SeqCst)), (3, 20));
}

#[tokio::test(start_paused = true)]
async fn a_kick_cuts_a_delay_short() {
    let kicks = Kicks::default();
    kicks.kick("a");
    let runs = Arc::new(AtomicUsize::new(0));
    let (counter, kicker) = (runs.clone(), kicks.clone());
    let queue = run(kicks, 3, move |_| {
        let counter = counter.clone();
        async move {
            counter.fetch_add(1, Ordering::SeqCst);
            after(Some(Duration::from_secs(3600)))
        }
    });
    let kick = async {
        sleep(Duration::from_secs(5)).await;
        kicker.kick("a");
        sleep(Duration::from_secs(5)).await;
    };
    tokio::select! { () = queue => {}, () = kick => {} }
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn delays_end_in_their_order_whatever_came_between() {
    let kicks = Kicks::default();
    let (told, ran) = (kicks.clone(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let seen = ran.clone();
    let queue = run(kicks, 8, move |name| {
        let seen = seen.clone();
        async move {
            let mut seen = seen.lock().unwrap();
            let first = !seen.contains(&name.to_string());
            seen.push(name.to_string());
            let seconds = name.trim_start_matches('t').parse().unwrap();
            after(first.then(|| Duration::from_secs(seconds)))
        }
    });
    let kick = async {
        for name in ["t30", "t10", "t20"] {
            told.kick(name);
        }
        sleep(Duration::from_secs(1)).await;
        // Looked at before its time, and then not again at it.
        told.kick("t20");
        sleep(Duration::from_secs(60)).await;
    };
    tokio::select! { () = queue => {}, () = kick => {} }
    let ran = ran.lock().unwrap().clone();
    assert_eq!(ran, ["t30", "t10", "t20", "t20", "t10", "t30"]);
}

/// The healthy names' ends, since the start; the poisoned never come to theirs. `patient`: the work
/// on a poisoned name keeps its slot.
async fn ends(names: &[String], poisoned: usize, patient: bool) -> Vec<Duration> {
    let kicks = Kicks::default();
    for n in 0..poisoned {
        kicks.kick(&format!("poisoned-{n}"));
    }
    for name in names {
        kicks.kick(name);
    }
    let (all, count) = (Arc::new(std::sync::Mutex::new(Vec::new())), names.len());
    let (healthy, started) = (all.clone(), Instant::now());
    let queue = run(kicks, 16, move |name| {
        let healthy = healthy.clone();
        async move {
            if name.starts_with("poisoned") {
                sleep(Duration::from_secs(2)).await;
                let _beside = if patient { None } else { step_aside() };
                sleep(Duration::from_secs(8)).await;
                return Ended { next: Some(Duration::from_millis(200)), held_up: !patient };
            }
            sleep(Duration::from_secs(1)).await;
            healthy.lock().unwrap().push(started.elapsed());
            after(None)
        }
    });
    let done = async {
        while all.lock().unwrap().len() < count {
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! { () = queue => {}, () = done => {} }
    all.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn ten_poisoned_of_two_hundred_hold_their_slots_once_for_two_seconds() {
    let names: Vec<String> = (0..190).map(|n| format!("t{n}")).collect();
    let seconds = |ends: Vec<Duration>| ends.last().unwrap().as_secs();
    // 190 names of a second each in sixteen slots.
    assert_eq!(seconds(ends(&names, 0, false).await), 12);
    // Ten times two seconds more: what a slot waits for an answer before its work steps aside.
    assert_eq!(seconds(ends(&names, 10, false).await), 14);
    // With slots that are kept, ten of them are gone for ten seconds.
    assert_eq!(seconds(ends(&names, 10, true).await), 19);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_up_is_bounded_too() {
    let kicks = Kicks::default();
    for n in 0..100 {
        kicks.kick(&format!("t{n}"));
    }
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (now.clone(), most.clone());
    let queue = run(kicks, 4, move |_| {
        let (now, most) = counters.clone();
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let _beside = step_aside();
            sleep(Duration::from_secs(10)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ended { next: Some(Duration::from_secs(1)), held_up: true }
        }
    });
    assert!(timeout(Duration::from_secs(600), queue).await.is_err());
    assert_eq!(most.load(Ordering::SeqCst), 8);
}
