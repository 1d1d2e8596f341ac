//! The conductor of a run: its journal, and the state that follows from the journal alone.
//!
//! Owns: the format of journals (`docs/journal.md`), their file, and the rules by which a run goes on.
//! Must not know: how a router or a broker works, what a step does. Pure but for `file`, which writes
//! and reads the journal's file.

mod entry;
mod export;
mod file;
mod journal;
mod state;

pub use self::{
    entry::{Entry, Event, Happened, How},
    export::{ExportError, Run, export},
    file::{Journal, JournalError},
    journal::{Damage, Read, Tip, Why, encode, read},
    state::{Log, Phase, Refused, State, Status},
};
