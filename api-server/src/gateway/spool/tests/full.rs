//! A disk that is full: what is held leaves at once, and what comes after is taken.

use super::*;

#[path = "../../../../tests/process/small.rs"]
#[allow(dead_code, reason = "a disk is not resized here")]
mod small;

use small::Small;

/// Generous: nothing is judged by how long it took.
const BOUND: Duration = Duration::from_secs(120);

/// Events of so many bytes until no more fit; how many were taken.
async fn fill(spool: &Spool, bytes: usize) -> usize {
    let filler = "x".repeat(bytes);
    for n in 0.. {
        let some = |m: usize| {
            let mut fresh = event(&format!("e-{n}-{m}"), "1");
            fresh.event.dims.insert("filler".to_owned(), filler.clone());
            fresh
        };
        let taken = spool.take(&acme(), at(NOW), false, (0..20).map(some).collect()).await;
        match taken {
            Ok(_) => {}
            Err(NotHeld::Store(LedgerError::Store(StoreError::Full(_)))) => return n * 20,
            Err(other) => panic!("{other}"),
        }
    }
    0
}

/// Of each size the log is at another place when the disk is full.
#[tokio::test]
async fn what_is_held_on_a_full_disk_leaves_at_once_and_room_is_found_again() {
    for bytes in [150, 700, 1500, 4000] {
        let folder = tempfile::tempdir().unwrap();
        let Some(_small) = Small::mount(folder.path(), "14m") else { return };
        let spool = open(&folder.path().join("spool"), 1 << 30).await;
        let taken = fill(&spool, bytes).await;
        assert!(taken > 100, "{bytes}: {taken}");
        let mut left = 0;
        loop {
            let some = spool.first(1000, 1 << 20).await.unwrap();
            let Some(last) = some.last() else { break };
            // The first time it works: whoever hands events on waits up to a minute before the next.
            spool.settle(last.n, Vec::new()).await.unwrap();
            left += some.len();
        }
        assert_eq!(left, taken, "{bytes}");
        let stop = Shutdown::new();
        let found = async {
            while !spool.has_room() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            () = spool.keep_room(Duration::from_millis(50), stop) => {}
            found = tokio::time::timeout(BOUND, found) => found.expect("room for the reserve"),
        }
        let again = spool.take(&acme(), at(NOW), false, vec![event("later", "1")]).await;
        assert!(again.is_ok(), "{bytes}: {again:?}");
        spool.close().await;
    }
}

/// A disk that is slow is no reason to give up before anybody looked, and one that stays full none to wait for ever.
#[tokio::test(start_paused = true)]
async fn who_let_the_reserve_go_waits_for_a_look_that_has_ended() {
    let full = || Health::Full("no space left".to_owned());
    let waited = |looks: Vec<(u64, Health)>| async move {
        let (told, seen) = watch::channel(full());
        let began = Instant::now();
        let work = tokio::spawn(async move {
            looked(seen).await;
            began.elapsed().as_secs()
        });
        for (at, found) in looks {
            tokio::time::sleep_until(began + Duration::from_secs(at)).await;
            told.send_replace(found);
        }
        work.await.unwrap()
    };
    assert_eq!(waited(vec![(1, Health::Ready)]).await, 1);
    assert_eq!(waited(vec![(1, full()), (20, Health::Ready)]).await, 20);
    assert_eq!(waited(vec![(2, full()), (4, full()), (6, full()), (8, full())]).await, 6);
    assert_eq!(waited(vec![(9, full()), (18, full())]).await, 18);
    assert_eq!(waited(vec![]).await, LOOKS_AGAIN.as_secs());
}
