//! Each call on a real server: twice, with a token that was overtaken, and where its log or its copy
//! is not as it was seen.

use std::{sync::Arc, time::Duration};

use event::{
    After, Envelope, Epoch, Event, EventId, ForkKind, Lineage, MonoMs, Payload, Seq, StreamName,
};
use faults::RedisServer;

use super::{Copied, Lease, LeaseWord, Placed, Placing, Round, digest_of};
use crate::{
    Append, Broker, NewEvent, PageLimit, RedisBroker, RedisOptions,
    memory::log::{Log, WindowLimits},
    redis::healing::Offer,
};

const ALL: WindowLimits = WindowLimits { events_max: 1000, age_max: Duration::from_secs(600) };

fn stream() -> StreamName {
    StreamName::thread("moved").unwrap()
}

fn event(number: u64) -> NewEvent {
    let id = EventId::from_bits((1_700_000_000_000 << 80) + u128::from(number));
    let (org_id, event) = ("org_1".parse().unwrap(), "a".parse().unwrap());
    let json = Envelope { id, org_id, event, payload: Payload::empty() }.to_json();
    NewEvent { id, name: "a".parse().unwrap(), json }
}

fn log(events: u64) -> Log {
    let mut log = Log::begin(Lineage::origin(Epoch::from_bits(7)));
    for number in 0..events {
        log.append(Append::one(event(number)), MonoMs(0), &ALL).unwrap();
    }
    log
}

fn events(log: &Log, after: Seq) -> Vec<(Duration, Arc<Event>)> {
    log.kept_after(after).map(|kept| (Duration::ZERO, Arc::clone(&kept.event))).collect()
}

fn round(token: u64, is_anew: bool, after: u64, events: &[(Duration, Arc<Event>)]) -> Round<'_> {
    Round { token, is_anew, after: Seq(after), events, keys: &[] }
}

async fn started() -> (RedisServer, RedisBroker) {
    let server = RedisServer::start().await;
    let broker = RedisBroker::start(RedisOptions::new(&server.url(), ALL)).unwrap();
    (server, broker)
}

fn forked(log: &Log, epoch: u64) -> Log {
    let mut forked = log.clone();
    forked.fork(Epoch::from_bits(epoch), ForkKind::Whole);
    forked
}

#[tokio::test]
async fn a_copy_takes_each_round_once_and_from_one_switch() {
    let (_server, broker) = started().await;
    let (stream, log) = (stream(), log(5));
    let all = events(&log, Seq::ZERO);
    assert_eq!(broker.stage(&stream, &round(5, false, 0, &all)).await, Ok(Copied::Gone));
    assert_eq!(broker.stage(&stream, &round(5, true, 0, &all[..3])).await, Ok(Copied::Up(Seq(3))));
    // The answer was lost, and it is sent again.
    let again = round(5, false, 0, &all[..3]);
    assert_eq!(broker.stage(&stream, &again).await, Ok(Copied::Elsewhere(Seq(3))));
    let rest = round(5, false, 3, &all[3..]);
    assert_eq!(broker.stage(&stream, &rest).await, Ok(Copied::Up(Seq(5))));
    let ours = digest_of(all.iter().map(|(_, event)| &**event));
    let theirs = broker.copy_digest(&stream, Seq(1), Seq(5)).await;
    assert_eq!(theirs, Ok((5, ours)));
    // Another switch begins it anew, and this one is refused from then on.
    assert_eq!(broker.stage(&stream, &round(6, true, 0, &all)).await, Ok(Copied::Up(Seq(5))));
    assert_eq!(broker.stage(&stream, &round(5, true, 0, &all)).await, Ok(Copied::Fenced(6)));
    broker.unstage(&stream, 5).await.unwrap();
    let theirs = broker.copy_digest(&stream, Seq(1), Seq(5)).await.unwrap();
    assert_eq!(theirs.0, 5, "an older switch does not drop a newer one's copy");
    broker.unstage(&stream, 6).await.unwrap();
    assert_eq!(broker.copy_digest(&stream, Seq(1), Seq(5)).await.unwrap().0, 0);
}

#[tokio::test]
async fn a_copy_takes_the_place_of_the_log_once() {
    let (_server, broker) = started().await;
    let (stream, log) = (stream(), log(5));
    let all = events(&log, Seq::ZERO);
    let placed = forked(&log, 8);
    let (lineage, ledger) = (placed.lineage().clone(), placed.ledger());
    let placing =
        Placing { token: 5, seen: None, lineage: &lineage, ledger: &ledger, lost_to: Seq::ZERO };
    assert_eq!(broker.place(&stream, &placing).await, Ok(Placed::Gone));
    broker.stage(&stream, &round(5, true, 0, &all[..3])).await.unwrap();
    assert_eq!(broker.place(&stream, &placing).await, Ok(Placed::Gone), "it is not whole");
    broker.stage(&stream, &round(5, false, 3, &all[3..])).await.unwrap();
    let overtaken = Placing { token: 4, ..placing };
    assert_eq!(broker.place(&stream, &overtaken).await, Ok(Placed::Fenced(5)));
    let Ok(Placed::There(state)) = broker.place(&stream, &placing).await else {
        panic!("it is not there")
    };
    assert_eq!((state.head, state.lineage.current()), (Seq(5), Epoch::from_bits(8)));
    // The answer was lost; meanwhile others append.
    broker.append(&stream, Append::one(event(90))).await.unwrap();
    let again = broker.place(&stream, &placing).await;
    assert!(matches!(again, Ok(Placed::There(state)) if state.head == Seq(6)));
    let page = broker.page(&stream, &After::Oldest, PageLimit::MAX).await.unwrap();
    let places: Vec<_> = page.events.iter().map(|event| event.position.to_string()).collect();
    let ours: Vec<_> = all.iter().map(|(_, event)| event.position.to_string()).collect();
    assert_eq!(places[..5], ours);
    assert_eq!(broker.ledger(&stream).await.unwrap().count, 6);
}

#[tokio::test]
async fn a_log_that_is_not_as_it_was_seen_is_left_alone() {
    let (_server, broker) = started().await;
    let (stream, log) = (stream(), log(5));
    let all = events(&log, Seq::ZERO);
    let placed = forked(&log, 8);
    let (lineage, ledger) = (placed.lineage().clone(), placed.ledger());
    broker.append(&stream, Append::one(event(90))).await.unwrap();
    let seen = broker.stored(&stream).await.unwrap();
    broker.append(&stream, Append::one(event(91))).await.unwrap();
    broker.stage(&stream, &round(5, true, 0, &all)).await.unwrap();
    for seen in [None, seen.as_ref()] {
        let placing =
            Placing { token: 5, seen, lineage: &lineage, ledger: &ledger, lost_to: Seq::ZERO };
        assert_eq!(broker.place(&stream, &placing).await, Ok(Placed::Changed));
    }
    let page = broker.page(&stream, &After::Oldest, PageLimit::MAX).await.unwrap();
    assert_eq!(page.events.len(), 2);
    assert_eq!(broker.stored_streams().await, Ok(vec![stream]));
}

#[tokio::test]
async fn what_was_offered_of_a_log_is_settled_before_a_copy_takes_its_place() {
    let (_server, broker) = started().await;
    let (stream, log, more) = (stream(), log(5), log(8));
    let offered = more.kept_after(Seq::ZERO).map(|kept| Arc::clone(&kept.event)).collect();
    let offer = Offer { lineage: more.lineage(), head: Seq(8), events: offered };
    broker.offer(&stream, &offer).await.unwrap();
    broker.stage(&stream, &round(5, true, 0, &events(&log, Seq::ZERO))).await.unwrap();
    let placed = forked(&log, 8);
    let (lineage, ledger) = (placed.lineage().clone(), placed.ledger());
    let placing =
        Placing { token: 5, seen: None, lineage: &lineage, ledger: &ledger, lost_to: Seq::ZERO };
    assert_eq!(broker.place(&stream, &placing).await, Ok(Placed::Changed));
    let settled = broker.settled(&stream).await.unwrap();
    assert_eq!(settled.map(|state| state.head), Some(Seq(8)), "it is given back first");
    let page = broker.page(&stream, &After::Oldest, PageLimit::MAX).await.unwrap();
    assert_eq!(page.events.len(), 8);
}

#[tokio::test]
async fn the_lease_is_one_replica_s() {
    let (server, broker) = started().await;
    let lasts = Duration::from_secs(60);
    let lease = |word, who: &'static str, token| broker.lease(word, who, lasts, token);
    let Ok(Lease::Held(first)) = lease(LeaseWord::Take, "a", 0).await else { panic!("not held") };
    assert_eq!(lease(LeaseWord::Take, "b", 0).await, Ok(Lease::Busy("a".to_owned())));
    assert_eq!(lease(LeaseWord::Keep, "a", first).await, Ok(Lease::Held(first)));
    assert_eq!(lease(LeaseWord::Leave, "a", first).await, Ok(Lease::Held(first)));
    let Ok(Lease::Held(second)) = lease(LeaseWord::Take, "b", 0).await else { panic!("not held") };
    assert!(second > first);
    assert_eq!(lease(LeaseWord::Keep, "a", first).await, Ok(Lease::Busy("b".to_owned())));
    // A server that lost it gives no smaller token.
    server.command::<()>(&mut redis::cmd("FLUSHALL")).await;
    assert_eq!(lease(LeaseWord::Keep, "b", second).await, Ok(Lease::Held(second)));
    server.command::<()>(&mut redis::cmd("FLUSHALL")).await;
    let Ok(Lease::Held(third)) = lease(LeaseWord::Take, "c", 0).await else { panic!("not held") };
    assert!(third > second);
}
