//! Where batches of messages wait between a delivery worker, which must not wait, and the tasks that
//! carry them out.
//!
//! Bounded: a connection has at most one batch here.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use delivery::session::{ClientMessage, Conversation};
use node_runtime::Shutdown;
use parking_lot::Mutex;
use tokio::{sync::Notify, task::JoinSet, time::timeout};

use super::Session;

/// Most batches that are carried out at one time; the others wait their turn.
const UNDER_WAY_MAX: usize = 1024;

/// What one connection's client has said.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) session: Arc<Session>,
    pub(super) conversation: Conversation,
    pub(super) messages: Vec<ClientMessage>,
}

/// The batches that wait.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    /// None once nobody carries them out any more.
    waiting: Mutex<Option<VecDeque<Batch>>>,
    more: Notify,
}

impl Default for Dispatcher {
    fn default() -> Self {
        Dispatcher { waiting: Mutex::new(Some(VecDeque::new())), more: Notify::new() }
    }
}

impl Dispatcher {
    /// Leaves a batch; after the end it is refused, and its connection is read on.
    pub(super) fn put(&self, batch: Batch) {
        let mut waiting = self.waiting.lock();
        let Some(queue) = &mut *waiting else {
            // Without the lock: the answers go to the worker.
            drop(waiting);
            return Session::refuse(&batch.conversation, &batch.messages);
        };
        queue.push_back(batch);
        drop(waiting);
        self.more.notify_one();
    }

    fn take(&self) -> Option<Batch> {
        self.waiting.lock().as_mut()?.pop_front()
    }

    /// Carries batches out until the shutdown; those that wait then still have their turn, as long
    /// as they are done `within` a while.
    pub(crate) async fn run(self: Arc<Self>, mut end: Shutdown, within: Duration) {
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < UNDER_WAY_MAX
                && let Some(Batch { session, conversation, messages }) = self.take()
            {
                under_way.spawn(session.carry_out(conversation, messages));
            }
            tokio::select! {
                () = self.more.notified(), if under_way.len() < UNDER_WAY_MAX => {}
                Some(_) = under_way.join_next() => {}
                () = end.asked() => break,
            }
        }
        let left = self.waiting.lock().take();
        for Batch { session, conversation, messages } in left.into_iter().flatten() {
            under_way.spawn(session.carry_out(conversation, messages));
        }
        let all = async { while under_way.join_next().await.is_some() {} };
        if timeout(within, all).await.is_err() {
            tracing::warn!(count = under_way.len(), "unfinished messages were cut off");
            under_way.shutdown().await;
        }
    }
}
