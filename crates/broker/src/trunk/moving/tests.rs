//! A log of another backend that becomes a branch of the trunk, on a real server.

use std::{sync::Arc, time::Duration};

use event::{After, Envelope, Epoch, EventId, Lineage, MonoMs, Payload, Seq, StreamName};
use faults::RedisServer;

use super::ToMerge;
use crate::{
    Append, Broker, NewEvent, PageLimit, RedisOptions, ReplicaBroker, ReplicaOptions, SystemClock,
    memory::log::{Log, WindowLimits},
};

const ALL: WindowLimits = WindowLimits { events_max: 4000, age_max: Duration::from_secs(600) };

fn event(number: u64) -> NewEvent {
    let id = EventId::from_bits((1_700_000_000_000 << 80) + u128::from(number));
    let (org_id, event) = ("org_1".parse().unwrap(), "a".parse().unwrap());
    let json = Envelope { id, org_id, event, payload: Payload::empty() }.to_json();
    NewEvent { id, name: "a".parse().unwrap(), json }
}

fn append(log: &mut Log, numbers: std::ops::Range<u64>) {
    for number in numbers {
        log.append(Append::one(event(number)), MonoMs(0), &ALL).unwrap();
    }
}

fn moved<'a>(stream: &'a StreamName, log: &'a Log) -> ToMerge<'a> {
    ToMerge { stream, log, shared: Seq::ZERO, epoch: Epoch::from_bits(8) }
}

#[tokio::test]
async fn most_of_a_log_is_merged_before_its_owner_has_to_wait() {
    let server = RedisServer::start().await;
    let options = RedisOptions::new(&server.url(), ALL);
    let options = ReplicaOptions::new(options, Arc::new(SystemClock::new()));
    let replica = ReplicaBroker::start(options).unwrap();
    replica.until_up().await;
    let stream = StreamName::thread("moved").unwrap();
    for number in 0..3 {
        replica.append(&stream, Append::one(event(10_000 + number))).await.unwrap();
    }
    let mut log = Log::begin(Lineage::origin(Epoch::from_bits(7)));
    append(&mut log, 0..1500);
    let head = async || replica.trunk().head_now(&stream).await.unwrap().seq;
    replica.merge_ahead(&moved(&stream, &log)).await.unwrap();
    assert_eq!(head().await, Seq(1503), "all that there is");
    assert_eq!(replica.spool_events(), 0);
    // A further try has nothing to do, and what came meanwhile is the rest.
    append(&mut log, 1500..1510);
    replica.merge_ahead(&moved(&stream, &log)).await.unwrap();
    assert_eq!(head().await, Seq(1513));
    append(&mut log, 1510..1520);
    replica.merge_log(&moved(&stream, &log), MonoMs(0)).await.unwrap();
    assert_eq!(head().await, Seq(1523), "each once");
    assert_eq!((replica.spool_events(), replica.core.has_branches()), (0, false));
    // Each cursor of the log goes on behind what its reader has had.
    for had in [1, 700, 1500, 1515, 1520] {
        let place = After::At(log.lineage().position_at(Seq(had)));
        let page = replica.page(&stream, &place, PageLimit::MAX).await.unwrap();
        let next = page.events.first().map(|event| event.id);
        let expected = if had < 1520 { event(had).id } else { event(10_000).id };
        assert_eq!((page.gap.is_none(), next), (true, Some(expected)), "{had}");
    }
}
