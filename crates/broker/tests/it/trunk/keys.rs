//! Idempotency keys whose day is over, and that are used again; and those that Redis lost.

use std::{sync::Arc, time::Duration};

use broker::{
    Append, Appended, Broker, Item, ReplicaBroker,
    conformance::{Subject, new_event},
};
use event::After;
use faults::{Direction, Proxy, Toxic};
use tokio::task::JoinSet;

use crate::support::{
    logs::{golden_stream, key_numbered},
    outage::{attach, ids, publish},
    redis::WIDE,
    replica::{Replica, connected_again, healthy},
};

const HOUR: Duration = Duration::from_secs(3600);

async fn append(broker: &Arc<dyn Broker>) -> Appended {
    let keyed = Append { events: vec![new_event()], idempotency: Some(key_numbered(1)) };
    broker.append(&golden_stream(), keyed).await.expect("it is taken")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_used_again_on_a_branch_after_its_day_takes_effect_once() {
    let mut stage = Replica::start(WIDE).await;
    let broker = stage.broker();
    assert!(matches!(append(&broker).await, Appended::First(_)));
    stage.lose_saved_redis().await;
    stage.advance(25 * HOUR);
    let second = append(&broker).await;
    assert!(matches!(second, Appended::First(_)), "its day is over: {second:?}");
    stage.find_redis().await;
    let another = stage.another().await as Arc<dyn Broker>;
    for (hours, is_known) in [(0, true), (20, true), (5, false)] {
        stage.advance(hours * HOUR);
        let again = append(&another).await;
        let ids = |appended: &Appended| -> Vec<_> {
            appended.receipts().iter().map(|receipt| receipt.id).collect()
        };
        let is_replayed = matches!(again, Appended::Replayed(_)) && ids(&again) == ids(&second);
        assert_eq!(is_replayed, is_known, "after {hours} hours more: {again:?}");
    }
    // Of both uses that are over nothing is counted any more.
    let mut kept = redis::cmd("HGET");
    let kept: u64 = stage.server.command(kept.arg("dashclaw:thread:golden:meta").arg("kept")).await;
    assert_eq!(kept, 1);
}

/// Redis takes an event under its key, and its answer is lost with the key: another replica has read
/// the event, and gives it back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_back_without_its_key_is_not_put_again() {
    let mut stage = Replica::start(WIDE).await;
    let proxy = Proxy::start(stage.server.address()).await;
    let mut options = stage.options.clone();
    options.redis.url = format!("redis://{}/", proxy.address());
    options.spool = options.spool.map(|spool| spool.with_file_name("other"));
    // It is not cut off meanwhile, and knows nothing of what it sent.
    options.cut_off_after = Duration::from_secs(30);
    options.redis.command_time_max = Duration::from_secs(20);
    let other = Arc::new(ReplicaBroker::start(options).expect("it starts"));
    healthy(&other).await;
    let broker = stage.broker();
    let mut reader = attach(&broker, &After::Oldest).await;
    let first = publish(&(Arc::clone(&other) as Arc<dyn Broker>), 1).await;
    stage.server.save().await;
    proxy.set("hole", Direction::Downstream, Toxic::Timeout { timeout: Duration::ZERO });
    let mut sending = JoinSet::new();
    let append = Append { events: vec![new_event()], idempotency: Some(key_numbered(7)) };
    let to = Arc::clone(&other);
    sending.spawn(async move { to.append(&golden_stream(), append).await });
    reader.through(first[0]).await;
    let Item::Event(event) = reader.next().await else { panic!("{:?}", reader.items) };
    let id = event.id;
    let made = stage.broker.connections_made();
    stage.server.kill();
    stage.server.run().await;
    connected_again(&stage.broker, made).await;
    proxy.heal();
    let appended = sending.join_next().await.expect("it was sent").expect("it does not panic");
    let appended = appended.expect("it is taken");
    assert_eq!(appended.receipts()[0].id, id);
    let last = publish(&broker, 1).await;
    let mut fresh = attach(&broker, &After::Oldest).await;
    fresh.through(last[0]).await;
    assert_eq!(ids(&fresh), [first[0], id, last[0]], "it stands there once");
}

/// A log that began anew may have lost keys: whoever keeps elsewhere what they did looks there first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_within_an_epoch_appends_nothing_in_another_one() {
    let mut stage = Replica::start(WIDE).await;
    let replica = Arc::clone(&stage.broker);
    let stream = golden_stream();
    let keyed = || Append { events: vec![new_event()], idempotency: Some(key_numbered(1)) };
    let before = replica.epoch(&stream).await.expect("it answers");
    let first = replica.append_within(&stream, keyed(), before).await.expect("it answers");
    let first = first.expect("it is that epoch");
    let again = replica.append_within(&stream, keyed(), before).await.expect("it answers");
    assert_eq!(again, Some(Appended::Replayed(first.receipts().to_vec())));
    stage.lose_redis().await;
    stage.find_redis().await;
    healthy(&replica).await;
    let none = replica.append_within(&stream, keyed(), before).await.expect("it answers");
    assert_eq!(none, None);
    let head = replica.head(&stream).await.expect("it answers");
    assert_eq!(head.seq, first.receipts()[0].position.seq, "it was given back, and nothing put");
    let after = replica.epoch(&stream).await.expect("it answers");
    assert_ne!(after, before);
    let second = replica.append_within(&stream, keyed(), after).await.expect("it answers");
    assert!(matches!(second, Some(Appended::First(_))), "its key is lost: {second:?}");
}
