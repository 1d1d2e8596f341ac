//! One stream: who owns it, the gate that holds its appends while that changes, and its readers.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use event::{MonoMs, Seq, StreamName};
use parking_lot::Mutex;
use tokio::sync::{RwLock, watch};

use super::{Core, plan::Target};
use crate::{BoxFuture, Wake, Watch, memory::keys::Done, trunk::record::BranchRecord};

/// How long to wait before an owner that can't be watched is asked again.
const AGAIN: Duration = Duration::from_millis(50);

/// One stream.
pub(super) struct Cell {
    pub(super) stream: StreamName,
    /// Held for reading by each append, for writing while the stream changes hands.
    pub(super) gate: RwLock<()>,
    standing: watch::Sender<Standing>,
    pub(super) side: Mutex<Side>,
}

/// Whose the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) owner: Target,
    /// How often that changed.
    pub(super) changes: u64,
    /// Whether what is read now may not be what the next owner has.
    pub(super) is_leaving: bool,
}

/// What a switch knows of the stream.
#[derive(Default)]
pub(super) struct Side {
    /// The copy on its way to Redis.
    pub(super) copy: Option<CopyUnderWay>,
    /// Whether memory's log is a copy of Redis's, with its keys.
    pub(super) is_shadow: bool,
    /// What became of branches whose cursors readers may have.
    pub(super) merged: Vec<BranchRecord>,
}

/// How far a copy on its way to Redis is.
pub(super) struct CopyUnderWay {
    pub(super) token: u64,
    pub(super) head: Seq,
    /// Keys after whose first event Redis may have them already.
    pub(super) keys_after: Seq,
    /// Keys that wait to be copied.
    pub(super) keys: VecDeque<([u8; 16], Done, MonoMs)>,
    /// Keys that are copied or wait.
    pub(super) listed: HashSet<[u8; 16]>,
    /// The latest use of a key that is listed.
    pub(super) listed_at: Option<MonoMs>,
}

impl Cell {
    pub(super) fn new(stream: StreamName, owner: Target) -> Self {
        let standing = Standing { owner, changes: 0, is_leaving: false };
        Cell {
            stream,
            gate: RwLock::new(()),
            standing: watch::Sender::new(standing),
            side: Mutex::default(),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    pub(super) fn owner(&self) -> Target {
        self.standing().owner
    }

    /// Waits until what is read is what the owner has.
    pub(super) async fn settled(&self) -> Standing {
        let mut standing = self.standing.subscribe();
        match standing.wait_for(|standing| !standing.is_leaving).await {
            Ok(standing) => *standing,
            // The sender lives as long as the cell does.
            Err(_) => self.standing(),
        }
    }

    /// Says that what is read from now on may not be what the next owner has; until it is dropped.
    pub(super) fn leave(&self) -> Leaving<'_> {
        self.standing.send_modify(|standing| standing.is_leaving = true);
        Leaving(self)
    }

    /// Makes the stream another backend's.
    pub(super) fn give(&self, owner: Target) {
        self.standing.send_modify(|standing| {
            let changes = standing.changes + 1;
            *standing = Standing { owner, changes, is_leaving: false };
        });
    }
}

/// Ends the waiting of readers, also where a move is broken off.
pub(super) struct Leaving<'a>(&'a Cell);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.standing.send_if_modified(|standing| std::mem::take(&mut standing.is_leaving));
    }
}

/// One reader's hints, whoever the owner is.
pub(super) struct Following {
    core: Arc<Core>,
    cell: Arc<Cell>,
    standing: watch::Receiver<Standing>,
    changes: u64,
    hints: Option<Box<dyn Watch>>,
}

impl Following {
    /// Follows a stream from what was its standing before its owner was watched.
    pub(super) fn new(
        core: Arc<Core>,
        cell: Arc<Cell>,
        seen: Standing,
        hints: Box<dyn Watch>,
    ) -> Self {
        let standing = cell.standing.subscribe();
        Following { core, cell, standing, changes: seen.changes, hints: Some(hints) }
    }

    async fn next(&mut self) -> Wake {
        loop {
            let standing = *self.standing.borrow_and_update();
            if standing.changes != self.changes {
                (self.hints, self.changes) = (None, standing.changes);
            }
            let Some(hints) = &mut self.hints else {
                match self.core.watch_owner(&self.cell, standing.owner).await {
                    Ok(hints) => self.hints = Some(hints),
                    // The reader is told by what it reads; nothing is missed meanwhile.
                    Err(_) => tokio::time::sleep(AGAIN).await,
                }
                return Wake::Unsure;
            };
            tokio::select! {
                biased;
                changed = self.standing.changed() => {
                    if changed.is_err() {
                        return Wake::Closed;
                    }
                }
                wake = hints.changed() => return wake,
            }
        }
    }
}

impl Watch for Following {
    fn changed(&mut self) -> BoxFuture<'_, Wake> {
        Box::pin(self.next())
    }
}
