//! From memory to Redis and back, by a redeploy.

use std::{sync::Arc, time::Duration};

use broker::{
    Append, Appended, Broker, MemoryBroker, ReplicaBroker, ReplicaOptions,
    conformance::{Subject, new_event},
    memory::{log::WindowLimits, state_dir::Mirrors},
};
use event::{After, EventId, GapReason, Position, StreamName};
use tokio::time::timeout;

use crate::support::{
    logs::{golden_stream, key_numbered},
    memory::Memory,
    outage::{assert_complete, attach, ids, publish},
    redis::WIDE,
    replica::{Replica, healthy},
};

/// Far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a replica in the place of a process with this memory.
async fn cut_over(stage: &Replica, memory: &MemoryBroker) -> Arc<ReplicaBroker> {
    cut_over_with(stage, memory, |options| options.spool = None).await
}

/// Does it with other options.
async fn cut_over_with(
    stage: &Replica,
    memory: &MemoryBroker,
    set: impl FnOnce(&mut ReplicaOptions),
) -> Arc<ReplicaBroker> {
    let mut options = stage.options.clone();
    set(&mut options);
    let broker = ReplicaBroker::start_with(options, memory.copies(), Mirrors::default());
    let broker = broker.expect("it starts");
    timeout(PATIENCE, broker.until_adopted()).await.expect("it is adopted");
    healthy(&broker).await;
    Arc::new(broker)
}

/// Returns the place of every event that a memory has, after those that came before.
async fn places(broker: &Arc<dyn Broker>) -> Vec<(EventId, Position)> {
    let page = broker.page(&golden_stream(), &After::Oldest, broker::PageLimit::MAX).await;
    page.expect("it is read").events.iter().map(|event| (event.id, event.position)).collect()
}

async fn assert_cursors(
    broker: &Arc<dyn Broker>,
    places: &[(EventId, Position)],
    acknowledged: &[EventId],
) {
    for (index, (_, place)) in places.iter().enumerate() {
        let had: Vec<_> = places[..=index].iter().map(|(id, _)| *id).collect();
        let mut back = attach(broker, &After::At(*place)).await;
        assert_complete(&mut back, &had, acknowledged).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cutover_from_memory_keeps_every_cursor_and_key() {
    let stage = Replica::start(WIDE).await;
    let mut memory = Memory::start(WIDE, 5);
    let keyed = || Append { events: vec![new_event()], idempotency: Some(key_numbered(1)) };
    let first = memory.broker.append(&golden_stream(), keyed()).await.expect("it is taken");
    let mut acknowledged = vec![first.receipts()[0].id];
    for _ in 0..3 {
        acknowledged.extend(publish(&(memory.broker.clone() as Arc<dyn Broker>), 3).await);
        memory.restart_now();
    }
    let known = places(&(memory.broker.clone() as Arc<dyn Broker>)).await;
    // A crash in between repeats it.
    for _ in 0..2 {
        let broker = cut_over(&stage, &memory.broker).await as Arc<dyn Broker>;
        let again = broker.append(&golden_stream(), keyed()).await.expect("it is taken");
        assert_eq!(again, Appended::Replayed(first.receipts().to_vec()));
        assert_eq!(places(&broker).await[..known.len()], known, "the places stay");
        acknowledged.extend(publish(&broker, 2).await);
        assert_cursors(&broker, &known, &acknowledged).await;
        let mut fresh = attach(&broker, &After::Oldest).await;
        assert_complete(&mut fresh, &[], &acknowledged).await;
        memory.restart_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_memory_replicas_go_over_to_one_redis() {
    let stage = Replica::start(WIDE).await;
    let memories = [Memory::start(WIDE, 5), Memory::start(WIDE, 6), Memory::start(WIDE, 7)];
    let (mut known, mut acknowledged) = (Vec::new(), Vec::new());
    for memory in &memories {
        let broker = memory.broker.clone() as Arc<dyn Broker>;
        acknowledged.extend(publish(&broker, 5).await);
        known.push(places(&broker).await);
    }
    let mut brokers = Vec::new();
    for memory in &memories {
        brokers.push(cut_over(&stage, &memory.broker).await as Arc<dyn Broker>);
    }
    acknowledged.extend(publish(&brokers[1], 3).await);
    for broker in &brokers {
        for known in &known {
            assert_cursors(broker, known, &acknowledged).await;
        }
    }
}

/// What Redis has already is merged with the memory's log also where nothing is kept beside Redis,
/// and goes through the spool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strict_replica_merges_what_it_takes_over() {
    let stage = Replica::start(WIDE).await;
    let mut acknowledged = publish(&stage.broker(), 4).await;
    let memory = Memory::start(WIDE, 5);
    acknowledged.extend(publish(&(memory.broker.clone() as Arc<dyn Broker>), 5).await);
    let known = places(&(memory.broker.clone() as Arc<dyn Broker>)).await;
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    for round in 0..2 {
        let spool = folder.path().join(format!("spool-{round}"));
        let broker = cut_over_with(&stage, &memory.broker, |options| {
            (options.strict, options.spool) = (true, Some(spool.clone()));
        });
        let broker = broker.await;
        assert_eq!(broker.spool_events(), 0);
        assert_cursors(&(Arc::clone(&broker) as Arc<dyn Broker>), &known, &acknowledged).await;
        let left = std::fs::read_dir(&spool).expect("it is a folder");
        let left = left.filter(|entry| {
            let entry = entry.as_ref().expect("it is read");
            entry.path().extension().is_some_and(|extension| extension == "branch")
        });
        assert_eq!(left.count(), 0, "what is merged leaves the spool");
    }
    let ledger = stage.broker().ledger(&golden_stream()).await.expect("it is read");
    assert_eq!(ledger.count, acknowledged.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_without_its_oldest_events_is_merged_with_its_cursors() {
    const NARROW: WindowLimits = WindowLimits { events_max: 6, ..WIDE };
    let stage = Replica::start(WIDE).await;
    let first = cut_over(&stage, &Memory::start(WIDE, 5).broker).await as Arc<dyn Broker>;
    let mut acknowledged = publish(&first, 2).await;
    let memory = Memory::start(NARROW, 6);
    let broker = memory.broker.clone() as Arc<dyn Broker>;
    let gone = broker.append(&golden_stream(), Append::one(new_event())).await;
    let gone = gone.expect("it is taken").receipts()[0].position;
    publish(&broker, 20).await;
    let known = places(&broker).await;
    acknowledged.extend(known.iter().map(|(id, _)| *id));
    let second = cut_over(&stage, &memory.broker).await as Arc<dyn Broker>;
    acknowledged.extend(publish(&first, 2).await);
    assert_cursors(&second, &known, &acknowledged).await;
    let mut back = attach(&first, &After::At(gone)).await;
    assert_eq!(back.reasons(), [GapReason::Expired]);
    back.through(acknowledged[acknowledged.len() - 1]).await;
    assert_eq!(ids(&back).len(), acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_to_memory_keeps_every_cursor() {
    let stage = Replica::start(WIDE).await;
    let another = stage.another().await as Arc<dyn Broker>;
    let broker = stage.broker();
    let mut acknowledged = publish(&broker, 4).await;
    // What nobody here has read is in Redis.
    acknowledged.extend(publish(&another, 4).await);
    acknowledged.extend(publish(&broker, 2).await);
    let known = places(&another).await;
    let mut memory = Memory::start(WIDE, 9);
    let mut given = Mirrors::default();
    stage.broker.hand_over(&memory.broker, &mut given).await;
    assert_eq!(given.streams.keys().collect::<Vec<_>>(), [&golden_stream()]);
    assert_eq!(memory.broker.logs(), 1);
    memory.restart_now();
    let rolled_back = memory.broker.clone() as Arc<dyn Broker>;
    acknowledged.extend(publish(&rolled_back, 2).await);
    assert_cursors(&rolled_back, &known, &acknowledged).await;
}

/// Whoever goes on must not take what was given for the logs of their owner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_over_that_is_broken_off_has_said_what_it_gave() {
    const STREAMS: usize = 64;
    let stage = Replica::start(WIDE).await;
    for number in 0..STREAMS {
        let stream = StreamName::thread(&format!("s{number}")).expect("it keeps the grammar");
        stage.broker.append(&stream, Append::one(new_event())).await.expect("it is taken");
    }
    let memory = Memory::start(WIDE, 9);
    let mut given = Mirrors::default();
    tokio::select! {
        biased;
        () = async {
            while memory.broker.logs() == 0 {
                tokio::task::yield_now().await;
            }
        } => {}
        () = stage.broker.hand_over(&memory.broker, &mut given) => {}
    }
    assert!((1..STREAMS).contains(&memory.broker.logs()), "{}", memory.broker.logs());
    assert_eq!(given.streams.len(), memory.broker.logs());
    assert_eq!(given.replicas, [""; 0], "what it did not give is not spoken for");
}

/// What a process with Redis left is only what it had read: another may have known more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_mirrors_redis_is_not_taken_for_the_whole_log() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    publish(&stage.broker(), 3).await;
    let known = places(&stage.broker()).await;
    stage.server.save().await;
    publish(&(another as Arc<dyn Broker>), 1).await;
    stage.lose_redis().await;
    stage.redeploy_replica().await;
    stage.find_redis().await;
    let broker = stage.broker();
    let mut back = attach(&broker, &After::At(known[2].1)).await;
    back.through(publish(&broker, 1).await[0]).await;
    assert_eq!(back.reasons(), [GapReason::DataLoss]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_can_not_be_read_to_its_end_is_handed_over_with_a_loss() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await as Arc<dyn Broker>;
    let broker = stage.broker();
    publish(&broker, 3).await;
    let known = places(&broker).await;
    publish(&another, 2).await;
    // It learns of the head, and of nothing before it.
    let page = broker.page(&golden_stream(), &After::Head, broker::PageLimit::MAX).await;
    assert_eq!(page.expect("it is read").head.seq.0, 5);
    stage.lose_redis().await;
    let mut memory = Memory::start(WIDE, 9);
    stage.broker.hand_over(&memory.broker, &mut Mirrors::default()).await;
    memory.restart_now();
    let rolled_back = memory.broker.clone() as Arc<dyn Broker>;
    let mut back = attach(&rolled_back, &After::At(known[2].1)).await;
    back.through(publish(&rolled_back, 1).await[0]).await;
    assert_eq!(back.reasons(), [GapReason::DataLoss]);
    let head = rolled_back.head(&golden_stream()).await.expect("it is read");
    assert_eq!(head.seq.0, 6, "the trunk's numbers are used up");
}

/// Ages travel, and the clock of Redis decides: that of the replica may be another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_given_to_redis_keep_their_age_whatever_its_clock_says() {
    const HOURS: Duration = Duration::from_secs(3600);
    let mut stage = Replica::start(WIDE).await;
    let mut memory = Memory::start(WIDE, 5);
    // Its monotonic clock is the memory's, as in one process.
    stage.advance(20 * HOURS);
    memory.advance(20 * HOURS);
    let keyed = || Append { events: vec![new_event()], idempotency: Some(key_numbered(1)) };
    let first = memory.broker.append(&golden_stream(), keyed()).await.expect("it is taken");
    memory.restart_now();
    let broker = cut_over(&stage, &memory.broker).await as Arc<dyn Broker>;
    for (hours, is_known) in [(0, true), (20, true), (5, false)] {
        stage.advance(hours * HOURS);
        let again = broker.append(&golden_stream(), keyed()).await.expect("it is taken");
        let replayed = again == Appended::Replayed(first.receipts().to_vec());
        assert_eq!(replayed, is_known, "after {hours} hours more: {again:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_can_not_be_given_to_redis_keep_their_own_stream_alone() {
    let stage = Replica::start(WIDE).await;
    let memory = Memory::start(WIDE, 5);
    let other = StreamName::thread("other").expect("it keeps the grammar");
    let keyed = || Append { events: vec![new_event()], idempotency: Some(key_numbered(1)) };
    let mut firsts = Vec::new();
    for stream in [&other, &golden_stream()] {
        firsts.push(memory.broker.append(stream, keyed()).await.expect("it is taken"));
    }
    let key = "dashclaw:thread:golden:keys";
    stage.server.command::<()>(redis::cmd("SET").arg(key).arg("theirs")).await;
    let options = ReplicaOptions { spool: None, ..stage.options.clone() };
    let broker = ReplicaBroker::start_with(options, memory.broker.copies(), Mirrors::default());
    let broker = broker.expect("it starts");
    timeout(PATIENCE, broker.until_adopted()).await.expect("the others are on the trunk");
    let again = broker.append(&other, keyed()).await.expect("it is taken");
    assert_eq!(again, Appended::Replayed(firsts[0].receipts().to_vec()));
    assert!(broker.append(&golden_stream(), keyed()).await.is_err());
    stage.server.command::<()>(redis::cmd("DEL").arg(key)).await;
    healthy(&broker).await;
    let again = broker.append(&golden_stream(), keyed()).await.expect("it is taken");
    assert_eq!(again, Appended::Replayed(firsts[1].receipts().to_vec()));
}

/// What an older use of a key did is over, where its log is in Redis too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_whose_day_is_over_in_redis_is_given_anew() {
    const HOURS: Duration = Duration::from_secs(3600);
    let mut stage = Replica::start(WIDE).await;
    let mut memory = Memory::start(WIDE, 5);
    let keyed = || Append { events: vec![new_event()], idempotency: Some(key_numbered(1)) };
    stage.broker().append(&golden_stream(), keyed()).await.expect("it is taken");
    stage.advance(25 * HOURS);
    memory.advance(25 * HOURS);
    let second = memory.broker.append(&golden_stream(), keyed()).await.expect("it is taken");
    memory.restart_now();
    let broker = cut_over(&stage, &memory.broker).await as Arc<dyn Broker>;
    let again = broker.append(&golden_stream(), keyed()).await.expect("it is taken");
    assert_eq!(again, Appended::Replayed(second.receipts().to_vec()));
}

/// A log that is gone before its keys come is none, and nothing is made of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_a_log_that_redis_has_not_make_none() {
    let stage = Replica::start(WIDE).await;
    publish(&stage.broker(), 1).await;
    let mut list = redis::cmd("FUNCTION");
    let listed: redis::Value = stage.server.command(list.arg("LIST")).await;
    let listed = format!("{listed:?}");
    let begin = listed.find("tidegate_1_").expect("the library is there");
    let library = &listed[begin..begin + "tidegate_1_".len() + 8];
    let mut keys = redis::cmd("FCALL");
    keys.arg(format!("{library}_keys")).arg(4);
    for key in ["stream", "meta", "keys", "keyq"] {
        keys.arg(format!("dashclaw:thread:elsewhere:{key}"));
    }
    keys.arg(0).arg("aa").arg(0).arg("bb").arg(format!("e1 1 1 {}", "0".repeat(26)));
    let answer: Vec<String> = stage.server.command(&mut keys).await;
    assert_eq!(answer, ["absent"]);
    let made: Vec<String> =
        stage.server.command(redis::cmd("KEYS").arg("dashclaw:thread:elsewhere:*")).await;
    assert_eq!(made, [""; 0]);
}
