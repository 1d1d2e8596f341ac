//! Which replicas this one was last with, kept in the spool over its processes.
//!
//! A server to which nobody came before is a new one, or one that was emptied while those who know
//! what it had are on their way. A process that was there itself remembers them; one that begins can't,
//! and would begin logs before the others gave theirs back. So each process leaves here whom it was
//! with, and the next one waits for them where it comes first.
//!
//! They are kept by the part of their names that outlives their processes. One of them that began
//! anew as well has nothing to give, and is not waited for either.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use super::Core;
use crate::memory::state_dir::files;

/// The file's name in the spool.
const FILE: &str = "members";

/// Most members that are waited for, and so remembered.
const MEMBERS_MAX: usize = 1024;

/// Those that this replica was with.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// `None` where nothing outlives the process.
    file: Option<PathBuf>,
    /// As the file has them.
    kept: Mutex<BTreeSet<String>>,
}

impl Members {
    /// Reads what an earlier process left in a spool.
    pub(super) fn read(spool: &Path) -> io::Result<Self> {
        let file = spool.join(FILE);
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let kept = text.lines().take(MEMBERS_MAX).map(str::to_owned).collect();
        Ok(Members { file: Some(file), kept: Mutex::new(kept) })
    }

    /// Returns those that it was last with.
    pub(super) fn last(&self) -> BTreeSet<String> {
        self.kept.lock().clone()
    }

    /// Keeps those that it is with now.
    ///
    /// Blocks on the disk where they are others than before.
    fn keep(&self, now: BTreeSet<String>) {
        let Some(file) = &self.file else { return };
        let mut kept = self.kept.lock();
        if *kept == now {
            return;
        }
        let text: String = now.iter().map(|member| format!("{member}\n")).collect();
        match files::write_whole(file, text.as_bytes()) {
            Ok(()) => *kept = now,
            // It is tried again with the next look; until then more or less is waited for.
            Err(error) => tracing::warn!(%error, "the other replicas' names could not be saved"),
        }
    }
}

impl Core {
    /// Keeps those that were there when Redis was last asked, for the process that comes after.
    pub(super) async fn keep_members(self: &Arc<Self>) {
        let now: BTreeSet<String> = {
            let announcing = self.announcing.lock();
            let others = announcing.peers().filter(|peer| **peer != self.name);
            others.map(|peer| member_of(peer).to_owned()).take(MEMBERS_MAX).collect()
        };
        if now == self.members.last() {
            return;
        }
        let core = Arc::clone(self);
        // It ends by itself; the next look waits for it.
        let _ = tokio::task::spawn_blocking(move || core.members.keep(now)).await;
    }

    /// Returns those that an earlier process was with, and not by the name of its own folder.
    pub(super) fn members_before(&self) -> BTreeSet<String> {
        let mut members = self.members.last();
        members.remove(member_of(&self.name));
        members
    }
}

/// Returns what of a process's name is its replica's.
pub(super) fn member_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(member, _)| member)
}
