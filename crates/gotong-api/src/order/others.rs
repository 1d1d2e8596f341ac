//! Messages to which another process gave their numbers, and which it is about to write.
//!
//! It is given a moment for that, beside what is written from here: two who write the same at once are
//! in each other's way. Whoever does not get it done is helped.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::sleep};

use super::{
    rows::Rows,
    writer::{Part, Writer},
};

/// How many times messages are looked for in the database, before they are written from here.
const LOOKS_MAX: u32 = 8;

/// How long between two looks, for each that there was.
const BETWEEN_LOOKS: Duration = Duration::from_millis(4);

/// How many threads are looked for at once.
const AT_ONCE: usize = 64;

/// Messages of other processes.
#[derive(Debug, Default)]
pub(super) struct Others {
    waiting: Mutex<VecDeque<Part>>,
    more: Notify,
}

impl Others {
    /// Takes the parts to which another process gave the last number.
    pub(super) fn take_from(&self, parts: &mut Vec<Part>) {
        let is_ours = |part: &Part| {
            let last = part.pending.messages.last().map_or(0, |message| message.seq);
            last <= part.cell.own()
        };
        let (ours, others): (Vec<_>, Vec<_>) = std::mem::take(parts).into_iter().partition(is_ours);
        *parts = ours;
        for part in others {
            // One that is looked for already comes again by itself.
            if !part.cell.is_awaited.swap(true, Ordering::SeqCst) {
                self.waiting.lock().push_back(part);
                self.more.notify_one();
            }
        }
    }

    /// Looks for what others write, for ever.
    pub(super) async fn run(&self, writer: &Writer, rows: &dyn Rows) {
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some(part) = self.waiting.lock().pop_front()
            {
                under_way.push(await_others(writer, rows, part));
            }
            tokio::select! {
                () = self.more.notified(), if under_way.len() < AT_ONCE => {}
                Some(()) = under_way.next() => {}
            }
        }
    }
}

async fn await_others(writer: &Writer, rows: &dyn Rows, part: Part) {
    let is_there = look_for(writer, rows, &part).await;
    let cell = &part.cell;
    if !is_there {
        // From now on it is as if we had given the numbers.
        cell.gave(part.pending.messages.last().map_or(0, |message| message.seq));
    }
    cell.is_awaited.store(false, Ordering::SeqCst);
    // What has come since was passed over.
    writer.look_at(&Arc::clone(cell));
}

async fn look_for(writer: &Writer, rows: &dyn Rows, part: &Part) -> bool {
    let Part { cell, pending } = part;
    let (Some(first), count) = (pending.messages.first(), pending.messages.len()) else {
        return true;
    };
    for look in 1..=LOOKS_MAX {
        let read = rows.read(&cell.thread.thread_id, first.seq - 1, count).await;
        // What is wrong is found out by writing.
        let Ok(there) = read else { return false };
        let same = there.iter().map(|amended| &amended.message).eq(&pending.messages);
        if same {
            writer.shown(cell, pending, count);
        }
        if same || there.len() == count {
            return same;
        }
        sleep(BETWEEN_LOOKS * look).await;
    }
    false
}
