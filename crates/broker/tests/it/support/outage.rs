//! What readers of several replicas received, against what was acknowledged by any of them.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use broker::{Append, AppendError, Broker, Item, conformance::new_event};
use event::{After, EventId, Position};

use super::{logs::golden_stream, reader::Attached};

/// How long a server may take to be healed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Appends new events one by one, and returns their ids.
pub(crate) async fn publish(broker: &Arc<dyn Broker>, count: usize) -> Vec<EventId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let appended = broker.append(&golden_stream(), Append::one(new_event())).await;
        ids.extend(appended.expect("it is taken").receipts().iter().map(|receipt| receipt.id));
    }
    ids
}

/// Appends as a client does that was told to come again: while a server is healed an append is held,
/// and refused where that takes too long.
pub(crate) async fn publish_once_healed(broker: &Arc<dyn Broker>, count: usize) -> Vec<EventId> {
    let (deadline, mut ids) = (Instant::now() + PATIENCE, Vec::new());
    while ids.len() < count {
        match broker.append(&golden_stream(), Append::one(new_event())).await {
            Ok(appended) => ids.extend(appended.receipts().iter().map(|receipt| receipt.id)),
            Err(AppendError::Unavailable { maybe: false, reason }) => {
                assert!(Instant::now() < deadline, "it is never taken: {reason}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    ids
}

pub(crate) async fn attach(broker: &Arc<dyn Broker>, after: &After) -> Attached {
    Attached::at(broker, &golden_stream(), after).await
}

/// Reads until everything that was acknowledged came, and checks that nothing came twice or
/// unasked, that no gap did, and that the numbers are without a jump.
pub(crate) async fn assert_complete(
    reader: &mut Attached,
    had: &[EventId],
    acknowledged: &[EventId],
) {
    let wanted: HashSet<_> = acknowledged.iter().filter(|id| !had.contains(id)).copied().collect();
    let mut missing = wanted.clone();
    let received = |item: &Item| match item {
        Item::Event(event) => (event.id, event.position),
        Item::Gap(gap) => panic!("a gap: {gap:?}"),
    };
    for item in &reader.items {
        missing.remove(&received(item).0);
    }
    while !missing.is_empty() {
        let (id, _) = received(reader.next().await);
        missing.remove(&id);
    }
    assert_eq!(reader.gaps(), 0, "{:?}", reader.reasons());
    let got: Vec<_> = reader.items.iter().map(received).collect();
    let ids: HashSet<_> = got.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), got.len(), "something came twice: {got:?}");
    assert_eq!(ids, wanted, "something came unasked, or twice over a reconnect");
    let numbers = got.windows(2).all(|pair| pair[0].1.seq.next() == pair[1].1.seq);
    assert!(numbers, "the numbers jump: {got:?}");
}

/// Returns the place of the last event that came.
pub(crate) fn last_place(reader: &Attached) -> Position {
    let Some(Item::Event(event)) = reader.items.last() else { panic!("nothing came") };
    event.position
}

/// Returns the ids of the events that came.
pub(crate) fn ids(reader: &Attached) -> Vec<EventId> {
    let events = reader.items.iter().filter_map(|item| match item {
        Item::Event(event) => Some(event.id),
        Item::Gap(_) => None,
    });
    events.collect()
}
