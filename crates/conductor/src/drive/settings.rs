//! How a run is carried out, and why it can't be carried out further.

use std::{sync::Arc, time::Duration};

use evidence::Hash;
use jiff::Timestamp;

use crate::{FolderError, JournalError, LeaseError, LeftOver, Pace};

/// How a run is carried out.
#[derive(Clone, Debug)]
pub struct DriveSettings {
    /// T0, where the plan has times.
    pub t0: Option<Timestamp>,
    /// How much faster than planned waiting times pass.
    pub pace: Pace,
    /// How much later than it is due a step may begin without people being asked, as planned.
    pub grace: Duration,
    /// For how long the run may act without renewing its lease: after that the canary is taken out of
    /// the traffic without it.
    pub lease: Duration,
    /// What is called with the length of the journal each time that an entry is on disk, before anything
    /// follows from it.
    pub on_entry: Option<OnEntry>,
}

/// What is called when an entry is on disk.
#[derive(Clone)]
pub struct OnEntry(pub Arc<dyn Fn(u64) + Send + Sync>);

impl std::fmt::Debug for OnEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnEntry")
    }
}

/// A run that can't be carried out further.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The journal can't be written or read.
    #[error("the journal")]
    Journal(#[from] JournalError),
    /// Another file of the run can't be.
    #[error("the run's folder")]
    Folder(#[from] FolderError),
    /// Another run acts on the same.
    #[error("the lease")]
    Lease(#[from] LeaseError),
    /// What a process that is gone left running can't be ended.
    #[error("{0}")]
    LeftOver(#[from] LeftOver),
    /// What the run acts on has another description than it had.
    #[error(
        "what the run acts on was changed since it began: its description had the sha256 {was} and has {is}"
    )]
    OtherWorld {
        /// What it had.
        was: Hash,
        /// What it has.
        is: Hash,
    },
    /// A guard of the plan makes no sense.
    #[error("a guard")]
    Guard(#[from] crate::WatchError),
    /// No JSON can be made of the plan.
    #[error("the plan can't be written as JSON")]
    Json(#[from] serde_json::Error),
    /// It was told to stop: the run stays as it is.
    #[error("it was interrupted; the run stays as it is, and `resume` goes on with it")]
    Stopped,
}
