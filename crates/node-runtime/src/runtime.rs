//! The life of the process: built, started, ready, draining, stopped.

mod housekeeping;
mod start;
mod stop;
mod switch_record;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use broker::{live::Target, memory::state_dir::StateDir};
use event::{Clock, StreamName};

pub(crate) use self::housekeeping::forget_windows;
pub use self::{
    start::StartError,
    stop::{StopReport, TASKS_SHARE},
};
use crate::{Settings, Shutdown, State, Tasks, ingest::Ingest};

/// How long a backend has to be reached before the process is ready without it.
const REACHED_WITHIN: Duration = Duration::from_secs(1);

/// Puts a process together. Pure: nothing runs and nothing is opened before it is started.
#[derive(Debug)]
pub struct RuntimeBuilder {
    state: Arc<State>,
}

/// A process that runs.
#[derive(Debug)]
pub struct Running {
    state: Arc<State>,
    tasks: Tasks,
    /// Ends after the surface, so that what was accepted can still be saved.
    inner_tasks: Tasks,
    /// The feed of chains, where there is one.
    ingest: Option<Ingest>,
    state_dir: Arc<StateDir>,
    listener: Option<std::net::TcpListener>,
    address: SocketAddr,
}

impl RuntimeBuilder {
    /// Returns the builder of a process with these settings.
    pub fn new(settings: Settings) -> Self {
        RuntimeBuilder { state: Arc::new(State::new(settings)) }
    }

    /// Returns the builder of a process with another clock.
    pub fn with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        RuntimeBuilder { state: Arc::new(State::with_clock(settings, clock)) }
    }

    /// Returns the state that the process will have.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }
}

impl Running {
    /// Returns the state.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Returns the address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands over the bound socket, in non-blocking mode; once.
    pub fn take_listener(&mut self) -> Option<std::net::TcpListener> {
        self.listener.take()
    }

    /// Returns where the surface's tasks belong; they are the first to be asked to end.
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Returns the signal that the surface's tasks wait for.
    pub fn shutdown(&self) -> Shutdown {
        self.tasks.shutdown()
    }

    /// Gives a backend that has to be reached a moment, so that nobody is refused who comes at once;
    /// one that is not there is not waited for.
    async fn await_backend(&self) {
        if self.state.live.by_settings() == Target::Redis {
            let head = self.state.broker.head(&StreamName::Probe);
            let _ = tokio::time::timeout(REACHED_WITHIN, head).await;
        }
    }

    /// Says that everything is in place.
    pub async fn ready(&self) {
        self.await_backend().await;
        self.state.enter(crate::Phase::Ready);
        let address = self.address.to_string();
        self.state.tell_ops("server.ready", serde_json::json!({"address": address})).await;
    }
}
