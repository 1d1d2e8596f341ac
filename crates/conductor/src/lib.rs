//! The conductor of a run: its journal, and the state that follows from the journal alone.
//!
//! Owns: the format of journals (`docs/journal.md`), their file, the rules by which a run goes on, and
//! how a run is shown, while it goes on and as a record.
//! Must not know: how a router or a broker works, what a step does. Pure but for `file`, which writes
//! and reads the journal's file.

mod entry;
mod export;
mod file;
mod journal;
mod live;
pub mod report;
mod sample;
mod shown;
mod state;
pub mod view;
mod world;

pub use self::{
    entry::{Effect, Ending, Entry, Event},
    export::{ExportError, RunRecord, export},
    file::{Journal, JournalError},
    journal::{Damage, DamageKind, JournalRead, Tip, encode, read},
    live::{Live, LiveClocks, LiveGuard, LiveNext, LiveStep, LiveWait},
    sample::Sample,
    state::{JournalView, Phase, Refused, State, Status},
    world::{
        Artefact, Done, Found, LeaseError, NoSight, Notice, Pace, PaceError, Pending, Sighting,
        TrafficShare, Work, World, guards_of,
    },
};
