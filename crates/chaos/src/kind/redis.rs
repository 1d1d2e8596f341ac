//! Faults of Redis itself.

use super::{Deed, Kind, Marks, Place, Span};

const RESTARTS: Marks = Marks { cuts: true, restarts: true, ..Marks::NONE };
const LOSES: Marks = Marks { loses: true, ..RESTARTS };

const fn lasting(name: &'static str, weight: u64, marks: Marks, begin: Deed, end: Deed) -> Kind {
    Kind {
        name,
        place: Place::Redis,
        span: Span::Lasts((700, 7_000)),
        weight,
        level: (0, 0),
        marks,
        begin,
        end: Some(end),
    }
}

const fn instant(name: &'static str, weight: u64, marks: Marks, begin: Deed) -> Kind {
    let (place, span, level) = (Place::Redis, Span::Instant, (0, 0));
    Kind { name, place, span, weight, level, marks, begin, end: None }
}

pub(super) const KINDS: &[Kind] = &[
    lasting(
        "redis.stop",
        6,
        Marks::CUTS,
        |field, _| Box::pin(async move { field.redis.pause().await }),
        |field, _| Box::pin(async move { field.redis.go_on().await }),
    ),
    lasting(
        "redis.restart",
        6,
        RESTARTS,
        |field, _| Box::pin(async move { field.redis.kill().await }),
        |field, _| Box::pin(async move { field.redis.run().await }),
    ),
    lasting(
        "redis.empty",
        3,
        LOSES,
        |field, _| Box::pin(async move { field.redis.kill().await }),
        |field, _| Box::pin(async move { field.redis.run_empty().await }),
    ),
    // What is written while it lasts is lost with its end.
    lasting(
        "redis.older",
        3,
        LOSES,
        |field, _| Box::pin(async move { field.redis.snapshot().await }),
        |field, _| Box::pin(async move { field.redis.run_older().await }),
    ),
    lasting(
        "redis.full",
        4,
        Marks::CUTS,
        |field, _| Box::pin(async move { field.redis.tell("CONFIG SET maxmemory 1").await }),
        |field, _| Box::pin(async move { field.redis.tell("CONFIG SET maxmemory 0").await }),
    ),
    lasting(
        "redis.read_only",
        4,
        Marks::CUTS,
        |field, _| Box::pin(async move { field.redis.tell("REPLICAOF 127.0.0.1 1").await }),
        |field, _| Box::pin(async move { field.redis.tell("REPLICAOF NO ONE").await }),
    ),
    instant("redis.kill_pubsub", 4, Marks::CUTS, |field, _| {
        Box::pin(async move { field.redis.tell("CLIENT KILL TYPE pubsub").await })
    }),
    instant("redis.kill_normal", 4, Marks::CUTS, |field, _| {
        Box::pin(async move { field.redis.tell("CLIENT KILL TYPE normal").await })
    }),
    instant("redis.function_flush", 4, Marks::NONE, |field, _| {
        Box::pin(async move { field.redis.tell("FUNCTION FLUSH").await })
    }),
];
