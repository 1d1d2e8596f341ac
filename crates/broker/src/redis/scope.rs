//! Which of the watched streams one subscription hears: all, or those whose slot its node has.

use std::sync::Arc;

use redis::{RedisError, RedisResult, Value, aio::MultiplexedConnection};
use tokio::sync::{Notify, watch};

use super::{address::Host, registry::Level, slots::SlotMap};

/// What a subscription is for.
#[derive(Clone)]
pub(super) enum Scope {
    /// Everything: there is one server.
    All,
    /// What a node of a cluster has.
    Node {
        host: Host,
        map: watch::Receiver<SlotMap>,
        /// To be told where the map proves to be out of date.
        stale: Arc<Notify>,
    },
}

impl Scope {
    fn is_sharded(&self) -> bool {
        matches!(self, Scope::Node { .. })
    }

    /// Returns whether a stream is heard of here.
    pub(super) fn has(&self, level: &Level) -> bool {
        match self {
            Scope::All => true,
            Scope::Node { host, map, .. } => map.borrow().node_of(level.names.slot) == Some(host),
        }
    }

    /// Subscribes channels; for each there may be an error.
    pub(super) async fn subscribe(
        &self,
        wire: &mut MultiplexedConnection,
        channels: &[&str],
    ) -> RedisResult<Vec<Option<RedisError>>> {
        if !self.is_sharded() {
            wire.subscribe(channels).await?;
            return Ok(vec![None; channels.len()]);
        }
        each(wire, "SSUBSCRIBE", channels).await
    }

    /// Leaves channels.
    pub(super) async fn unsubscribe(
        &self,
        wire: &mut MultiplexedConnection,
        channels: &[String],
    ) -> RedisResult<()> {
        if !self.is_sharded() {
            return wire.unsubscribe(channels).await;
        }
        let errors = each(wire, "SUNSUBSCRIBE", channels).await?;
        errors.into_iter().flatten().next().map_or(Ok(()), Err)
    }

    /// Says that the map is out of date.
    pub(super) fn is_stale(&self) {
        if let Scope::Node { stale, .. } = self {
            stale.notify_one();
        }
    }

    /// Waits until something else may be heard here than before.
    pub(super) async fn changed(&mut self) {
        let changed = match self {
            Scope::Node { map, .. } => map.changed().await.is_ok(),
            Scope::All => false,
        };
        if !changed {
            std::future::pending().await
        }
    }
}

/// Sends a command for each channel: those of one command would have to share a slot.
async fn each(
    wire: &mut MultiplexedConnection,
    word: &str,
    channels: &[impl AsRef<str>],
) -> RedisResult<Vec<Option<RedisError>>> {
    let mut commands = redis::pipe();
    for channel in channels {
        commands.cmd(word).arg(channel.as_ref());
    }
    let answers = wire.send_packed_commands(&commands, 0, channels.len()).await?;
    let error = |answer| match answer {
        Value::ServerError(error) => Some(error.into()),
        _ => None,
    };
    Ok(answers.into_iter().map(error).collect())
}
