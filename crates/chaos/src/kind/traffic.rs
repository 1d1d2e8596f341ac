//! What publishers and readers do beyond their ordinary traffic.

use super::{Deed, Kind, Marks, Place, Span, done};
use crate::load::{Order, Work};

const fn traffic(name: &'static str, weight: u64, level: (u64, u64), begin: Deed) -> Kind {
    let (place, span, marks) = (Place::Traffic, Span::Instant, Marks::NONE);
    Kind { name, place, span, weight, level, marks, begin, end: None }
}

pub(super) const KINDS: &[Kind] = &[
    // Events, without a pause.
    traffic("publish.burst", 5, (50, 400), |field, act| {
        Box::pin(async move {
            field.load.ask(Work::Burst, act.level);
            done()
        })
    }),
    // Lists of several events.
    traffic("publish.lists", 5, (3, 30), |field, act| {
        Box::pin(async move {
            field.load.ask(Work::Lists, act.level);
            done()
        })
    }),
    // Events that were acknowledged, sent again under their keys.
    traffic("publish.retries", 5, (3, 30), |field, act| {
        Box::pin(async move {
            field.load.ask(Work::Retries, act.level);
            done()
        })
    }),
    // Percent of readers that come back at once, to another replica.
    traffic("readers.storm", 6, (30, 100), |field, act| {
        Box::pin(async move {
            field.load.order(Order::Move { round: act.id as u64, percent: act.level });
            done()
        })
    }),
    // The same, over the other transport.
    traffic("readers.switch", 3, (20, 80), |field, act| {
        Box::pin(async move {
            field.load.order(Order::Switch { round: act.id as u64, percent: act.level });
            done()
        })
    }),
    // Milliseconds for which a third of the readers stop reading.
    traffic("readers.slow", 5, (500, 6_000), |field, act| {
        Box::pin(async move {
            field.load.order(Order::Rest { round: act.id as u64, percent: 35, ms: act.level });
            done()
        })
    }),
];
