//! What a run can do, kind by kind: how often, for how long, how it begins and how it is mended.
//!
//! To add a kind of action, write a file beside `kind/redis.rs` with a `KINDS` of its own, and name it
//! in [`KINDS`] here; plan, run, verdict and report know kinds by what stands in them alone.

pub(crate) mod backend;
mod redis;
mod replica;
mod traffic;
mod way;

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{act::Act, field::Field};

/// All kinds, by family. Their order is part of what a seed means.
pub(crate) const KINDS: &[&[Kind]] =
    &[way::KINDS, redis::KINDS, replica::KINDS, traffic::KINDS, backend::KINDS];

/// A kind of action.
#[derive(Debug)]
pub(crate) struct Kind {
    /// What plans call it.
    pub(crate) name: &'static str,
    /// What no two actions share at one time.
    pub(crate) place: Place,
    pub(crate) span: Span,
    /// How often it is drawn, beside the others.
    pub(crate) weight: u64,
    /// The least and the greatest of what the kind takes its level for.
    pub(crate) level: (u64, u64),
    pub(crate) marks: Marks,
    pub(crate) begin: Deed,
    /// How it is mended, where there is something to mend.
    pub(crate) end: Option<Deed>,
}

/// What no two actions share at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The way of one replica to Redis, or of all.
    Way,
    /// Redis.
    Redis,
    /// A replica.
    Replica,
    /// What owns the streams of a replica.
    Backend,
    /// Publishers and readers, of which there are many.
    Traffic,
}

/// How long an action lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Instant,
    /// From so many milliseconds to so many.
    Lasts((u64, u64)),
}

/// What an action can explain of what readers are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// A replica may take Redis for lost, and branch off.
    pub(crate) cuts: bool,
    /// Redis begins again.
    pub(crate) restarts: bool,
    /// Redis comes back with less than it had.
    pub(crate) loses: bool,
    /// A replica is killed.
    pub(crate) kills: bool,
    /// A replica is away.
    pub(crate) absent: bool,
    /// A replica has its streams in its own memory.
    pub(crate) parts: bool,
}

impl Marks {
    const NONE: Marks = Marks {
        cuts: false,
        restarts: false,
        loses: false,
        kills: false,
        absent: false,
        parts: false,
    };
    const CUTS: Marks = Marks { cuts: true, ..Marks::NONE };
}

/// What came of a deed: what is to be noted, or why it was left out.
pub(crate) type Done = Result<String, String>;

/// A deed of a kind.
pub(crate) type Deed = fn(Arc<Field>, Act) -> Pin<Box<dyn Future<Output = Done> + Send>>;

/// Returns all kinds.
pub(crate) fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().flat_map(|kinds| kinds.iter())
}

impl Kind {
    /// Returns the kind of an action.
    pub(crate) fn of(act: &Act) -> Option<&'static Kind> {
        kinds().find(|kind| kind.name == act.kind)
    }
}

/// Returns that a deed went as it should, with nothing to note.
fn done() -> Done {
    Ok(String::new())
}
