//! A replica of the server that ends, in order or not, and comes back in the same folder.

use std::sync::Arc;

use super::{Deed, Done, Kind, Marks, Place, Span};
use crate::{act::Act, field::Field};

const fn away(name: &'static str, weight: u64, marks: Marks, begin: Deed) -> Kind {
    Kind {
        name,
        place: Place::Replica,
        span: Span::Lasts((500, 6_000)),
        weight,
        level: (0, 0),
        marks,
        begin,
        end: Some(|field, act| Box::pin(start(field, act))),
    }
}

pub(super) const KINDS: &[Kind] = &[
    away("replica.term", 7, Marks { absent: true, ..Marks::NONE }, |field, act| {
        Box::pin(async move { field.replicas[act.replica.unwrap_or(0)].terminate().await })
    }),
    away("replica.kill", 7, Marks { absent: true, kills: true, ..Marks::NONE }, |field, act| {
        Box::pin(async move { field.replicas[act.replica.unwrap_or(0)].kill().await })
    }),
];

async fn start(field: Arc<Field>, act: Act) -> Done {
    field.replicas[act.replica.unwrap_or(0)].start().await
}
