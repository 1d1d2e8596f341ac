//! A log that is given back with a hole in its midst: what lies behind the hole keeps its places, who
//! reads across it is told, and what a late replica has of it is not lost.

use std::{sync::Arc, time::Duration};

use broker::{Broker, Item, ReplicaBroker};
use event::{After, EventId, GapReason, Position, Seq};
use faults::Proxy;

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, ids, last_place, publish, publish_once_healed},
    redis::WIDE,
    replica::{Replica, connected_again, cut_off, healthy},
};

/// Two replicas, of which one can be cut off by itself. Both have the first three events, which
/// Redis keeps; two are known to the second one alone, and two later ones to the first alone.
struct Stage {
    whole: Replica,
    other: Arc<ReplicaBroker>,
    proxy: Proxy,
    first: Vec<EventId>,
    within: Vec<EventId>,
    behind: Vec<EventId>,
}

impl Stage {
    async fn start() -> Self {
        let whole = Replica::start_with(WIDE, |options| {
            options.heal_grace = Duration::from_millis(300);
        })
        .await;
        let proxy = Proxy::start(whole.server.address()).await;
        let mut options = whole.options.clone();
        options.redis.url = format!("redis://{}/", proxy.address());
        options.spool = options.spool.map(|spool| spool.with_file_name("other"));
        let other = Arc::new(ReplicaBroker::start(options).expect("it starts"));
        healthy(&other).await;
        let first = publish(&whole.broker(), 3).await;
        whole.server.save().await;
        let within = publish(&as_broker(&other), 2).await;
        let behind = publish(&whole.broker(), 2).await;
        Stage { whole, other, proxy, first, within, behind }
    }

    /// Redis comes back empty, while the second replica is away.
    async fn lose_all(&mut self) {
        self.whole.server.forget();
        self.lose().await;
    }

    /// Redis comes back as it was saved, while the second replica is away.
    async fn lose(&mut self) {
        self.proxy.disable().await;
        cut_off(&self.other).await;
        let made = self.whole.broker.connections_made();
        self.whole.server.kill();
        self.whole.server.run().await;
        connected_again(&self.whole.broker, made).await;
        // The log is healed, and in use, before the second replica is back.
        healthy(&self.whole.broker).await;
        self.whole.broker.head(&golden_stream()).await.expect("it is read");
    }
}

fn as_broker(process: &Arc<ReplicaBroker>) -> Arc<dyn Broker> {
    Arc::clone(process) as Arc<dyn Broker>
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_behind_a_hole_keeps_its_places() {
    let mut stage = Stage::start().await;
    stage.other.drain().await.expect("it is saved");
    let broker = stage.whole.broker();
    let epoch = broker.head(&golden_stream()).await.expect("it is read").epoch;
    let places: Vec<_> = (1..=7).map(|seq| Position::new(epoch, Seq(seq))).collect();
    stage.lose().await;
    let mut last = publish(&broker, 1).await;
    for (index, place) in places.iter().enumerate() {
        let mut reader = attach(&broker, &After::At(*place)).await;
        reader.through(last[0]).await;
        let got = ids(&reader);
        // In the place of the hole how much is missing, for those who have not read it; and at the
        // end, where Redis remembers a replica that may have had more.
        let within = [2, 2, 2, 1].get(index).copied();
        let told: Vec<_> = within.map(Some).into_iter().chain([None]).collect();
        let later = reader.items.iter().filter_map(|item| match item {
            Item::Gap(gap) => Some(gap),
            Item::Event(_) => None,
        });
        let missed = reader.opening.gap.iter().chain(later).map(|gap| (gap.reason, gap.missed));
        let loss = |missed| (GapReason::DataLoss, missed);
        let told: Vec<_> = told.into_iter().map(loss).collect();
        assert_eq!(missed.collect::<Vec<_>>(), told, "{index}: {:?}", reader.items);
        let behind = stage.behind.iter().skip(index.saturating_sub(4));
        let first = stage.first.iter().skip(index + 1);
        let wanted: Vec<_> = first.chain(behind).chain(&last).copied().collect();
        assert_eq!(got, wanted, "after number {}", place.seq);
    }
    // The account goes on over the hole, also when it is folded and over another restart.
    let before = broker.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!((before.count, before.last.seq.0), (6, 8));
    stage.whole.server.save().await;
    let made = stage.whole.broker.connections_made();
    stage.whole.server.kill();
    stage.whole.server.run().await;
    connected_again(&stage.whole.broker, made).await;
    last.extend(publish(&broker, 2).await);
    let after = broker.ledger(&golden_stream()).await.expect("it is read");
    assert_eq!((after.count, after.last.seq.0), (8, 10));
    let mut reader = attach(&broker, &After::At(places[5])).await;
    reader.through(last[2]).await;
    assert_eq!(ids(&reader), [&stage.behind[1..], &last].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_late_gives_back_what_lies_in_a_hole() {
    let mut stage = Stage::start().await;
    let (broker, other) = (stage.whole.broker(), as_broker(&stage.other));
    let mut all = [stage.first.clone(), stage.within.clone(), stage.behind.clone()].concat();
    let mut reader_there = attach(&other, &After::Oldest).await;
    assert_complete(&mut reader_there, &[], &all).await;
    let place = last_place(&reader_there);
    stage.lose().await;
    let mut crossing = attach(&broker, &After::Oldest).await;
    crossing.through(stage.behind[1]).await;
    assert!(crossing.reasons().contains(&GapReason::DataLoss));
    assert!(stage.within.iter().all(|id| !ids(&crossing).contains(id)), "nobody has it yet");
    stage.proxy.enable().await;
    healthy(&stage.other).await;
    all.extend(publish(&broker, 1).await);
    // Who crossed the hole gets them late. By their places nobody can tell those from who had read
    // them, and gets them again: they are told before that.
    crossing.through(all[7]).await;
    assert_once(&ids(&crossing), &all);
    reader_there.through(all[7]).await;
    let again = reader_there.items.iter().skip_while(|item| matches!(item, Item::Event(_)));
    let event = |item: &Item| match item {
        Item::Event(event) => Some(event.id),
        Item::Gap(_) => None,
    };
    let again: Vec<_> = again.filter_map(event).collect();
    assert_eq!(again, [&stage.within[..], &all[7..]].concat(), "behind a gap");
    for replica in [&broker, &other] {
        let mut back = attach(replica, &After::At(place)).await;
        back.through(all[7]).await;
        assert!(back.reasons().contains(&GapReason::DataLoss), "{:?}", back.items);
        assert_eq!(ids(&back).last(), all.last());
    }
    // Once more: what was put behind the log is not offered in its old place.
    stage.whole.server.kill();
    stage.whole.server.forget();
    stage.whole.server.run().await;
    healthy(&stage.whole.broker).await;
    healthy(&stage.other).await;
    all.extend(publish(&other, 1).await);
    let mut fresh = attach(&broker, &After::Oldest).await;
    fresh.through(all[8]).await;
    assert_once(&ids(&fresh), &all);
}

/// What lies before all that others gave back is a hole too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_late_gives_back_what_was_at_the_front() {
    let mut stage = Stage::start().await;
    // The second replica reads all, and the first begins again and knows nothing.
    let other = as_broker(&stage.other);
    let mut reader = attach(&other, &After::Oldest).await;
    let mut all = [stage.first.clone(), stage.within.clone(), stage.behind.clone()].concat();
    assert_complete(&mut reader, &[], &all).await;
    drop(reader);
    stage.whole.restart_replica().await;
    healthy(&stage.whole.broker).await;
    let fresh = stage.whole.broker();
    all.extend(publish(&fresh, 2).await);
    stage.lose_all().await;
    let mut got = attach(&fresh, &After::Oldest).await;
    got.through(all[8]).await;
    assert_eq!(ids(&got), all[7..], "nobody else has more");
    stage.proxy.enable().await;
    healthy(&stage.other).await;
    all.extend(publish(&fresh, 1).await);
    got.through(all[9]).await;
    assert_once(&ids(&got), &all);
}

/// An older copy comes after a server that was empty, and goes beyond what was given back to that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_before_an_empty_server_is_another_history() {
    for strict in [false, true] {
        let mut stage = Replica::start_with(WIDE, |options| options.strict = strict).await;
        let another = stage.another().await;
        let broker = stage.broker();
        let mut all = publish(&broker, 1).await;
        all.extend(publish(&as_broker(&another), 2).await);
        stage.server.save().await;
        let dump = stage.server.folder().join("dump.rdb");
        let copy = std::fs::read(&dump).expect("it was saved");
        another.drain().await.expect("it ends in order");
        drop(another);
        let made = stage.broker.connections_made();
        stage.server.kill();
        stage.server.forget();
        stage.server.run().await;
        connected_again(&stage.broker, made).await;
        all.extend(publish_once_healed(&broker, 3).await);
        let made = stage.broker.connections_made();
        stage.server.kill();
        std::fs::write(&dump, copy).expect("it is written");
        stage.server.run().await;
        connected_again(&stage.broker, made).await;
        healthy(&stage.broker).await;
        all.extend(publish(&broker, 1).await);
        let mut reader = attach(&broker, &After::Oldest).await;
        reader.through(*all.last().expect("there are some")).await;
        assert_once(&ids(&reader), &all);
    }
}

#[track_caller]
fn assert_once(got: &[EventId], all: &[EventId]) {
    let sorted = |ids: &[EventId]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    assert_eq!(sorted(got), sorted(all), "all of them, once: {got:?}");
}
