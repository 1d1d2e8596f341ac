//! What can go wrong, one type for each operation.
//!
//! Owns the words. Must not know HTTP.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::seq::Seq;

/// Why a journal could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the journal in {} is in use by another process; stop that one first", folder.display())]
    InUse {
        /// Where it is.
        folder: PathBuf,
    },
    /// A limit makes no sense.
    #[error("the journal's option {option} {problem}")]
    Option {
        /// Which.
        option: &'static str,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A segment was written by a newer version.
    #[error("the journal's segment {} has format {version}, which is not known here; run the version that wrote it", path.display())]
    Version {
        /// The segment.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// The file system failed.
    #[error("the journal in {} could not be opened: {doing}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
}

/// Why a group was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The queue has no room for it now.
    #[error("the storage queue is full")]
    Full,
    /// The journal is closing.
    #[error("the storage queue is closed")]
    Closed,
    /// It would not fit into an empty queue, or holds no record.
    #[error("a group has {records} records and {bytes} bytes, which the storage queue never takes")]
    TooLarge {
        /// How many records it has.
        records: usize,
        /// How many bytes it takes.
        bytes: usize,
    },
}

/// Why a tail can't go on.
#[derive(Debug, Error)]
pub enum TailError {
    /// The journal is closed, and all that it held was read.
    #[error("the journal is closed")]
    Closed,
    /// What was to be read next is not kept any more.
    #[error("record {wanted} is not kept any more; the first one that is: {first}")]
    Removed {
        /// What was wanted.
        wanted: Seq,
        /// What is there.
        first: Seq,
    },
    /// The file system failed; reading can be tried again.
    #[error("the journal could not be read")]
    Io(#[source] io::Error),
}

/// Why a sink could not be attached.
#[derive(Debug, Error)]
pub enum AttachError {
    /// The journal was opened without it, so its data was not kept for it.
    #[error("the sink {0} is not among the sinks that the journal was opened with")]
    Unknown(String),
    /// It is attached already.
    #[error("the sink {0} is attached already")]
    Twice(String),
}
