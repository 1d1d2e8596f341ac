//! What is asked from outside of a Redis that replicas use: whether it is the same for all, and
//! whether a log is gone with everything that belongs to it.

use event::StreamName;
use redis::Value;

use super::{RedisBroker, failure::Failure, names::Names};
use crate::ReadError;

impl RedisBroker {
    /// Returns the name of the run of the servers, where they are connected to. Replicas of one Redis
    /// have one; another server, and the same one after a restart, has another.
    pub fn run_name(&self) -> Option<String> {
        Some(self.fleet.run()?.name().to_owned())
    }

    /// Removes a log with everything that belongs to it, and returns how many keys that were. Nobody
    /// may use it any more: whoever appends begins it anew.
    ///
    /// # Errors
    /// Fails where Redis can't answer; a part may have been removed.
    pub async fn forget(&self, stream: &StreamName) -> Result<u64, ReadError> {
        let removed = self.of_each_key(stream, "DEL").await?;
        Ok(removed.into_iter().map(|(_, count)| count).sum())
    }

    /// Returns the names of a log's keys that are there.
    ///
    /// # Errors
    /// Fails where Redis can't answer.
    pub async fn keys_of_log(&self, stream: &StreamName) -> Result<Vec<String>, ReadError> {
        let found = self.of_each_key(stream, "EXISTS").await?;
        Ok(found.into_iter().filter(|(_, count)| *count > 0).map(|(key, _)| key).collect())
    }

    /// Sends a command that counts, once for each key.
    async fn of_each_key(
        &self,
        stream: &StreamName,
        command: &str,
    ) -> Result<Vec<(String, u64)>, Failure> {
        let names = self.naming.of(stream);
        let keys = keys_of(&names);
        let mut commands = redis::pipe();
        for key in &keys {
            commands.cmd(command).arg(key);
        }
        let node = self.fleet.node_of(&names, self.deadline()).await?;
        let answers = node.link.read(&commands).await?;
        let counted = |(key, answer): (&String, Value)| match answer {
            Value::Int(count) => Ok((key.clone(), count.unsigned_abs())),
            Value::ServerError(error) => Err(Failure::from_redis(&error.into())),
            _ => Err(Failure::refused(format!("{command} answered with no number"))),
        };
        keys.iter().zip(answers).map(counted).collect()
    }
}

fn keys_of(names: &Names) -> Vec<String> {
    let Names { stream, meta, ages, digests, done, queue, heal, branches, mark, .. } = names;
    [stream, meta, ages, digests, done, queue, heal, branches, mark].map(Clone::clone).into()
}
