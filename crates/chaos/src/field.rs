//! Everything that is broken and mended: one Redis, the ways to it, and the replicas.

mod redis;
mod replica;

use std::{path::Path, sync::Arc};

use faults::Proxy;

pub(crate) use self::{redis::Redis, replica::Replica};
use crate::{
    exit::Exit,
    load::Load,
    settings::{Mode, Settings},
};

/// The key of the clients, with every scope.
pub(crate) const KEY: &str = "chaos-key-all-scopes";

/// Everything that is broken and mended.
pub(crate) struct Field {
    // What is listed first ends first.
    pub(crate) replicas: Vec<Replica>,
    ways: Vec<Proxy>,
    pub(crate) redis: Redis,
    pub(crate) load: Load,
}

/// Why there is no field.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FieldError {
    #[error("`redis-server` does not run here; install the package `redis-server`")]
    NoRedis,
    #[error("replica {index} does not start: {why}")]
    NoReplica { index: usize, why: String },
    #[error("a replica's folder {0} can't be made: {1}")]
    Folder(String, std::io::Error),
}

impl From<&FieldError> for Exit {
    fn from(_: &FieldError) -> Self {
        Exit::Unavailable
    }
}

impl Field {
    /// Starts Redis and the replicas, whose logs go to a folder.
    ///
    /// # Errors
    /// Fails where one of them does not start.
    pub(crate) async fn start(
        server: &Path,
        settings: &Settings,
        mode: Mode,
        folder: &Path,
    ) -> Result<Arc<Self>, FieldError> {
        let redis = Redis::start(&folder.join("redis.log")).await?;
        let (mut ways, mut replicas) = (Vec::new(), Vec::new());
        for index in 0..settings.replicas {
            let way = Proxy::start(redis.address()).await;
            let replica = Replica::new(index, server, way.address(), mode, folder)?;
            replica.start().await.map_err(|why| FieldError::NoReplica { index, why })?;
            ways.push(way);
            replicas.push(replica);
        }
        Ok(Arc::new(Field { replicas, ways, redis, load: Load::default() }))
    }

    /// Returns the way of one replica, or those of all.
    pub(crate) fn ways(&self, replica: Option<usize>) -> impl Iterator<Item = &Proxy> {
        let ways = self.ways.iter().enumerate();
        ways.filter(move |(index, _)| replica.is_none_or(|r| r == *index)).map(|(_, way)| way)
    }

    /// Mends whatever is broken; returns what could not be mended.
    pub(crate) async fn mend(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for way in &self.ways {
            way.heal();
            way.enable().await;
        }
        wrong.extend(self.redis.mend().await.err());
        for (index, replica) in self.replicas.iter().enumerate() {
            if let Err(why) = replica.start().await {
                wrong.push(format!("replica {index} does not start: {why}"));
            }
            let misdeeds = replica.misdeeds.lock();
            wrong.extend(misdeeds.iter().map(|what| format!("replica {index}: {what}")));
        }
        wrong
    }
}
