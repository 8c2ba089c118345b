use std::time::{Duration, Instant};

use causeway_api::{
    feed::{DELTAS_PER_SECOND_MAX, Delta, Event},
    *,
};
use tokio::time::timeout;

use crate::handler::{Served, machine, share};

async fn next(client: &Client) -> Event {
    timeout(Duration::from_secs(10), client.next_event()).await.unwrap().unwrap()
}

fn delta(event: Event) -> Delta {
    match event {
        Event::Delta(delta) => delta,
        Event::Snapshot(_) => panic!("a snapshot instead of a delta"),
    }
}

#[tokio::test]
async fn a_snapshot_and_then_deltas_without_a_gap() {
    let served = Served::start();
    let web = served.memory.add("web");
    let client = served.client().await;
    let snapshot = client.subscribe().await.unwrap();
    assert_eq!(snapshot.shares, std::slice::from_ref(&web));
    assert_eq!(snapshot.machine, machine());

    let api = served.memory.add("api");
    let added = delta(next(&client).await);
    assert_eq!((added.since, added.shares, added.machine), (snapshot.seq, vec![api], None));
    client.share_remove(&RemoveShare { share: "web".into(), force: false }).await.unwrap();
    let removed = delta(next(&client).await);
    assert_eq!((removed.since, removed.removed, removed.shares), (added.seq, vec![web.id], vec![]));
    client.machine_stop(&Nothing {}).await.unwrap();
    let stopped = delta(next(&client).await);
    assert_eq!((stopped.since, stopped.machine.unwrap().state), (removed.seq, MachineState::Stopped));
}

#[tokio::test]
async fn a_storm_of_changes_becomes_few_deltas_with_the_latest() {
    let served = Served::start();
    let web = served.memory.add("web");
    let client = served.client().await;
    let mut current = client.subscribe().await.unwrap();
    let began = Instant::now();
    let storm = tokio::spawn({
        let memory = std::sync::Arc::clone(&served.memory);
        async move {
            for n in 1..=10_000 {
                memory.feed().update_share(&web.id, |share| share.entries.files = n);
                if n % 100 == 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    });
    let mut deltas = 0;
    while current.shares[0].entries.files < 10_000 {
        assert!(current.apply(next(&client).await), "no gap");
        deltas += 1;
    }
    storm.await.unwrap();
    let allowed = began.elapsed().as_secs_f64() * f64::from(DELTAS_PER_SECOND_MAX) + 2.0;
    assert!(f64::from(deltas) <= allowed, "{deltas} deltas, {allowed} allowed");
}

#[tokio::test]
async fn a_gap_is_noticed_and_closed_by_subscribing_again() {
    let served = Served::start();
    let web = served.memory.add("web");
    let client = served.client().await;
    let mut current = client.subscribe().await.unwrap();
    let touch = |n| served.memory.feed().update_share(&web.id, |share| share.entries.files = n);
    touch(1);
    let _lost = next(&client).await;
    touch(2);
    let before = current.clone();
    assert!(!current.apply(next(&client).await), "a gap");
    assert_eq!(current, before);

    let again = client.subscribe().await.unwrap();
    assert_eq!(again.shares[0].entries.files, 2);
    current = again;
    touch(3);
    assert!(current.apply(next(&client).await));
    assert_eq!(current.shares[0].entries.files, 3);
}

#[tokio::test]
async fn a_follower_that_sleeps_catches_up() {
    let served = Served::start();
    let web = served.memory.add("web");
    let client = served.client().await;
    let mut follower = client.follow().await.unwrap();
    for n in 1..=8 {
        served.memory.feed().update_share(&web.id, |share| share.entries.files = n);
        tokio::time::sleep(Duration::from_millis(260)).await;
    }
    timeout(Duration::from_secs(10), follower.changed()).await.unwrap().unwrap();
    assert_eq!(follower.current().shares[0].entries.files, 8, "all that happened came as one event");
}

#[test]
fn two_events_are_the_same_one_by_one_or_as_one() {
    let delta = |since, seq, shares: &[(&str, u64)], removed: &[&str]| {
        let changed = |(name, files): &(&str, u64)| {
            let entries = Entries { files: *files, ..Entries::default() };
            ShareInfo { entries, ..share(name) }
        };
        let shares = shares.iter().map(changed).collect();
        Event::Delta(Delta {
            since,
            seq,
            machine: None,
            docker: None,
            shares,
            removed: removed.iter().map(|name| share(name).id).collect(),
        })
    };
    let start = Snapshot { seq: 1, machine: machine(), docker: None, shares: vec![share("a"), share("b")] };
    for (earlier, later) in [
        (delta(1, 2, &[("a", 1)], &[]), delta(2, 3, &[("a", 2), ("c", 1)], &[])),
        (delta(1, 2, &[("a", 1), ("c", 1)], &[]), delta(2, 4, &[], &["a", "c"])),
        (delta(1, 2, &[], &["a", "b"]), delta(2, 3, &[("a", 5)], &[])),
        (delta(1, 2, &[("a", 1)], &[]), Event::Snapshot(Snapshot { seq: 9, ..start.clone() })),
        (Event::Snapshot(Snapshot { seq: 9, ..start.clone() }), delta(9, 10, &[("b", 3)], &["a"])),
    ] {
        let (mut one_by_one, mut as_one) = (start.clone(), start.clone());
        assert!(one_by_one.apply(earlier.clone()) && one_by_one.apply(later.clone()));
        assert!(as_one.apply(earlier.clone().then(later.clone())));
        assert_eq!(one_by_one, as_one, "{earlier:?} then {later:?}");
    }
    let gap = delta(1, 2, &[], &[]).then(delta(5, 6, &[], &[]));
    assert!(!start.clone().apply(gap), "a gap between the two is not hidden");
}

#[tokio::test]
async fn who_is_far_behind_gets_a_new_snapshot() {
    let served = Served::start();
    let client = served.client().await;
    let mut current = client.subscribe().await.unwrap();
    served.memory.add("first");
    assert!(current.apply(next(&client).await));
    // More removals than the feed remembers, while the rate holds the subscriber back.
    for n in 0..300 {
        let name = format!("share-{n}");
        served.memory.add(&name);
        served.memory.feed().remove_share(&share(&name).id);
    }
    let event = next(&client).await;
    assert!(matches!(event, Event::Snapshot(_)), "{event:?}");
    assert!(current.apply(event));
    assert_eq!(current.shares.len(), 1);
}

#[tokio::test]
async fn nothing_new_makes_no_delta() {
    let served = Served::start();
    let web = served.memory.add("web");
    let client = served.client().await;
    let snapshot = client.subscribe().await.unwrap();
    served.memory.feed().put_share(web);
    served.memory.feed().put_machine(machine());
    served.memory.feed().remove_share(&ShareId("nix".into()));
    assert!(timeout(Duration::from_millis(600), client.next_event()).await.is_err());
    assert_eq!(served.memory.feed().snapshot(), snapshot);
}
