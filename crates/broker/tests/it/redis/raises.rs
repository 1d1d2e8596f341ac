//! Logs that go on behind a number that was given elsewhere.

use std::sync::Arc;

use broker::{Append, Appended, Broker, PageLimit, conformance::new_event};
use event::{After, GapReason, Seq};

use crate::support::{
    logs::{golden_stream, key_numbered},
    reader::Attached,
    redis::WIDE,
    replica::Replica,
};

async fn append(broker: &Arc<dyn Broker>, key: Option<u8>) -> Appended {
    let append = Append { events: vec![new_event()], idempotency: key.map(key_numbered) };
    broker.append(&golden_stream(), append).await.expect("it is taken")
}

fn seq(appended: &Appended) -> u64 {
    appended.receipts()[0].position.seq.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raised_log_goes_on_there_on_every_replica() {
    let stage = Replica::start_with(WIDE, |options| options.strict = true).await;
    let other = stage.another().await;
    let brokers: [Arc<dyn Broker>; 2] = [stage.broker(), Arc::clone(&other) as Arc<dyn Broker>];
    let stream = golden_stream();
    // A log that there is not yet, raised by both at once.
    let (one, two) =
        tokio::join!(stage.broker.raise(&stream, Seq(40)), other.raise(&stream, Seq(41)));
    one.and(two).expect("it is raised");
    assert_eq!(brokers[0].head(&stream).await.expect("it answers").seq, Seq(41));
    let keyed = append(&brokers[0], Some(1)).await;
    assert_eq!(seq(&keyed), 42);
    assert_eq!(seq(&append(&brokers[1], None).await), 43);
    let mut reader = Attached::at(&brokers[1], &stream, &After::Head).await;
    // One that has come so far stays as it is.
    stage.broker.raise(&stream, Seq(43)).await.expect("it is so");
    assert_eq!(seq(&append(&brokers[0], None).await), 44);
    other.raise(&stream, Seq(100)).await.expect("it is raised");
    let appended = append(&brokers[0], None).await;
    assert_eq!(seq(&appended), 101);
    // What keys did stays; who was attached is told of the hole.
    let again = append(&brokers[1], Some(1)).await;
    assert!(matches!(&again, Appended::Replayed(_)) && again.receipts() == keyed.receipts());
    reader.through(appended.receipts()[0].id).await;
    assert_eq!(reader.gaps(), 1);
    let page = brokers[0].page(&stream, &After::Oldest, PageLimit::MAX).await;
    let page = page.expect("it answers");
    let seqs: Vec<_> = page.events.iter().map(|event| event.position.seq.0).collect();
    assert_eq!(seqs, [101]);
    let place = keyed.receipts()[0].position;
    let page = brokers[1].page(&stream, &After::At(place), PageLimit::MAX).await;
    let gap = page.expect("it answers").gap.expect("it is told");
    assert_eq!(gap.reason, GapReason::DataLoss);
}
