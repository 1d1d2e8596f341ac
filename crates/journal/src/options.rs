//! How a journal is opened.
//!
//! Owns the limits and their defaults. Must not know where settings come from.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::disk::{Disk, RealDisk};
use crate::error::OpenError;
use crate::observer::{NoObserver, Observer};

/// Limits of a journal and where it is.
#[derive(Clone)]
pub struct Options {
    /// The folder that holds it; made where it is missing.
    pub folder: PathBuf,
    /// A segment that is this long is followed by a new one.
    pub segment_bytes_max: u64,
    /// Most bytes of all segments; at least four segments.
    pub log_bytes_max: u64,
    /// The newest records that are kept even when every sink has them.
    pub retain_records: u64,
    /// Most records that wait for the disk.
    pub queue_records_max: usize,
    /// Most bytes that wait for the disk.
    pub queue_bytes_max: usize,
    /// Most bytes for one fsync.
    pub flush_bytes_max: usize,
    /// Most bytes of written groups that are held for readers at the end of the log.
    pub recent_bytes_max: usize,
    /// The longest wait between two attempts to write to a disk that fails.
    pub retry_delay_max: Duration,
    /// The sinks whose data is never removed before they took it.
    pub sinks: Vec<String>,
    /// The file system.
    pub disk: Arc<dyn Disk>,
    /// Who is told of each group that got written.
    pub observer: Arc<dyn Observer>,
}

impl Options {
    /// A journal in `folder` with usual limits and no sink.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            segment_bytes_max: 64 << 20,
            log_bytes_max: 16 << 30,
            retain_records: 1_000_000,
            queue_records_max: 100_000,
            queue_bytes_max: 64 << 20,
            flush_bytes_max: 4 << 20,
            recent_bytes_max: 16 << 20,
            retry_delay_max: Duration::from_secs(5),
            sinks: Vec::new(),
            disk: Arc::new(RealDisk),
            observer: Arc::new(NoObserver),
        }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let wrong = |option, problem: String| Err(OpenError::Option { option, problem });
        let queue = self.queue_bytes_max as u64;
        let log_min = self.segment_bytes_max.saturating_mul(4).saturating_add(queue * 2);
        if self.segment_bytes_max == 0 {
            return wrong("segment_bytes_max", "is 0; give it at least 1".to_owned());
        }
        if self.log_bytes_max < log_min {
            let problem = "must hold four segments and twice the queue";
            return wrong("log_bytes_max", format!("{problem}; give it at least {log_min}"));
        }
        if self.queue_records_max == 0 || self.queue_bytes_max == 0 || self.flush_bytes_max == 0 {
            return wrong("queue", "has a limit of 0; give each at least 1".to_owned());
        }
        let is_name = |name: &&String| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            !name.is_empty() && name.len() <= 100 && name.bytes().all(plain)
        };
        match self.sinks.iter().find(|name| !is_name(name)) {
            Some(name) => wrong("sinks", format!("has {name:?}; use letters, digits, - and _")),
            None => Ok(()),
        }
    }
}
