//! The conductor of a run: its journal, the state that follows from the journal alone, what is due, and
//! the loop that does it.
//!
//! Owns: the format of journals (`docs/journal.md`), the rules by which a run goes on, a run's folder,
//! the order in which things happen, and how a run is shown, while it goes on and as a record. Must not
//! know: how a router or a broker works, what a step does; a `World` does. Pure but for `file`, `folder`,
//! `kept` and `inbox`, which read and write files, and `drive`, which waits.

mod drive;
mod entry;
mod export;
mod file;
mod folder;
mod inbox;
mod journal;
mod kept;
#[cfg(test)]
mod kit;
mod live;
mod next;
mod onlooker;
pub mod report;
mod room;
mod sample;
mod shown;
mod state;
pub mod view;
mod watch;
mod world;

pub use self::{
    drive::{ActsOn, Conductor, DriveError, DriveSettings, OnEntry, WallClock},
    entry::{Effect, Ending, Entry, Event, Witness},
    export::{ExportError, RunRecord, Stated, export, export_what_is_there, export_with},
    file::{Journal, JournalError},
    folder::{FolderError, RunFolder, RunInfo, is_run_name},
    inbox::{Answer, Inbox, Request, RequestName},
    journal::{Damage, DamageKind, JournalRead, Tip, encode, read},
    kept::Kept,
    live::{Live, LiveChoice, LiveClocks, LiveGuard, LiveNext, LiveStep, LiveWait},
    next::{Next, Times, Wait, due, next},
    onlooker::{By, Onlooker, OnlookerError, Word},
    sample::Sample,
    state::{JournalView, Phase, Refused, State, Status},
    watch::{Watch, WatchError},
    world::{
        Artefact, BackClocks, Done, Found, LeaseError, LeftOver, NoSight, Notice, Pace, PaceError,
        Pending, Sighting, TrafficShare, Work, World, guards_of,
    },
};
