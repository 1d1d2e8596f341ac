//! Every task has an owner that joins it.

use std::{future::Future, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{error::Elapsed, timeout},
};

/// Tells tasks that it is time to end.
#[derive(Clone, Debug)]
pub struct Shutdown {
    asked: watch::Receiver<bool>,
}

impl Shutdown {
    /// Waits until the process is asked to end.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn asked(&mut self) {
        // An owner that is gone has nobody left to wait for.
        let _ = self.asked.wait_for(|asked| *asked).await;
    }

    /// Returns whether the process was asked to end.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }
}

/// The tasks of the process, joined before it ends.
#[derive(Clone, Debug)]
pub struct Tasks {
    set: Arc<Mutex<JoinSet<&'static str>>>,
    ask: Arc<watch::Sender<bool>>,
}

impl Default for Tasks {
    fn default() -> Self {
        Tasks { set: Arc::default(), ask: Arc::new(watch::Sender::new(false)) }
    }
}

impl Tasks {
    /// Returns the signal that tasks wait for.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown { asked: self.ask.subscribe() }
    }

    /// Starts a task; it must end soon after the shutdown was asked for.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.set.lock().spawn(async move {
            task.await;
            name
        });
    }

    /// Asks all tasks to end.
    pub fn ask_to_end(&self) {
        self.ask.send_replace(true);
    }

    /// Waits for all tasks; those that are not done within `within` are aborted.
    ///
    /// # Errors
    /// Fails where a task had to be aborted.
    pub async fn join(&self, within: Duration) -> Result<(), Elapsed> {
        let mut set = std::mem::take(&mut *self.set.lock());
        let joined = timeout(within, join_all(&mut set)).await;
        set.shutdown().await;
        joined
    }
}

async fn join_all(set: &mut JoinSet<&'static str>) {
    while let Some(ended) = set.join_next().await {
        match ended {
            Ok(name) => tracing::debug!(task = name, "a task has ended"),
            Err(error) => tracing::error!(%error, "a task failed"),
        }
    }
}
