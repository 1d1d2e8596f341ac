//! Looks after one replica: one that ended by itself is started again, and counted.

use std::{sync::Weak, time::Duration};

use tokio::time::sleep;

use super::Replica;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Watches as long as the replica is somebody's: its process ends with the stack, not with this.
pub(super) async fn watch(replica: Weak<Replica>) {
    while let Some(replica) = replica.upgrade() {
        replica.look();
        drop(replica);
        sleep(LOOK_EVERY).await;
    }
}
