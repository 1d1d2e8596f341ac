//! For whoever keeps elsewhere what a log had: letting it go on behind that, once the trunk is healed,
//! and appending only where it was not begun anew since one looked there.

use event::{Epoch, Seq, StreamName};

use super::ReplicaBroker;
use crate::{Append, AppendError, Appended, ReadError, redis::failure::Failure};

impl ReplicaBroker {
    /// Lets a trunk log go on behind this number, where it has not come so far: what lies between was
    /// kept elsewhere, and here it is a hole. Keys stay.
    ///
    /// # Errors
    /// Fails where Redis does not answer, or is not healed in time.
    pub async fn raise(&self, stream: &StreamName, to: Seq) -> Result<(), ReadError> {
        self.until_healed().await?;
        self.core.trunk.raise_now(stream, to).await.map_err(ReadError::from)
    }

    /// Returns the epoch of a trunk log. It ends with whatever may have cost the log events or keys:
    /// a restart of Redis, an older copy, what a replica gives back late.
    ///
    /// # Errors
    /// Fails where Redis does not answer, or is not healed in time.
    pub async fn epoch(&self, stream: &StreamName) -> Result<Epoch, ReadError> {
        self.until_healed().await?;
        if let Some(epoch) = self.core.trunk.last_epoch(stream) {
            return Ok(epoch);
        }
        let state = self.core.trunk.state_now(stream).await?;
        Ok(state.lineage.current())
    }

    /// Appends while the log has this epoch; nothing is appended, and none returned, in another one.
    ///
    /// # Errors
    /// As for [`append`](crate::Broker::append).
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was appended.
    pub async fn append_within(
        &self,
        stream: &StreamName,
        append: Append,
        epoch: Epoch,
    ) -> Result<Option<Appended>, AppendError> {
        match self.core.append(stream, append, Some(epoch)).await {
            Err(AppendError::Unavailable { maybe: false, .. })
                if self.core.trunk.last_epoch(stream).is_some_and(|now| now != epoch) =>
            {
                Ok(None)
            }
            appended => appended.map(Some),
        }
    }

    async fn until_healed(&self) -> Result<(), ReadError> {
        let within = self.core.options.redis.command_time_max;
        match tokio::time::timeout(within, self.core.until_decided()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Failure::refused(self.core.why_undecided()).into()),
        }
    }
}
