//! The bounded queue of groups that wait for the disk.
//!
//! Owns the bounds, the order, and who waits for room. Must not know the disk.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::error::AppendError;
use crate::group::{GROUP_BYTES_MAX, GROUP_RECORDS_MAX, Group};

/// The bounds of a queue.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

#[derive(Default)]
struct Inside {
    groups: VecDeque<Group>,
    /// Of all groups that are not on disk yet, those that the writer took too.
    records: usize,
    bytes: usize,
    waiting: bool,
    writer_sleeps: bool,
    closed: bool,
    give_up_at: Option<Instant>,
}

/// The queue.
pub(crate) struct Queue {
    bounds: Bounds,
    inside: Mutex<Inside>,
    work: Condvar,
    room: Notify,
    /// Who waits for room stands in line here.
    turn: tokio::sync::Mutex<()>,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            inside: Mutex::default(),
            work: Condvar::new(),
            room: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Takes a group, or refuses it now; also where somebody else waits for room.
    pub(crate) fn try_push(&self, group: Group) -> Result<(), AppendError> {
        let bytes = self.fits(&group)?;
        let mut inside = self.inside.lock();
        if inside.waiting && !inside.closed {
            return Err(AppendError::Full);
        }
        self.put(&mut inside, group, bytes).map_err(|(_, error)| error)
    }

    /// Takes a group as soon as there is room.
    pub(crate) async fn push(&self, mut group: Group) -> Result<(), AppendError> {
        let bytes = self.fits(&group)?;
        let _turn = self.turn.lock().await;
        let waiting = Waiting(self);
        loop {
            let room = self.room.notified();
            let put = {
                let mut inside = self.inside.lock();
                inside.waiting = true;
                self.put(&mut inside, group, bytes)
            };
            match put {
                Err((back, AppendError::Full)) => group = back,
                Err((_, error)) => return Err(error),
                Ok(()) => break,
            }
            room.await;
        }
        drop(waiting);
        Ok(())
    }

    fn fits(&self, group: &Group) -> Result<usize, AppendError> {
        let (records, bytes) = (group.records.len(), group.frame_bytes());
        let records_max = self.bounds.records.min(GROUP_RECORDS_MAX);
        let bytes_max = self.bounds.bytes.min(GROUP_BYTES_MAX);
        if records == 0 || records > records_max || bytes > bytes_max {
            return Err(AppendError::TooLarge { records, bytes });
        }
        Ok(bytes)
    }

    fn put(
        &self,
        inside: &mut Inside,
        group: Group,
        bytes: usize,
    ) -> Result<(), (Group, AppendError)> {
        if inside.closed {
            return Err((group, AppendError::Closed));
        }
        let (records, bytes) = (inside.records + group.records.len(), inside.bytes + bytes);
        if records > self.bounds.records || bytes > self.bounds.bytes {
            return Err((group, AppendError::Full));
        }
        (inside.records, inside.bytes) = (records, bytes);
        inside.groups.push_back(group);
        if std::mem::take(&mut inside.writer_sleeps) {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Takes groups of up to `bytes_max` bytes, at least one; `None` once closed and empty.
    pub(crate) fn take(&self, bytes_max: usize) -> Option<Vec<Group>> {
        let mut inside = self.inside.lock();
        while inside.groups.is_empty() {
            if inside.closed {
                return None;
            }
            inside.writer_sleeps = true;
            self.work.wait(&mut inside);
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(group) = inside.groups.front() {
            bytes += group.frame_bytes();
            if bytes > bytes_max && !taken.is_empty() {
                break;
            }
            taken.extend(inside.groups.pop_front());
        }
        Some(taken)
    }

    /// Makes room: these groups are on disk.
    pub(crate) fn done(&self, groups: &[Group]) {
        let mut inside = self.inside.lock();
        for group in groups {
            inside.records -= group.records.len();
            inside.bytes -= group.frame_bytes();
        }
        drop(inside);
        self.room.notify_waiters();
    }

    /// Refuses what comes from now on; the writer gives up on a failing disk at `give_up_at`.
    pub(crate) fn close(&self, give_up_at: Option<Instant>) {
        let mut inside = self.inside.lock();
        inside.closed = true;
        inside.give_up_at = give_up_at;
        drop(inside);
        self.work.notify_all();
        self.room.notify_waiters();
    }

    /// Waits before another attempt to write; whether the writer must give up.
    pub(crate) fn pause(&self, delay: Duration) -> bool {
        let mut inside = self.inside.lock();
        let until = Instant::now() + delay;
        let until = inside.give_up_at.map_or(until, |at| at.min(until));
        if inside.give_up_at.is_none() {
            self.work.wait_until(&mut inside, until);
        } else {
            // Closing woke us up already; this is only a wait now.
            while Instant::now() < until {
                self.work.wait_until(&mut inside, until);
            }
        }
        inside.give_up_at.is_some_and(|at| Instant::now() >= at)
    }

    /// Wakes the writer up from a pause: something may have changed.
    pub(crate) fn nudge(&self) {
        self.work.notify_all();
    }

    /// Records and bytes that are not on disk yet.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let inside = self.inside.lock();
        (inside.records, inside.bytes)
    }

    /// How many groups wait, those that the writer took not counted.
    pub(crate) fn groups(&self) -> usize {
        self.inside.lock().groups.len()
    }
}

/// Says that somebody waits for room, for as long as it lives.
struct Waiting<'a>(&'a Queue);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.inside.lock().waiting = false;
    }
}
