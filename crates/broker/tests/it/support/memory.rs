//! The memory backend with its folder, as a process would run it.

use std::{path::Path, sync::Arc, time::Duration};

use broker::{
    BoxFuture, Broker, MemoryBroker,
    conformance::{Ability, Harness, Subject},
    memory::{
        log::WindowLimits,
        state_dir::{Loaded, StateDir},
    },
};
use tempfile::TempDir;

use super::clock::{FakeClock, SeededEpochs};

/// A memory backend, its folder, and the clocks that outlive it.
pub(crate) struct Memory {
    pub(crate) broker: Arc<MemoryBroker>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) loaded: Loaded,
    epochs: Arc<SeededEpochs>,
    limits: WindowLimits,
    state: Option<StateDir>,
    folder: TempDir,
}

impl Memory {
    /// Starts one over an empty folder.
    pub(crate) fn start(limits: WindowLimits, seed: u64) -> Self {
        let mut memory = Memory::not_started(limits, seed);
        memory.start_anew();
        memory
    }

    /// Makes one over an empty folder that no process has had.
    pub(crate) fn not_started(limits: WindowLimits, seed: u64) -> Self {
        let folder = temporary_folder();
        let (clock, epochs) = (Arc::new(FakeClock::new()), Arc::new(SeededEpochs::new(seed)));
        let broker = new_broker(limits, &clock, &epochs);
        let loaded = Loaded::default();
        Memory { broker, clock, loaded, epochs, limits, state: None, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> &StateDir {
        self.state.as_ref().expect("it is taken only while it is started anew")
    }

    pub(crate) fn save_now(&self) {
        let saved = self.state().save(&self.broker);
        assert!(saved.failed.is_none(), "{:?}", saved.failed);
    }

    /// Ends the process in order and starts another.
    pub(crate) fn restart_now(&mut self) {
        self.save_now();
        self.state().mark_clean(&self.broker).expect("the marker is written");
        self.start_anew();
        assert!(self.loaded.clean);
    }

    /// Kills the process and starts another.
    pub(crate) fn crash_now(&mut self) {
        self.start_anew();
        assert!(!self.loaded.clean);
    }

    /// Ends the process as it stands.
    pub(crate) fn end(&mut self) {
        self.state = None;
    }

    /// Returns the empty backend of a further process.
    pub(crate) fn new_broker(&self) -> Arc<MemoryBroker> {
        new_broker(self.limits, &self.clock, &self.epochs)
    }

    /// Ends the process as it stands and starts another.
    pub(crate) fn start_anew(&mut self) {
        self.end();
        self.broker = self.new_broker();
        let state = StateDir::open(self.folder.path()).expect("the folder is free");
        self.loaded = state.load(&self.broker).expect("the folder is read");
        state.take_over(&self.broker, &mut self.loaded).expect("the folder is written");
        self.state = Some(state);
    }
}

/// Makes a folder in memory where the system has one: thousands of saves need not reach a disk.
fn temporary_folder() -> TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).expect("there is a temporary folder")
}

fn new_broker(
    limits: WindowLimits,
    clock: &Arc<FakeClock>,
    epochs: &Arc<SeededEpochs>,
) -> Arc<MemoryBroker> {
    let clock = Arc::clone(clock);
    let epochs = Arc::clone(epochs);
    Arc::new(MemoryBroker::new(limits, clock).with_epochs(epochs))
}

/// Runs the cases on the memory backend.
pub(crate) struct MemoryHarness;

impl Harness for MemoryHarness {
    fn abilities(&self) -> &[Ability] {
        &[Ability::Clock, Ability::Restart, Ability::Crash]
    }

    fn start(&self, limits: WindowLimits) -> BoxFuture<'_, Box<dyn Subject>> {
        Box::pin(async move { Box::new(Memory::start(limits, 1)) as Box<dyn Subject> })
    }
}

impl Subject for Memory {
    fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.broker) as Arc<dyn Broker>
    }

    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    fn save(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.save_now() })
    }

    fn restart(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.restart_now() })
    }

    fn crash(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.crash_now() })
    }
}
