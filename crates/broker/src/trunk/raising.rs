//! Letting a log go on behind what is kept elsewhere, once the trunk is healed.

use event::{Seq, StreamName};

use super::ReplicaBroker;
use crate::{ReadError, redis::failure::Failure};

impl ReplicaBroker {
    /// Lets a trunk log go on behind this number, where it has not come so far: what lies between was
    /// kept elsewhere, and here it is a hole. Keys stay.
    ///
    /// # Errors
    /// Fails where Redis does not answer, or is not healed in time.
    pub async fn raise(&self, stream: &StreamName, to: Seq) -> Result<(), ReadError> {
        let within = self.core.options.redis.command_time_max;
        let decided = tokio::time::timeout(within, self.core.until_decided()).await;
        if decided.is_err() {
            return Err(Failure::refused(self.core.why_undecided()).into());
        }
        self.core.trunk.raise_now(stream, to).await.map_err(ReadError::from)
    }
}
