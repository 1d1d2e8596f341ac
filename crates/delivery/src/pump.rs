//! One stream's way from its log to the workers' lanes.

use std::{sync::Arc, time::Duration};

use broker::Attachment;
use event::Clock;

use crate::{
    channel::{Channel, tell},
    inbox::Inbox,
};

/// How long a pump waits before it asks a backend again that could not answer.
const RETRY: Duration = Duration::from_millis(250);

/// Follows the log until it is shut down or the task is aborted.
///
/// # Cancel safety
/// What was taken from the attachment may not have reached the lanes; the channel ends with it.
pub(crate) async fn run(
    mut log: Attachment,
    channel: Arc<Channel>,
    inboxes: Arc<[Arc<Inbox>]>,
    clock: Arc<dyn Clock>,
) {
    let mut items = Vec::new();
    loop {
        match log.next_ready(&mut items).await {
            Ok(true) => {
                let to_tell = channel.take_in(items.drain(..), clock.mono());
                tell(&channel, &to_tell, &inboxes);
            }
            Ok(false) => return,
            Err(error) => {
                tracing::debug!(stream = %channel.stream(), %error, "the log can't be read now");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
