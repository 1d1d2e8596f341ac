//! Removes segments that nobody needs any more.
//!
//! Owns when: every sink has passed it, and the newest records to keep lie behind it or the log is
//! at its limit. What a sink still needs is never removed: the log is full then.

use crate::segment;
use crate::seq::Seq;
use crate::shared::Shared;

/// The limits.
pub(crate) struct Retention {
    pub(crate) log_bytes_max: u64,
    pub(crate) retain_records: u64,
}

impl Retention {
    /// Removes what can go; fails where `bytes` more would pass the limit even so.
    pub(crate) fn make_room(&self, shared: &Shared, next: Seq, bytes: u64) -> Result<(), String> {
        let mut removed = false;
        while let Some((oldest, behind)) = shared.segments.oldest() {
            let is_full = shared.segments.bytes() + bytes > self.log_bytes_max;
            let is_old = next.get() - behind.get() >= self.retain_records;
            if !(is_full || is_old) || shared.positions.needs(behind) {
                break;
            }
            let path = segment::path(&shared.folder, oldest.first);
            if let Err(failed) = shared.disk.remove(&path) {
                return Err(format!("an old segment could not be removed: {failed}"));
            }
            shared.segments.remove(oldest.first);
            removed = true;
        }
        if removed {
            let synced = shared.disk.sync_folder(&shared.folder);
            synced.map_err(|failed| format!("the log's folder could not be written: {failed}"))?;
        }
        let kept = shared.segments.bytes();
        if kept + bytes > self.log_bytes_max {
            let sinks = shared.positions.slowest();
            return Err(format!(
                "the log has {kept} bytes, its limit is {}; not taken yet by: {sinks}",
                self.log_bytes_max
            ));
        }
        Ok(())
    }
}
