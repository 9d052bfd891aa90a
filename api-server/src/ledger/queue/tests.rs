use super::*;

#[derive(Debug, PartialEq, Eq)]
struct Load(&'static str, usize, bool);

impl Weigh for Load {
    fn items(&self) -> usize {
        self.1
    }

    fn alone(&self) -> bool {
        self.2
    }
}

fn queue(items: usize, items_per_account: usize) -> Queue<Load> {
    Queue::new(Limits { items, items_per_account, patient: 1 })
}

fn put(queue: &Queue<Load>, account: &'static str, items: usize) -> Result<(), Refused> {
    queue.push(Some(account.parse().unwrap()), Load(account, items, false))
}

async fn names(queue: &Queue<Load>) -> Vec<&'static str> {
    queue.next().await.unwrap().iter().map(|load| load.0).collect()
}

#[tokio::test]
async fn accounts_take_turns() {
    let queue = queue(10_000, 10_000);
    for _ in 0..3 {
        put(&queue, "flood", 300).unwrap();
    }
    put(&queue, "a", 1).unwrap();
    put(&queue, "b", 1).unwrap();
    assert_eq!(names(&queue).await, ["flood", "a", "b", "flood", "flood"]);
}

#[tokio::test]
async fn a_flood_is_one_request_ahead_of_others_at_most() {
    let queue = queue(100_000, 100_000);
    for _ in 0..20 {
        put(&queue, "flood", 1_000).unwrap();
    }
    put(&queue, "small", 1).unwrap();
    assert_eq!(names(&queue).await, ["flood"]);
    assert_eq!(names(&queue).await, ["small"]);
}

#[tokio::test]
async fn who_had_nothing_waiting_goes_before_a_flood_but_not_twice_in_a_row() {
    let queue = queue(100_000, 100_000);
    for _ in 0..4 {
        put(&queue, "flood", 600).unwrap();
    }
    assert_eq!(names(&queue).await, ["flood"]);
    put(&queue, "small", 1).unwrap();
    assert_eq!(names(&queue).await, ["small"]);
    put(&queue, "small", 1).unwrap();
    put(&queue, "other", 1).unwrap();
    assert_eq!(names(&queue).await, ["flood", "small", "other"]);
    put(&queue, "small", 1).unwrap();
    assert_eq!(names(&queue).await, ["small"]);
    assert_eq!(names(&queue).await, ["flood"]);
}

#[tokio::test]
async fn says_beforehand_whether_more_may_wait() {
    let queue = queue(20, 10);
    let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
    put(&queue, "a", 9).unwrap();
    assert_eq!(queue.room(Some(&a)), Ok(()));
    put(&queue, "a", 1).unwrap();
    assert_eq!(queue.room(Some(&a)), Err(Refused::AccountFull));
    assert_eq!(queue.room(Some(&b)), Ok(()));
    put(&queue, "c", 10).unwrap();
    assert_eq!(queue.room(Some(&b)), Err(Refused::Full));
    names(&queue).await;
    assert_eq!(queue.room(Some(&a)), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_room_waits_for_it_but_not_for_ever() {
    let queue = queue(20, 10);
    let a = "a".parse().unwrap();
    put(&queue, "a", 10).unwrap();
    let mut first = std::pin::pin!(queue.wait_for_room(Some(&a)));
    assert!(futures::poll!(&mut first).is_pending());
    // One may wait here; the next is told at once.
    let mut second = std::pin::pin!(queue.wait_for_room(Some(&a)));
    assert_eq!(futures::poll!(&mut second), std::task::Poll::Ready(Err(Refused::AccountFull)));
    names(&queue).await;
    assert_eq!(first.await, Ok(()));
    put(&queue, "a", 10).unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(queue.wait_for_room(Some(&a)).await, Err(Refused::AccountFull));
    assert_eq!(began.elapsed(), PATIENCE);
    // Whoever waited is counted no more.
    names(&queue).await;
    assert_eq!(queue.wait_for_room(Some(&a)).await, Ok(()));
}

#[tokio::test]
async fn a_group_ends_before_it_grows_too_large() {
    let queue = queue(10_000, 10_000);
    put(&queue, "a", 600).unwrap();
    put(&queue, "b", 401).unwrap();
    put(&queue, "c", 599).unwrap();
    assert_eq!(names(&queue).await, ["a"]);
    assert_eq!(names(&queue).await, ["b", "c"]);
    put(&queue, "huge", GROUP_ITEMS * 3).unwrap();
    assert_eq!(names(&queue).await, ["huge"]);
}

#[tokio::test]
async fn requests_of_one_account_keep_their_order() {
    let queue = queue(100, 100);
    for name in ["1", "2", "3"] {
        queue.push(Some("a".parse().unwrap()), Load(name, 1, false)).unwrap();
    }
    assert_eq!(names(&queue).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn an_account_may_not_wait_with_more_than_its_share() {
    let queue = queue(100, 10);
    put(&queue, "a", 6).unwrap();
    assert_eq!(put(&queue, "a", 5), Err(Refused::AccountFull));
    put(&queue, "a", 4).unwrap();
    put(&queue, "b", 10).unwrap();
    assert_eq!(names(&queue).await, ["a", "b", "a"]);
    put(&queue, "a", 10).unwrap();
}

#[tokio::test]
async fn all_together_may_not_wait_with_more_than_fits() {
    let queue = queue(10, 10);
    put(&queue, "a", 6).unwrap();
    assert_eq!(put(&queue, "b", 5), Err(Refused::Full));
    put(&queue, "b", 4).unwrap();
    names(&queue).await;
    put(&queue, "c", 10).unwrap();
}

#[tokio::test]
async fn what_is_larger_than_a_share_fits_into_an_empty_queue() {
    let queue = queue(10, 10);
    put(&queue, "a", 50).unwrap();
    assert_eq!(put(&queue, "b", 1), Err(Refused::Full));
    assert_eq!(names(&queue).await, ["a"]);
}

#[tokio::test]
async fn other_work_goes_alone_in_its_turn_even_in_a_flood() {
    let queue = queue(10, 10);
    put(&queue, "a", 10).unwrap();
    queue.push(None, Load("house", 1, true)).unwrap();
    queue.push(Some("a".parse().unwrap()), Load("a's", 1, true)).unwrap();
    assert_eq!(names(&queue).await, ["a"]);
    assert_eq!(names(&queue).await, ["house"]);
    assert_eq!(names(&queue).await, ["a's"]);
}

#[tokio::test]
async fn a_closed_queue_serves_what_waits_and_takes_nothing() {
    let queue = queue(10, 10);
    put(&queue, "a", 1).unwrap();
    queue.close();
    assert_eq!(put(&queue, "a", 1), Err(Refused::Closed));
    assert_eq!(names(&queue).await, ["a"]);
    assert!(queue.next().await.is_none());
}

#[tokio::test]
async fn who_waits_for_work_is_woken() {
    let queue = std::sync::Arc::new(queue(10, 10));
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.next().await }
    });
    tokio::task::yield_now().await;
    put(&queue, "a", 1).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), [Load("a", 1, false)]);
}

#[tokio::test]
async fn large_requests_are_cut_while_somebody_has_little_and_no_longer() {
    let queue = queue(100_000, 100_000);
    put(&queue, "flood", 1_000).unwrap();
    queue.push(None, Load("house", 1, true)).unwrap();
    assert!(!queue.little_comes(), "neither who has much nor the house is waited for");
    put(&queue, "small", LITTLE_ITEMS).unwrap();
    assert!(queue.little_comes());
    for waits in ["flood", "house", "small"] {
        assert_eq!(names(&queue).await, [waits]);
    }
    assert!(queue.little_comes(), "it may come again");
    for _ in 0..REMEMBERED {
        put(&queue, "flood", LITTLE_ITEMS + 1).unwrap();
        names(&queue).await;
    }
    assert!(!queue.little_comes());
    put(&queue, "small", 1).unwrap();
    assert!(queue.little_comes(), "the first that comes is expected again at once");
}

#[tokio::test]
async fn between_pieces_go_others_who_have_little() {
    let names = |jobs: Vec<Load>| jobs.iter().map(|load| load.0).collect::<Vec<_>>();
    let queue = queue(100_000, 100_000);
    put(&queue, "flood", 1_000).unwrap();
    assert_eq!(queue.next().await.unwrap().len(), 1);
    assert!(!queue.others_wait(250));
    put(&queue, "flood", 1).unwrap();
    put(&queue, "large", 251).unwrap();
    assert!(!queue.others_wait(250), "who is served, and who has much, wait");
    assert_eq!(names(queue.others(250)), [""; 0]);
    for account in ["a", "b", "c"] {
        put(&queue, account, 100).unwrap();
    }
    put(&queue, "a", 100).unwrap();
    assert!(queue.others_wait(250));
    assert_eq!(names(queue.others(250)), ["a", "b"], "as many as fit, one request of each");
    assert_eq!(names(queue.others(250)), ["c"]);
    // What was left waits in turn, as it came.
    assert_eq!(names(queue.next().await.unwrap()), ["flood", "large"]);
    assert_eq!(names(queue.next().await.unwrap()), ["a"]);
}
