//! How a live broker is set up.

use std::{sync::Arc, time::Duration};

use super::{SwitchLog, SwitchObserver, Target, Unobserved};
use crate::{MemoryBroker, ReplicaBroker, ReplicaStartError};

/// Starts the replica's broker when it is first needed.
pub type ReplicaFactory =
    Box<dyn Fn() -> Result<Arc<ReplicaBroker>, ReplicaStartError> + Send + Sync>;

/// How a live broker is set up.
pub struct LiveOptions {
    /// The memory backend, with what its folder had.
    pub memory: Arc<MemoryBroker>,
    /// Where Redis is; `None` where none is configured.
    pub replica: Option<ReplicaFactory>,
    /// Who owns every stream by the settings.
    pub owner: Target,
    /// What this process is called where another one's switch is refused for its own.
    pub name: String,
    /// What has to outlive the process.
    pub log: Arc<dyn SwitchLog>,
    /// Who is told of transitions.
    pub observer: Arc<dyn SwitchObserver>,
    /// How long a start waits for a Redis that may have more than the saved windows.
    pub resume_wait: Duration,
    /// How long a switch waits for Redis to be reached, and for appends that are under way.
    pub patience: Duration,
    /// How long a stream is held at most while it changes hands, once what was under way has ended;
    /// then appends go on where it was.
    pub hold_max: Duration,
    /// How long the lease of a switch lasts that is not renewed.
    pub lease: Duration,
}

impl LiveOptions {
    /// Returns the options of a process whose settings name this owner.
    pub fn new(memory: Arc<MemoryBroker>, owner: Target, log: Arc<dyn SwitchLog>) -> Self {
        LiveOptions {
            memory,
            replica: None,
            owner,
            name: "another".to_owned(),
            log,
            observer: Arc::new(Unobserved),
            resume_wait: Duration::from_secs(5),
            patience: Duration::from_secs(5),
            hold_max: Duration::from_secs(2),
            lease: Duration::from_secs(15),
        }
    }
}
