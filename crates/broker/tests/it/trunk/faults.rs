//! Merges that are broken off, servers that stop without ending, appends without an answer.

use std::{sync::Arc, time::Duration};

use broker::{
    Append, AppendError, Broker, HealthState, conformance::new_event, memory::log::WindowLimits,
};
use event::After;
use faults::{Direction, Proxy, Toxic};
use tokio::time::{Instant, sleep};

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, publish},
    redis::WIDE,
    replica::{Replica, cut_off, healthy},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_takes_nothing_twice() {
    let stage = Replica::start_with(WIDE, |options| {
        options.redis.command_time_max = Duration::from_millis(300);
        options.redis.connect_time_max = Duration::from_millis(300);
    })
    .await;
    let broker = stage.broker();
    let mut reader = attach(&broker, &After::Oldest).await;
    let mut acknowledged = publish(&broker, 3).await;
    for _ in 0..3 {
        let before = stage.broker.trunk().head(&golden_stream()).await.expect("it is read");
        stage.server.pause();
        // The first ones are in the server's socket, and it takes them when it goes on.
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..5 {
            let broker = Arc::clone(&broker);
            writers.spawn(async move { publish(&broker, 3).await });
        }
        acknowledged.extend(writers.join_all().await.concat());
        assert!(stage.broker.is_cut_off());
        stage.server.go_on();
        healthy(&stage.broker).await;
        let after = stage.broker.trunk().head(&golden_stream()).await.expect("it is read");
        assert_ne!(before.epoch, after.epoch, "what was sent before could still arrive");
        acknowledged.extend(publish(&broker, 2).await);
        assert_complete(&mut reader, &[], &acknowledged).await;
    }
    let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!(ledger.count, acknowledged.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_is_broken_off_goes_on() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let (left, right) = (stage.broker(), Arc::clone(&another) as Arc<dyn Broker>);
    let mut readers = [attach(&left, &After::Oldest).await, attach(&right, &After::Oldest).await];
    let mut acknowledged = publish(&left, 3).await;
    stage.lose_saved_redis().await;
    cut_off(&another).await;
    acknowledged.extend(publish(&left, 3_000).await);
    acknowledged.extend(publish(&right, 10).await);
    for delay in [0, 1, 3, 8, 20, 40] {
        stage.server.run().await;
        let deadline = Instant::now() + Duration::from_secs(20);
        while stage.broker.spool_events() == 3_000 {
            assert!(Instant::now() < deadline, "nothing is merged");
            sleep(Duration::from_micros(200)).await;
        }
        sleep(Duration::from_millis(delay)).await;
        let mut shutdown = redis::cmd("SHUTDOWN");
        let _: Result<(), _> = stage.server.try_command(shutdown.arg("SAVE")).await;
        stage.lose_redis().await;
        acknowledged.extend(publish(&left, 2).await);
    }
    stage.find_redis().await;
    healthy(&another).await;
    acknowledged.extend(publish(&right, 2).await);
    for reader in &mut readers {
        assert_complete(reader, &[], &acknowledged).await;
    }
    let ledger = right.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!(ledger.count, acknowledged.len() as u64);
}

/// What was taken and not answered is answered when it is found, and not sent again where that can't
/// be told any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_answered_is_not_stored_again_where_the_window_has_gone_on() {
    for (others, is_found) in [(1, true), (40, false)] {
        let window = WindowLimits { events_max: 8, ..WIDE };
        let stage = Replica::start(window).await;
        let proxy = Proxy::start(stage.server.address()).await;
        let mut options = stage.options.clone();
        options.redis.url = format!("redis://{}/", proxy.address());
        options.spool = None;
        options.redis.command_time_max = Duration::from_secs(10);
        options.cut_off_after = Duration::from_secs(10);
        let behind = Arc::new(broker::ReplicaBroker::start(options).expect("it starts"));
        healthy(&behind).await;
        let behind = behind as Arc<dyn Broker>;
        publish(&behind, 20).await;
        let before = head_of(&stage).await;
        proxy.set("hole", Direction::Downstream, Toxic::Timeout { timeout: Duration::ZERO });
        let mut asking = tokio::task::JoinSet::new();
        let event = new_event();
        let append = Append::one(event.clone());
        asking.spawn(async move { behind.append(&golden_stream(), append).await });
        while head_of(&stage).await == before {
            tokio::task::yield_now().await;
        }
        publish(&stage.broker(), others).await;
        let mut kill = redis::cmd("CLIENT");
        let _: u64 = stage.server.command(kill.arg("KILL").arg("TYPE").arg("normal")).await;
        proxy.heal();
        let appended = asking.join_next().await.expect("there is one").expect("it ends");
        match appended {
            Ok(appended) => {
                assert!(is_found, "nobody can know: {appended:?}");
                assert_eq!(appended.receipts()[0].id, event.id);
                assert_eq!(appended.receipts()[0].position.seq.0, before + 1);
            }
            Err(AppendError::Unavailable { maybe: true, reason }) => {
                assert!(!is_found && reason.contains("keeps no events"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(head_of(&stage).await, before + 1 + others as u64, "it is stored once");
    }
}

async fn head_of(stage: &Replica) -> u64 {
    let mut head = redis::cmd("HGET");
    let head: Option<u64> =
        stage.server.command(head.arg("dashclaw:thread:golden:meta").arg("head")).await;
    head.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_break_branches_nothing_off() {
    let stage = Replica::start_with(WIDE, |options| {
        options.cut_off_after = Duration::from_secs(10);
    })
    .await;
    let broker = stage.broker();
    let mut reader = attach(&broker, &After::Oldest).await;
    let mut acknowledged = Vec::new();
    for _ in 0..5 {
        let mut kill = redis::cmd("CLIENT");
        let _: u64 = stage.server.command(kill.arg("KILL").arg("TYPE").arg("normal")).await;
        acknowledged.extend(publish(&broker, 4).await);
        assert_ne!(broker.health().state, HealthState::Unhealthy);
        assert!(!stage.broker.is_cut_off());
    }
    assert_complete(&mut reader, &[], &acknowledged).await;
}

/// How often connections are killed amid one merge.
const TIMES_KILLED: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_lost_amid_a_merge_merge_nothing_twice() {
    let mut stage = Replica::start_with(WIDE, |options| {
        options.cut_off_after = Duration::from_millis(200);
    })
    .await;
    let broker = stage.broker();
    let mut reader = attach(&broker, &After::Oldest).await;
    let mut acknowledged = publish(&broker, 1).await;
    stage.lose_saved_redis().await;
    acknowledged.extend(publish(&broker, 8_000).await);
    stage.server.run().await;
    let mut kills = 0;
    // A machine that is slow may not come further between two of them, so there is an end to it.
    for _ in 0..TIMES_KILLED {
        if stage.broker.spool_events() == 0 {
            break;
        }
        let mut kill = redis::cmd("CLIENT");
        kills += stage.server.command::<u64>(kill.arg("KILL").arg("TYPE").arg("normal")).await;
        sleep(Duration::from_millis(15)).await;
    }
    healthy(&stage.broker).await;
    acknowledged.extend(publish(&broker, 1).await);
    assert_complete(&mut reader, &[], &acknowledged).await;
    let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!(ledger.count, acknowledged.len() as u64);
    assert!(kills > 0, "no connection was killed amid the merge");
}

/// Returns the name that our functions begin with on a server.
async fn library(stage: &Replica) -> String {
    let mut list = redis::cmd("FUNCTION");
    let listed: redis::Value = stage.server.command(list.arg("LIST")).await;
    let text = format!("{listed:?}");
    let begin = text.find("tidegate_1_").expect("the library is there");
    text[begin..begin + "tidegate_1_".len() + 8].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_that_arrives_twice_takes_effect_once() {
    let stage = Replica::start(WIDE).await;
    let broker = stage.broker();
    publish(&broker, 2).await;
    let head = broker.head(&golden_stream()).await.expect("it is read");
    let info: String = stage.server.command(redis::cmd("INFO").arg("server")).await;
    let run = info.lines().find_map(|line| line.strip_prefix("run_id:")).expect("it has one");
    let (name, another) = ("00000000000a0", "00000000000a1");
    let event = new_event();
    let base = "dashclaw:thread:golden";
    let mut words = Vec::new();
    // No record begins in its midst, and none is told what it does not have.
    for (name, offset) in [(name, "0"), (name, "0"), (name, "1"), (another, "3"), (name, "5")] {
        let mut merge = redis::cmd("FCALL");
        merge.arg(format!("{}_merge", library(&stage).await)).arg(7);
        for key in ["stream", "meta", "ages", "digests", "keys", "keyq", "branches"] {
            merge.arg(format!("{base}:{key}"));
        }
        merge.arg(head.epoch.to_string()).arg(2).arg(run.trim()).arg(1000).arg(600_000).arg(0);
        merge.arg(name).arg(format!("2 {name}:2:w -")).arg(offset).arg("more");
        merge.arg(format!("{base}:events")).arg(format!("{base}:wake")).arg("PUBLISH");
        merge.arg(64).arg(1).arg("-").arg("-").arg("").arg("").arg(1);
        merge.arg(&event.json[..]).arg(&[7_u8; 32][..]).arg(&event.id.to_string()[4..]).arg(0);
        let answer: Vec<redis::Value> = stage.server.command(&mut merge).await;
        let word = |index: usize| -> String {
            redis::from_redis_value(answer[index].clone()).expect("it is a word")
        };
        words.push(format!("{} {}", word(0), word(1).split(' ').next().unwrap_or_default()));
    }
    assert_eq!(words, ["merged 1", "record 1", "merged 2", "record ", "record 2"]);
    let head = broker.head(&golden_stream()).await.expect("it is read");
    assert_eq!(head.seq.0, 4, "the second arrival appended something");
}

/// What is found on the trunk after all is not known to be on Redis's own replicas.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_too_few_replicas_of_redis_have_is_not_acknowledged() {
    let stage = Replica::start_with(WIDE, |options| options.redis.replicas_min = 1).await;
    let appended = stage.broker.append(&golden_stream(), Append::one(new_event())).await;
    assert!(matches!(appended, Err(AppendError::Unavailable { maybe: true, .. })), "{appended:?}");
}
