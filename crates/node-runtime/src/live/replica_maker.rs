//! Makes the replica's broker from the settings.

use std::{path::PathBuf, sync::Arc};

use broker::{
    RedisOptions, ReplicaBroker, ReplicaOptions, ReplicaStartError,
    live::ReplicaFactory,
    memory::{log::Log, state_dir::Mirrors},
};
use event::{Clock, StreamName};

use crate::{settings::RealtimeSettings, state::window};

/// What a process with Redis takes over from the one before.
#[derive(Default)]
pub(crate) struct Adopted {
    /// The logs of its folder.
    pub(crate) logs: Vec<(StreamName, Log)>,
    /// Which of them are only what it knew of Redis.
    pub(crate) mirrors: Mirrors,
}

/// Makes the replica's broker, as often as it is asked for.
#[derive(Clone)]
pub(crate) struct ReplicaMaker {
    pub(crate) settings: RealtimeSettings,
    pub(crate) name: String,
    pub(crate) clock: Arc<dyn Clock>,
}

impl ReplicaMaker {
    /// Begins to connect; a server that can't be reached is waited for. Logs that a process with the
    /// memory backend left are given to Redis once it is there, except what they mirrored of Redis.
    /// To be called within a runtime.
    ///
    /// # Errors
    /// Fails on an address that is none and on a file of certificates that can't be used; the text
    /// never holds the address.
    pub(crate) fn make(&self, adopted: Adopted) -> Result<Arc<ReplicaBroker>, ReplicaStartError> {
        let settings = &self.settings;
        let url = settings.redis_url.as_ref().map_or("", |url| url.expose());
        let mut options = RedisOptions::new(url, window(settings));
        options.replica.clone_from(&self.name);
        options.ca_file.clone_from(&settings.redis_ca_file);
        options.identity.clone_from(&settings.redis_identity);
        options.replicas_min = settings.redis_replicas_min;
        let mut options = ReplicaOptions::new(options, Arc::clone(&self.clock));
        options.strict = settings.enforce_redis;
        options.spool = Some(spool(settings));
        let made = ReplicaBroker::start_with(options, adopted.logs, adopted.mirrors)?;
        Ok(Arc::new(made))
    }

    /// Returns the maker as a live broker needs it; one that was made before is the first.
    pub(crate) fn factory(self, made: Option<Arc<ReplicaBroker>>) -> ReplicaFactory {
        Box::new(move || match &made {
            Some(made) => Ok(Arc::clone(made)),
            None => self.make(Adopted::default()),
        })
    }
}

/// Returns the folder where branches wait to be merged.
pub(crate) fn spool(settings: &RealtimeSettings) -> PathBuf {
    settings.state_dir.join("spool")
}
