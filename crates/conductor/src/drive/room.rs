//! A run for which there is no room any more: it stands still, and still can go back.

use std::io::ErrorKind;

use super::{Conductor, DriveError};
use crate::{Event, FolderError, JournalError, Phase};

impl Conductor {
    /// Lets the journal be no longer than that, as if its disk ended there, and keeps so much of it for the
    /// way back.
    #[must_use]
    pub fn with_journal_room(mut self, most: u64, kept: u64) -> Self {
        self.journal = self.journal.with_room(most, kept);
        self
    }

    /// Writes an entry by which the run goes on; where there is no room for it, the run stands still.
    /// Returns whether it was written.
    pub(super) fn append_or_hold(&mut self, event: Event) -> Result<bool, DriveError> {
        match self.append(event, Vec::new()) {
            Ok(()) => Ok(true),
            Err(DriveError::Journal(why @ JournalError::NoRoom)) => {
                let text = format!("Nothing more is begun: {why}.");
                self.trouble(&text);
                if self.state().phase() != Phase::Hold {
                    self.append(Event::Trouble { what: "journal".into(), text }, Vec::new())?;
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns whether a run goes on though something it left behind can't be kept: where the disk is full,
    /// and on the way back.
    pub(super) fn goes_on_without(&self, error: &FolderError) -> bool {
        let is_full = |source: &std::io::Error| {
            matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
        };
        let is_full = matches!(error, FolderError::File { source, .. } if is_full(source));
        is_full || self.state().phase() == Phase::RollingBack
    }

    /// Says that something could not be kept.
    pub(super) fn not_kept(&mut self, error: &FolderError) {
        self.trouble(&with_source(error));
    }
}

/// Returns what a folder's error says, with its cause.
pub(super) fn with_source(error: &FolderError) -> String {
    let source = std::error::Error::source(error).map(|why| format!(": {why}"));
    format!("{error}{}", source.unwrap_or_default())
}
