//! With readers attached and writers at work.

use std::{sync::Arc, time::Duration};

use broker::{
    Append, Appended, Broker, PageLimit,
    conformance::new_event,
    live::{Stage, Target},
};
use event::{After, GapReason, StreamName};
use faults::RedisServer;

use crate::support::{
    live::Live,
    logs::{golden_stream, key_numbered},
    outage::{assert_complete, attach, ids, publish},
    reader::Attached,
    redis::WIDE,
    writer::Writer,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_and_writers_go_on_over_switches_and_undos() {
    let server = RedisServer::start().await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    let broker = live.broker();
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(Attached::at(&broker, &golden_stream(), &After::Oldest).await);
    }
    let writer = Writer::start_paced(&broker, 4, Duration::from_millis(1));
    writer.wait_for(50).await;
    for round in 0..6 {
        let status = live.broker.cutover(Target::Redis).await.expect("it switches");
        assert_eq!((status.stage, status.owner), (Stage::Switched, Target::Redis), "{round}");
        assert_eq!(live.broker.owner_of(&golden_stream()), Target::Redis);
        writer.wait_for_more(50).await;
        readers.push(Attached::at(&broker, &golden_stream(), &After::Oldest).await);
        let status = live.broker.undo().await.expect("it goes back");
        assert_eq!((status.stage, status.owner), (Stage::Idle, Target::Memory), "{round}");
        writer.wait_for_more(50).await;
    }
    let mut acknowledged = writer.stop().await;
    acknowledged.sort_by_key(|receipt| receipt.position.seq);
    for reader in &mut readers {
        reader.through(acknowledged.last().expect("there are some").id).await;
        assert_eq!((reader.lost(&acknowledged), reader.gaps()), (0, 0), "{:?}", reader.reasons());
    }
    let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!(ledger.count, acknowledged.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_keys_and_accounts_go_along() {
    let server = RedisServer::start().await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    let broker = live.broker();
    let (mut acknowledged, mut known, mut keyed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..4_u8 {
        let append = || Append {
            events: vec![new_event(), new_event()],
            idempotency: Some(key_numbered(round)),
        };
        let first = broker.append(&golden_stream(), append()).await.expect("it is taken");
        acknowledged.extend(first.receipts().iter().map(|receipt| receipt.id));
        known.push((acknowledged.len(), first.receipts()[1].position));
        keyed.push(first);
        acknowledged.extend(publish(&broker, 3).await);
        let before = broker.ledger(&golden_stream()).await.expect("it is read");
        live.broker.cutover(live.broker.status().owner.other()).await.expect("it switches");
        let after = broker.ledger(&golden_stream()).await.expect("it is read");
        let account = |l: &event::Ledger| (l.first, l.last.seq, l.count, l.hash);
        assert_eq!(account(&before), account(&after));
        for (number, first) in keyed.iter().enumerate() {
            let append = Append {
                events: vec![new_event(), new_event()],
                idempotency: Some(key_numbered(u8::try_from(number).unwrap())),
            };
            let again = broker.append(&golden_stream(), append).await.expect("it is taken");
            assert_eq!(again, Appended::Replayed(first.receipts().to_vec()), "{round} {number}");
        }
        for (had, place) in &known {
            let mut back = attach(&broker, &After::At(*place)).await;
            assert_complete(&mut back, &acknowledged[..*had], &acknowledged).await;
        }
    }
    let observed = live.observed.0.lock();
    let moved = observed.iter().flat_map(|transition| &transition.moved);
    assert!(moved.clone().count() >= 4);
    assert!(moved.into_iter().all(|moved| moved.before.hash == moved.after.hash));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finalised_switch_stays() {
    let server = RedisServer::start().await;
    let mut live = Live::start(&server.url(), WIDE, Target::Memory).await;
    let mut acknowledged = publish(&live.broker(), 5).await;
    live.broker.cutover(Target::Redis).await.expect("it switches");
    live.broker.cutover(Target::Redis).await.expect("it is so already");
    let status = live.broker.finalise().await.expect("it is over");
    assert_eq!((status.stage, status.owner), (Stage::Idle, Target::Redis));
    live.broker.finalise().await.expect("it is so already");
    live.broker.undo().await.expect("there is nothing to undo");
    assert_eq!(live.broker.status().owner, Target::Redis);
    acknowledged.extend(publish(&live.broker(), 5).await);
    let left: Vec<String> = server.command(redis::cmd("KEYS").arg("*:next:*")).await;
    assert_eq!(left, [""; 0]);
    assert_eq!(live.memory.logs(), 0, "the shadow is dropped");
    // The settings say memory: what Redis has is read first.
    live.restart().await;
    assert_eq!((live.resumed.taken, live.resumed.lossy), (1, 0), "{:?}", live.resumed);
    let mut reader = attach(&live.broker(), &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_change_hands_and_new_ones_too() {
    let server = RedisServer::start().await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    let broker = live.broker();
    let stream = |n: usize| StreamName::thread(&format!("t{n}")).expect("it keeps the grammar");
    for n in 0..200 {
        broker.append(&stream(n), Append::one(new_event())).await.expect("it is taken");
    }
    let others = Arc::clone(&broker);
    let mut writers = tokio::task::JoinSet::new();
    writers.spawn(async move {
        for n in 100..400 {
            others.append(&stream(n), Append::one(new_event())).await.expect("it is taken");
        }
    });
    for to in [Target::Redis, Target::Memory, Target::Redis] {
        live.broker.cutover(to).await.expect("it switches");
    }
    writers.join_all().await;
    for n in 0..400 {
        assert_eq!(live.broker.owner_of(&stream(n)), Target::Redis);
        let page = broker.page(&stream(n), &After::Oldest, PageLimit::MAX).await;
        let count = if (100..200).contains(&n) { 2 } else { 1 };
        assert_eq!(page.expect("it is read").events.len(), count, "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_follows_what_redis_is_given_after_a_switch() {
    let server = RedisServer::start().await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    publish(&live.broker(), 3).await;
    live.broker.cutover(Target::Redis).await.expect("it switches");
    publish(&live.broker(), 4).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let ledger = live.memory.ledger(&golden_stream()).await.expect("it is read");
        if ledger.last.seq == event::Seq(7) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "memory does not follow: {ledger:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_waits_hears_of_an_append_after_each_switch() {
    let server = RedisServer::start().await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    let mut reader = attach(&live.broker(), &After::Oldest).await;
    for to in [Target::Redis, Target::Memory, Target::Redis, Target::Memory] {
        let ids = publish(&live.broker(), 1).await;
        reader.through(ids[0]).await;
        live.broker.cutover(to).await.expect("it switches");
        // The owner before hears of nothing from then on.
        live.broker.finalise().await.expect("it is over");
        let ids = publish(&live.broker(), 1).await;
        reader.through(ids[0]).await;
    }
    assert_eq!(reader.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_keep_their_age() {
    use Target::{Memory, Redis};
    for (begins_in, then, ends_in) in
        [(Memory, Redis, Redis), (Memory, Redis, Memory), (Redis, Memory, Memory)]
    {
        let server = RedisServer::start().await;
        let live = Live::start(&server.url(), WIDE, begins_in).await;
        publish(&live.broker(), 3).await;
        live.advance(Duration::from_secs(300));
        publish(&live.broker(), 2).await;
        live.advance(Duration::from_secs(200));
        live.broker.cutover(then).await.expect("it switches");
        live.advance(Duration::from_secs(80));
        live.broker.cutover(ends_in).await.expect("it switches");
        for (seconds, left) in [(1, 5), (60, 2), (300, 0)] {
            live.advance(Duration::from_secs(seconds));
            let page = live.broker.page(&golden_stream(), &After::Oldest, PageLimit::MAX).await;
            let kept = page.expect("it is read").events.len();
            assert_eq!(kept, left, "{begins_in:?} {ends_in:?} {seconds}");
        }
    }
}

/// Memory's window has no hole, and begins behind that of Redis.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_a_hole_changes_hands_and_tells_of_it() {
    let server = RedisServer::start().await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    let broker = live.broker();
    live.broker.cutover(Target::Redis).await.expect("it switches");
    let mut all = publish(&broker, 8).await;
    let page = broker.page(&golden_stream(), &After::Oldest, PageLimit::MAX).await;
    let places: Vec<_> = page.expect("it is read").events.iter().map(|e| e.position).collect();
    let [key] = &*server.command::<Vec<String>>(redis::cmd("KEYS").arg("*:stream")).await else {
        panic!("there is one log");
    };
    let removed: u64 = server.command(redis::cmd("XDEL").arg(key).arg("4-0").arg("5-0")).await;
    assert_eq!(removed, 2);
    for to in [Target::Memory, Target::Redis, Target::Memory] {
        live.broker.cutover(to).await.expect("it switches");
        all.extend(publish(&broker, 1).await);
        let last = *all.last().expect("there are some");
        for (index, place) in places.iter().enumerate() {
            let mut reader = attach(&broker, &After::At(*place)).await;
            reader.through(last).await;
            let told: &[GapReason] = if index < 4 { &[GapReason::DataLoss] } else { &[] };
            assert_eq!(reader.reasons(), told, "in {to:?} after {place}");
            assert_eq!(ids(&reader), all[5.max(index + 1)..]);
        }
    }
}
