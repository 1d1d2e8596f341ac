//! A round beside what others brought back since its caller searched the log.

use std::time::Duration;

use event::StreamName;
use faults::RedisServer;

use super::*;
use crate::{
    Append, Broker, NewEvent, RedisOptions,
    memory::log::{Log, WindowLimits},
    trunk::branch::Branch,
};

const LIMITS: WindowLimits =
    WindowLimits { events_max: 100_000, age_max: Duration::from_secs(600) };

fn event(number: u64) -> NewEvent {
    let (id, event) = (EventId::from_bits(u128::from(number)), "case.step".parse().unwrap());
    let (org_id, payload) = ("one".parse().unwrap(), event::Payload::empty());
    let envelope = event::Envelope { id, org_id, event, payload };
    NewEvent { id, name: envelope.event.clone(), json: envelope.to_json() }
}

struct Stage {
    server: RedisServer,
    broker: RedisBroker,
    stream: StreamName,
    branch: Branch,
    searched: Searched,
}

impl Stage {
    /// Begins a branch with events that may be on the trunk, which was searched when it was empty.
    async fn with_unsure(numbers: &[u64]) -> Self {
        let server = RedisServer::start().await;
        let options = RedisOptions::new(&server.url(), LIMITS);
        let broker = RedisBroker::start(options).unwrap();
        let stream: StreamName = "org:one".parse().unwrap();
        broker.append(&stream, Append::one(event(1))).await.unwrap();
        let place = broker.head_now(&stream).await.unwrap();
        let mut log = Log::begin(event::Lineage::origin(place.epoch));
        log.append(Append::one(event(1)), event::MonoMs(1), &LIMITS).unwrap();
        let mut branch = Branch::begin(Some(log), Epoch::from_bits(7));
        let mut searched = Searched { up_to: place.seq, ..Searched::default() };
        for &number in numbers {
            branch.append(Append::one(event(number)), true, event::MonoMs(1), &LIMITS).unwrap();
            searched.ids.insert(event(number).id);
        }
        Stage { server, broker, stream, branch, searched }
    }

    async fn put(&self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            self.broker.append(&self.stream, Append::one(event(number))).await.unwrap();
        }
    }

    async fn merge(&self) -> Result<Merged, Failure> {
        let epoch = self.broker.head_now(&self.stream).await?.epoch;
        let (record, round) = (&self.branch.record(), &self.branch.round(100, usize::MAX));
        let (name, searched) = (self.branch.name(), &self.searched);
        let merging = Merging { epoch, name, record, round, searched, is_last: false };
        self.broker.merge(&self.stream, &merging).await
    }

    async fn trunk(&self) -> Vec<u128> {
        let page = self.broker.stretch(&self.stream, Seq::ZERO).await.unwrap();
        page.events.iter().map(|event| event.id.bits()).collect()
    }
}

#[tokio::test]
async fn what_others_put_behind_the_search_is_not_put_again() {
    let stage = Stage::with_unsure(&[10, 11, 12]).await;
    stage.put([11, 500, 10]).await;
    let merged = stage.merge().await.unwrap();
    let Merged::Round { merged: 3, before: Seq(4), head: Seq(5) } = merged else {
        panic!("it was not merged");
    };
    assert_eq!(stage.trunk().await, [1, 11, 500, 10, 12]);
    let records = stage.broker.records_now(&stage.stream).await.unwrap();
    let runs = &records[&stage.branch.name()].runs;
    assert_eq!(runs_text(runs), "4x1,2x1,5x1", "they stand where they were put");
    drop(stage.server);
}

#[tokio::test]
async fn where_much_was_put_since_the_search_goes_on() {
    let mut stage = Stage::with_unsure(&[10, 11, 12]).await;
    stage.put((500..630).chain([11])).await;
    assert!(matches!(stage.merge().await.unwrap(), Merged::Behind));
    assert_eq!(stage.trunk().await.len(), 132, "nothing was put");
    let up_to = stage.searched.up_to;
    let search = stage.broker.find_all(&stage.stream, up_to, &stage.searched.ids).await.unwrap();
    assert_eq!((search.found.len(), search.up_to), (1, Seq(132)));
    stage.searched.found.extend(search.found);
    stage.searched.up_to = search.up_to;
    assert!(matches!(stage.merge().await.unwrap(), Merged::Round { merged: 3, .. }));
    assert_eq!(stage.trunk().await.len(), 134);
    drop(stage.server);
}
