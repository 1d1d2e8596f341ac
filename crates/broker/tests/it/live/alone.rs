//! Undoing a switch to Redis while that is lost.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use broker::{
    Append, AppendError, Appended, Broker, ReplicaBroker, ReplicaOptions,
    conformance::new_event,
    live::{Stage, SwitchError, SwitchStatus, Target},
};
use event::{After, EventId, GapReason};
use faults::RedisServer;
use tokio::time::{Duration, Instant, sleep};

use crate::support::{
    clock::FakeClock,
    live::Live,
    logs::{golden_stream, key_numbered},
    outage::{assert_complete, attach, ids, publish},
    redis::{WIDE, options},
    replica::healthy,
    writer::Writer,
};

/// Far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

type Change = fn(&mut ReplicaOptions, &Path);

fn not_strict(options: &mut ReplicaOptions, folder: &Path) {
    options.spool = Some(folder.to_owned());
}

fn strict(options: &mut ReplicaOptions, _: &Path) {
    options.strict = true;
}

/// Asks again while the loss is being found out.
async fn undo(live: &Live) -> SwitchStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match live.broker.undo().await {
            Ok(status) => return status,
            Err(SwitchError::Unreachable(reason)) => {
                assert!(Instant::now() < deadline, "it does not go back: {reason}");
                sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("it does not go back: {error}"),
        }
    }
}

async fn keyed(live: &Live, number: u8) -> Result<Appended, AppendError> {
    let idempotency = Some(key_numbered(number));
    let append = Append { events: vec![new_event()], idempotency };
    live.broker.append(&golden_stream(), append).await
}

async fn assert_places(live: &Live, acknowledged: &[EventId]) {
    let fresh = &mut attach(&live.broker(), &After::Oldest).await;
    assert_complete(fresh, &[], acknowledged).await;
    let ledger = live.broker.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!(ledger.count, acknowledged.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_goes_on_in_memory() {
    for (is_strict, change) in [(false, not_strict as Change), (true, strict)] {
        let mut server = RedisServer::start().await;
        let url = Some(server.url());
        let mut live = Live::start_changed(url, WIDE, Target::Memory, change).await;
        let mut reader = attach(&live.broker(), &After::Oldest).await;
        let first = keyed(&live, 1).await.expect("it is taken");
        let mut acknowledged = vec![first.receipts()[0].id];
        acknowledged.extend(publish(&live.broker(), 5).await);
        live.broker.cutover(Target::Redis).await.expect("it switches");
        let second = keyed(&live, 2).await.expect("it is taken");
        acknowledged.push(second.receipts()[0].id);
        acknowledged.extend(publish(&live.broker(), 5).await);
        server.kill();
        let places = [first.receipts()[0].position, second.receipts()[0].position];
        if is_strict {
            let refused = live.broker.append(&golden_stream(), Append::one(new_event())).await;
            assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");
        } else {
            acknowledged.extend(publish(&live.broker(), 5).await);
            let again = keyed(&live, 1).await.expect("it is known");
            assert_eq!(again, Appended::Replayed(first.receipts().to_vec()));
        }
        let status = undo(&live).await;
        assert_eq!((status.stage, status.owner), (Stage::Idle, Target::Memory));
        acknowledged.extend(publish(&live.broker(), 5).await);
        for (number, used) in [(1, &first), (2, &second)] {
            let again = keyed(&live, number).await.expect("it is known");
            assert_eq!(again, Appended::Replayed(used.receipts().to_vec()), "{number}");
        }
        assert_complete(&mut reader, &[], &acknowledged).await;
        assert_places(&live, &acknowledged).await;
        for place in places {
            let had = usize::try_from(place.seq.0).expect("it is small");
            let mut back = attach(&live.broker(), &After::At(place)).await;
            assert_complete(&mut back, &acknowledged[..had], &acknowledged).await;
        }
        assert_eq!(live.broker.replica().expect("it was started").spool_events(), 0);
        assert_eq!(ReplicaBroker::spooled(live.disk.folder.path()).expect("it is read"), 0);
        // The next process needs no Redis, and the next switch brings it all there once.
        drop(reader);
        live.restart().await;
        assert_eq!((live.resumed.taken, live.resumed.lossy), (0, 0));
        acknowledged.extend(publish(&live.broker(), 2).await);
        server.run().await;
        live.goes_over(Target::Redis).await;
        acknowledged.extend(publish(&live.broker(), 2).await);
        assert_places(&live, &acknowledged).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_and_readers_go_on_through_loss_and_undo() {
    let mut server = RedisServer::start().await;
    let url = Some(server.url());
    let live = Live::start_changed(url, WIDE, Target::Memory, not_strict).await;
    let mut reader = attach(&live.broker(), &After::Oldest).await;
    let writer = Writer::start_paced(&live.broker(), 4, Duration::from_millis(1));
    for _ in 0..3 {
        writer.wait_for_more(50).await;
        live.goes_over(Target::Redis).await;
        writer.wait_for_more(50).await;
        server.kill();
        writer.wait_for_more(10).await;
        undo(&live).await;
        assert_eq!(live.broker.owner_of(&golden_stream()), Target::Memory);
        writer.wait_for_more(50).await;
        server.run().await;
    }
    let acknowledged: Vec<_> = writer.stop().await.iter().map(|receipt| receipt.id).collect();
    assert_complete(&mut reader, &[], &acknowledged).await;
    let mut fresh = attach(&live.broker(), &After::Oldest).await;
    assert_complete(&mut fresh, &[], &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_others_may_have_appended_readers_are_told() {
    for change in [not_strict as Change, strict] {
        let mut server = RedisServer::start().await;
        let url = Some(server.url());
        let live = Live::start_changed(url, WIDE, Target::Memory, change).await;
        let mut acknowledged = publish(&live.broker(), 5).await;
        live.broker.cutover(Target::Redis).await.expect("it switches");
        let other = ReplicaOptions::new(options(&server.url(), WIDE), Arc::new(FakeClock::new()));
        let other = Arc::new(ReplicaBroker::start(other).expect("it starts"));
        healthy(&other).await;
        let deadline = Instant::now() + PATIENCE;
        while !live.broker.knows_of_others() {
            assert!(Instant::now() < deadline, "it does not see the other one");
            sleep(Duration::from_millis(20)).await;
        }
        // Nobody reads it here.
        publish(&(Arc::clone(&other) as Arc<dyn Broker>), 1).await;
        server.kill();
        drop(other);
        undo(&live).await;
        acknowledged.extend(publish(&live.broker(), 1).await);
        let mut fresh = attach(&live.broker(), &After::Oldest).await;
        fresh.through(acknowledged[5]).await;
        assert_eq!(fresh.reasons(), [GapReason::DataLoss], "{:?}", fresh.items);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_write_of_it_loses_nothing_in_silence() {
    for writes in 0..4 {
        let mut server = RedisServer::start().await;
        let mut live = Live::start(&server.url(), WIDE, Target::Memory).await;
        let mut acknowledged = publish(&live.broker(), 4).await;
        live.broker.cutover(Target::Redis).await.expect("it switches");
        acknowledged.extend(publish(&live.broker(), 3).await);
        server.kill();
        acknowledged.extend(publish(&live.broker(), 3).await);
        live.disk.writes_left.store(writes, Ordering::Release);
        let undone = live.broker.undo().await;
        acknowledged.extend(publish(&live.broker(), 3).await);
        live.crash().await;
        acknowledged.extend(publish(&live.broker(), 1).await);
        let mut back = attach(&live.broker(), &After::Oldest).await;
        back.through(*acknowledged.last().expect("there are some")).await;
        let ids = ids(&back);
        let lost = acknowledged.iter().filter(|id| !ids.contains(id)).count();
        println!("{writes} writes: {lost} lost, {:?}, {undone:?}", back.reasons());
        assert!(lost == 0 || back.gaps() > 0, "{lost} events are lost in silence");
        assert!(writes < 3 || lost <= 3, "what was saved is there");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_takes_no_writes_does_not_keep_streams() {
    for read_only in [false, true] {
        let server = RedisServer::start().await;
        let live = Live::start(&server.url(), WIDE, Target::Memory).await;
        let mut acknowledged = publish(&live.broker(), 5).await;
        live.broker.cutover(Target::Redis).await.expect("it switches");
        acknowledged.extend(publish(&live.broker(), 5).await);
        let mut command = match read_only {
            true => redis::cmd("REPLICAOF").arg("127.0.0.1").arg("9").clone(),
            false => redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").clone(),
        };
        server.command::<()>(&mut command).await;
        undo(&live).await;
        acknowledged.extend(publish(&live.broker(), 5).await);
        assert_places(&live, &acknowledged).await;
    }
}
