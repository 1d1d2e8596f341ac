//! Faults of the way between a replica and Redis: each toxic of the proxy, and a closed door.

use std::{sync::Arc, time::Duration};

use faults::{Direction, Toxic};

use super::{Deed, Done, Kind, Marks, Place, Span, done};
use crate::{act::Act, field::Field};

/// A toxic on one way or on all, drawn twice as often on average as a kind of another family.
const fn toxic(name: &'static str, level: (u64, u64), begin: Deed) -> Kind {
    Kind {
        name,
        place: Place::Way,
        span: Span::Lasts((1_000, 8_000)),
        weight: 3,
        level,
        marks: Marks::CUTS,
        begin,
        end: Some(|field, act| Box::pin(heal(field, act))),
    }
}

pub(super) const KINDS: &[Kind] = &[
    // Milliseconds of delay.
    toxic("way.latency", (20, 400), |field, act| {
        let latency = Duration::from_millis(act.level);
        Box::pin(harm(field, act, Toxic::Latency { latency, jitter: latency / 2 }))
    }),
    // KB/s.
    toxic("way.bandwidth", (20, 200), |field, act| {
        let rate = act.level;
        Box::pin(harm(field, act, Toxic::Bandwidth { rate }))
    }),
    // Milliseconds for which an end is kept back.
    toxic("way.slow_close", (100, 3_000), |field, act| {
        let delay = Duration::from_millis(act.level);
        Box::pin(harm_and_cut(field, act, Toxic::SlowClose { delay }))
    }),
    // Milliseconds until the connection is cut; none is a black hole for as long as it lasts.
    toxic("way.timeout", (0, 1), |field, act| {
        let timeout = Duration::from_millis(act.level * 1_500);
        Box::pin(harm(field, act, Toxic::Timeout { timeout }))
    }),
    toxic("way.reset_peer", (0, 800), |field, act| {
        let timeout = Duration::from_millis(act.level);
        Box::pin(harm(field, act, Toxic::ResetPeer { timeout }))
    }),
    // Bytes of a piece.
    toxic("way.slicer", (3, 40), |field, act| {
        let average_size = usize::try_from(act.level).unwrap_or(usize::MAX);
        let (size_variation, delay) = (average_size / 2, Duration::from_micros(200));
        Box::pin(harm(field, act, Toxic::Slicer { average_size, size_variation, delay }))
    }),
    // Bytes until the connection is cut.
    toxic("way.limit_data", (200, 20_000), |field, act| {
        let bytes = act.level;
        Box::pin(harm(field, act, Toxic::LimitData { bytes }))
    }),
    toxic("way.half_open", (0, 0), |field, act| {
        Box::pin(harm_and_cut(field, act, Toxic::HalfOpen))
    }),
    Kind {
        end: Some(|field, act| Box::pin(open(field, act))),
        ..toxic("way.down", (0, 0), |field, act| Box::pin(close(field, act)))
    },
];

async fn harm(field: Arc<Field>, act: Act, toxic: Toxic) -> Done {
    let direction = if act.upstream { Direction::Upstream } else { Direction::Downstream };
    field.ways(act.replica).for_each(|way| way.set(&name(&act), direction, toxic));
    Ok(format!("{toxic:?} {direction:?}"))
}

/// As [`harm`]; then Redis ends the connections, which the toxic keeps from being heard of.
async fn harm_and_cut(field: Arc<Field>, act: Act, toxic: Toxic) -> Done {
    let back = Direction::Downstream;
    field.ways(act.replica).for_each(|way| way.set(&name(&act), back, toxic));
    // Where Redis is away, it has no connections either.
    let cut = field.redis.tell("CLIENT KILL TYPE normal").await;
    Ok(format!("{toxic:?}, cut {}", cut.unwrap_or_default()))
}

async fn heal(field: Arc<Field>, act: Act) -> Done {
    field.ways(act.replica).for_each(|way| way.remove(&name(&act)));
    done()
}

async fn close(field: Arc<Field>, act: Act) -> Done {
    for way in field.ways(act.replica) {
        way.disable().await;
    }
    done()
}

async fn open(field: Arc<Field>, act: Act) -> Done {
    for way in field.ways(act.replica) {
        way.enable().await;
    }
    done()
}

fn name(act: &Act) -> String {
    format!("act-{}", act.id)
}
