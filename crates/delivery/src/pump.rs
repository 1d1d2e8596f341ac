//! One stream's way from its log to the workers' lanes.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use broker::{Attachment, Broker};
use event::{After, Clock};
use futures_util::FutureExt;

use crate::{
    channel::{Channel, tell},
    inbox::Inbox,
};

/// How long a pump waits before it asks a backend again that could not answer.
const RETRY: Duration = Duration::from_millis(250);

/// A stream's pump.
pub(crate) struct Pump {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) channel: Arc<Channel>,
    pub(crate) inboxes: Arc<[Arc<Inbox>]>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Pump {
    /// Follows the log until the task is aborted; begins anew where the log was closed or a
    /// backend panicked, so that readers never wait for events that nobody brings.
    ///
    /// # Cancel safety
    /// What was taken from the attachment may not have reached the lanes; the channel ends with it.
    pub(crate) async fn run(self, mut log: Attachment) {
        loop {
            if AssertUnwindSafe(self.follow(log)).catch_unwind().await.is_err() {
                tracing::error!(stream = %self.channel.stream(), "a pump panicked; it begins anew");
            }
            log = self.attach_again().await;
        }
    }

    async fn follow(&self, mut log: Attachment) {
        let mut items = Vec::new();
        loop {
            match log.next_ready(&mut items).await {
                Ok(true) => {
                    let to_tell = self.channel.take_in(items.drain(..), self.clock.mono());
                    tell(&self.channel, &to_tell, &self.inboxes);
                }
                Ok(false) => return,
                Err(error) => {
                    let stream = self.channel.stream();
                    tracing::debug!(%stream, %error, "the log can't be read now");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Attaches at the head; what lies between is read from the log by each reader.
    async fn attach_again(&self) -> Attachment {
        loop {
            tokio::time::sleep(RETRY).await;
            let attached = self.broker.attach(self.channel.stream(), &After::Head).await;
            if let Ok((opening, log)) = attached {
                tell(&self.channel, &self.channel.restart(opening.head), &self.inboxes);
                return log;
            }
        }
    }
}
