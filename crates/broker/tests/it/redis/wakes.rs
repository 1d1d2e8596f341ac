//! Wake-ups that carry their event, and those that do not.

use std::{sync::Arc, time::Duration};

use broker::{
    Append, Broker, NewEvent, PageLimit, Receipt, Wake, Watch,
    conformance::{Start, broken_promise, new_event},
};
use event::{After, Envelope, Payload, Position, Seq};
use tokio::{task::JoinSet, time::timeout};

use crate::support::{
    logs::golden_stream,
    reader::Attached,
    redis::{Redis, WIDE, append},
};

/// Far beyond what a wake-up takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The channel of the golden stream's wake-ups.
async fn wake_channel(redis: &Redis) -> String {
    let mut channels = redis::cmd("PUBSUB");
    channels.arg("CHANNELS").arg("*:wake");
    let channels: Vec<String> = redis.server.command(&mut channels).await;
    let [channel] = channels.as_slice() else { panic!("{channels:?}") };
    channel.clone()
}

async fn say(redis: &Redis, channel: &str, message: &[u8]) {
    let mut publish = redis::cmd("PUBLISH");
    let heard: u64 = redis.server.command(publish.arg(channel).arg(message)).await;
    assert!(heard > 0, "nobody heard {}", message.escape_ascii());
}

async fn next(watch: &mut Box<dyn Watch>) -> Wake {
    timeout(PATIENCE, watch.changed()).await.expect("a hint comes")
}

/// Returns the hint that covers a number.
async fn next_through(watch: &mut Box<dyn Watch>, seq: Seq) -> Wake {
    loop {
        match next(watch).await {
            Wake::Head(head) if head < seq => {}
            wake => return wake,
        }
    }
}

/// Begins to watch, knowing the log up to its head.
async fn watching(broker: &Arc<dyn Broker>) -> Box<dyn Watch> {
    let watch = broker.watch(&golden_stream()).await.expect("it is watched");
    let page = broker.page(&golden_stream(), &After::Head, PageLimit::MAX).await;
    page.expect("it is read");
    watch
}

/// Returns an event whose envelope has about so many bytes.
fn event_of(bytes: usize) -> NewEvent {
    let NewEvent { id, name, .. } = new_event();
    let text = format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes));
    let raw = serde_json::value::RawValue::from_string(text).expect("it is JSON");
    let payload = Payload::from_raw(&raw).expect("it is a payload");
    let org_id = "org_conformance".parse().expect("it keeps the grammar");
    let json = Envelope { id, org_id, event: name.clone(), payload }.to_json();
    NewEvent { id, name, json }
}

async fn append_list(broker: &Arc<dyn Broker>, events: Vec<NewEvent>) -> Vec<Receipt> {
    let append = Append { events, idempotency: None };
    let appended = broker.append(&golden_stream(), append).await;
    appended.expect("it is taken").receipts().to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_small_event_comes_with_its_wake_up_to_every_replica() {
    let redis = Redis::start(WIDE).await;
    let replicas: Vec<Arc<dyn Broker>> = vec![redis.broker(), redis.replica().await];
    append(&replicas[0], 1).await;
    let mut watches = [watching(&replicas[0]).await, watching(&replicas[1]).await];
    let mut with_event = 0;
    for turn in 0..20 {
        let receipt = append(&replicas[turn % 2], 1).await[0];
        for watch in &mut watches {
            if let Wake::Event(event) = next_through(watch, receipt.position.seq).await {
                assert_eq!((event.id, event.position), (receipt.id, receipt.position));
                with_event += 1;
            }
        }
    }
    assert!(with_event >= 38, "a hint of the beginning may hide one: {with_event}");
    for events in [vec![new_event(), new_event()], vec![event_of(5000)]] {
        let last = append_list(&replicas[0], events).await.last().unwrap().position.seq;
        for watch in &mut watches {
            let wake = next_through(watch, last).await;
            assert!(matches!(wake, Wake::Head(head) if head == last), "{wake:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_or_not_next_makes_the_log_be_read() {
    let redis = Redis::start(WIDE).await;
    let broker = redis.broker();
    let known = append(&broker, 3).await[2].position;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let mut watch = watching(&broker).await;
    let channel = wake_channel(&redis).await;
    let envelope = String::from_utf8(new_event().json.to_vec()).unwrap();
    let far = Position::new(known.epoch, Seq(known.seq.0 + 5));
    let next_one = Position::new(known.epoch, known.seq.next());
    let messages = [
        (format!("{next_one} {}", &envelope[..envelope.len() - 1]), "unsure"),
        (format!("{next_one} {{}}"), "unsure"),
        (format!("{envelope} {next_one}"), "unsure"),
        ("-".to_owned(), "unsure"),
        (String::new(), "unsure"),
        (known.to_string(), "nothing"),
        (format!("{far} {envelope}"), "head"),
    ];
    for (message, expected) in messages {
        say(&redis, &channel, message.as_bytes()).await;
        match expected {
            "unsure" => assert!(matches!(next(&mut watch).await, Wake::Unsure), "{message}"),
            "head" => {
                let wake = next(&mut watch).await;
                assert!(matches!(wake, Wake::Head(head) if head == far.seq), "{wake:?}");
            }
            _ => tokio::select! {
                wake = watch.changed() => panic!("what is known wakes nobody: {wake:?}"),
                // The server has told the first of them long before it answers the last one.
                () = async {
                    for _ in 0..20 {
                        say(&redis, &channel, message.as_bytes()).await;
                    }
                } => {}
            },
        }
    }
    let mut acknowledged = append(&broker, 5).await;
    reader.through(acknowledged.pop().unwrap().id).await;
    assert_eq!((reader.items.len(), reader.gaps()), (8, 0), "what was said is not there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_far_beyond_the_log_makes_no_reader_deaf() {
    let redis = Redis::start(WIDE).await;
    let broker = redis.broker();
    let known = append(&broker, 3).await[2].position;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let mut watch = watching(&broker).await;
    while reader.items.len() < 3 {
        reader.next().await;
    }
    let channel = wake_channel(&redis).await;
    let far = Position::new(known.epoch, Seq(known.seq.0 + 1000));
    say(&redis, &channel, far.to_string().as_bytes()).await;
    // It is a hint to the reader as well, who looks and finds nothing.
    loop {
        tokio::select! {
            item = reader.next() => panic!("nothing is there: {item:?}"),
            wake = next(&mut watch) => match wake {
                Wake::Head(head) => assert_eq!(head, far.seq),
                // The check of heads has found out.
                _ => break,
            },
        }
    }
    let last = append(&broker, 2).await[1].id;
    reader.through(last).await;
    assert_eq!((reader.items.len(), reader.gaps()), (5, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_of_both_forms_mix_without_loss_repeat_or_disorder() {
    const WRITERS: usize = 4;
    const EACH: usize = 60;
    let redis = Redis::start(WIDE).await;
    let replicas: Vec<Arc<dyn Broker>> = vec![redis.broker(), redis.replica().await];
    let mut readers = Vec::new();
    for replica in replicas.iter().cycle().take(4) {
        readers.push(Attached::at(replica, &golden_stream(), &After::Oldest).await);
    }
    let mut writers = JoinSet::new();
    for (writer, replica) in replicas.iter().cycle().take(WRITERS).enumerate() {
        let replica = Arc::clone(replica);
        writers.spawn(async move {
            let mut receipts = Vec::new();
            for turn in 0..EACH {
                let events = match (turn + writer) % 4 {
                    // As a replica of an earlier version publishes: a place alone.
                    0 => vec![new_event(), new_event(), new_event()],
                    1 => vec![event_of(5000)],
                    _ => vec![new_event()],
                };
                receipts.extend(append_list(&replica, events).await);
            }
            receipts
        });
    }
    let mut reading = JoinSet::new();
    for mut reader in readers {
        reading.spawn(async move {
            while reader.items.len() < WRITERS * EACH * 6 / 4 {
                reader.next().await;
            }
            reader
        });
    }
    let mut acknowledged = writers.join_all().await.concat();
    acknowledged.sort_by_key(|receipt| receipt.position.seq);
    for reader in reading.join_all().await {
        assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
        assert_eq!(reader.gaps(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_on_one_stream_loses_nothing_for_a_reader_that_sleeps_through_it() {
    const WRITERS: usize = 8;
    const EACH: usize = 250;
    let redis = Redis::start(WIDE).await;
    let replicas: Vec<Arc<dyn Broker>> = vec![redis.broker(), redis.replica().await];
    let mut readers = Vec::new();
    for replica in &replicas {
        readers.push(Attached::at(replica, &golden_stream(), &After::Oldest).await);
    }
    let mut writers = JoinSet::new();
    for replica in replicas.iter().cycle().take(WRITERS) {
        let replica = Arc::clone(replica);
        writers.spawn(async move { append(&replica, EACH).await });
    }
    let mut acknowledged = writers.join_all().await.concat();
    acknowledged.sort_by_key(|receipt| receipt.position.seq);
    assert_eq!(acknowledged.len(), WRITERS * EACH);
    for reader in &mut readers {
        reader.through(acknowledged.last().unwrap().id).await;
        assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
        assert_eq!(reader.gaps(), 0);
    }
}
