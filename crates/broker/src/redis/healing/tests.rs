//! A log that is settled with holes, on a real server: its account is that of what there is, also
//! once it is folded, and its holes are known.

use std::time::Duration;

use event::{After, Envelope, Epoch, EventId, GapReason, MonoMs, Payload, RollingHash};
use faults::RedisServer;

use super::*;
use crate::{
    Append, Broker, NewEvent, PageLimit, RedisOptions,
    holes::Hole,
    memory::log::{Log, WindowLimits},
};

const ALL: WindowLimits = WindowLimits { events_max: 1000, age_max: Duration::from_secs(600) };

fn event(number: u64) -> NewEvent {
    let id = EventId::from_bits((1_700_000_000_000 << 80) + u128::from(number));
    let (org_id, event) = ("org_1".parse().unwrap(), "a".parse().unwrap());
    let json = Envelope { id, org_id, event, payload: Payload::empty() }.to_json();
    NewEvent { id, name: "a".parse().unwrap(), json }
}

#[tokio::test]
async fn a_log_with_holes_has_an_account_of_what_there_is() {
    let server = RedisServer::start().await;
    let broker = RedisBroker::start(RedisOptions::new(&server.url(), ALL)).unwrap();
    broker.until_connected(true).await;
    let run = broker.run().expect("it is connected");
    let stream = StreamName::thread("holed").unwrap();
    let mut log = Log::begin(Lineage::origin(Epoch::from_bits(7)));
    for number in 1..=9 {
        log.append(Append::one(event(number)), MonoMs(0), &ALL).unwrap();
    }
    let kept: Vec<_> = log.kept_after(Seq::ZERO).map(|kept| Arc::clone(&kept.event)).collect();
    // One replica has the first three and the fifth, another the newest two.
    for numbers in [&[1, 2, 3, 5][..], &[8, 9]] {
        let events = numbers.iter().map(|number| Arc::clone(&kept[number - 1])).collect();
        let offer = Offer { lineage: log.lineage(), head: Seq(9), events };
        broker.offer(&stream, &offer).await.unwrap();
    }
    broker.settle_log(&run, &stream, Who::Everybody).await.unwrap();
    let stored = broker.stored_log(&stream).await.unwrap().expect("it is there");
    let hole = |first, last| Hole { first: Seq(first), last: Seq(last) };
    assert_eq!(stored.holes, [hole(4, 4), hole(6, 7)]);
    assert_eq!(stored.state.head, Seq(9));

    let names = broker.naming.of(&stream);
    for round in 0..3 {
        broker.append(&stream, Append::one(event(10 + round))).await.unwrap();
        let there = [1, 2, 3, 5, 8, 9].into_iter().chain(10..=10 + round);
        let hash = there.clone().fold(RollingHash::default(), |hash, number| {
            hash.and(Seq(number), &event(number).json)
        });
        let ledger = broker.ledger(&stream).await.unwrap();
        assert_eq!((ledger.first, ledger.count), (Seq(1), there.count() as u64), "{round}");
        assert_eq!(ledger.hash, hash, "after {round} foldings");
        broker.fold(&stream, &names).await.unwrap();
        let again = broker.ledger(&stream).await.unwrap();
        assert_eq!((again.count, again.hash), (ledger.count, ledger.hash), "{round}");
    }

    // A cursor before a hole is told how much is missing; one behind it goes on exactly.
    let page = |seq| {
        let at = log.lineage().position_at(Seq(seq));
        let (broker, stream) = (&broker, &stream);
        async move { broker.page(stream, &After::At(at), PageLimit::MAX).await.unwrap() }
    };
    for (after, first, missed) in [(3, 5, Some(1)), (4, 5, None), (5, 8, Some(2)), (6, 8, Some(1))]
    {
        let page = page(after).await;
        let told = page.gap.as_ref().map(|gap| (gap.reason, gap.missed));
        assert_eq!(told, missed.map(|missed| (GapReason::DataLoss, Some(missed))), "{after}");
        assert_eq!(page.events[0].position.seq, Seq(first), "{after}");
    }
}
