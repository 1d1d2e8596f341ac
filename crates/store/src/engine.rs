//! The threads on which an engine in this process runs.
//!
//! They are its own, since SurrealDB 3.0.0 may hang in closing SurrealKV: its commit thread misses the
//! word to end where that comes while it flushes, and whoever closes waits for it for ever, on a
//! thread of the runtime. So that runtime must be one that nobody waits for. What was acknowledged is
//! on disk by then.

use std::{future::Future, io};

use tokio::runtime::{Builder, Runtime};

/// How many threads queries share.
const THREADS: usize = 4;

/// A runtime that is left alone at its end.
pub(crate) struct Engine(Option<Runtime>);

impl Engine {
    pub(crate) fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(THREADS).thread_name("store-engine").enable_all();
        Ok(Engine(Some(builder.build()?)))
    }

    /// Runs something there; none where it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.0.as_ref()?.spawn(work).await.ok()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Dropped as such it would wait, and may not be where tasks run. The engine is told by the
            // end of its client and closes in the meantime; what it still does is cut off here.
            runtime.shutdown_background();
        }
    }
}
