//! One reader of the synthetic thread, and what it received when.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    client::{Api, FollowRequest, Following, Refusal, Transport},
    sse::Message,
    target::Target,
};

/// The event of a message.
const SENT: &[u8] = b"message.sent";

/// One message as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) event_id: String,
    pub(super) seq: u64,
    at: Timestamp,
}

/// What a reader received.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) messages: Vec<Received>,
    /// What came beside messages, or how the stream ended.
    pub(super) trouble: Option<String>,
}

/// One reader.
pub(super) struct Reader {
    following: Following,
    pub(super) account: Account,
}

/// What is known of a reader, while it reads too.
#[derive(Clone)]
pub(super) struct Account {
    /// The replica.
    pub(super) url: String,
    transport: Transport,
    pub(super) heard: Arc<Mutex<Heard>>,
    /// How many messages came, or that no more will come.
    pub(super) progress: Arc<watch::Sender<Progress>>,
}

/// How far a reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) messages: usize,
    pub(super) is_over: bool,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    seq: u64,
}

impl Reader {
    /// Opens the stream of a thread.
    pub(super) async fn open(
        target: &Target,
        api: &Api,
        thread: &str,
        transport: Transport,
    ) -> Result<Self, Refusal> {
        let request = FollowRequest {
            transport,
            stream: Some(format!("thread:{thread}")),
            filter: None,
            after: None,
            last_event_id: None,
            receive_buffer: None,
        };
        let following = Following::open(target, api, &request).await?;
        let url = target.shown().to_owned();
        let (heard, progress) = (Arc::default(), Arc::new(watch::Sender::default()));
        Ok(Reader { following, account: Account { url, transport, heard, progress } })
    }

    /// Reads until the stream ends.
    pub(super) async fn run(mut self) {
        let Account { heard, progress, .. } = self.account;
        loop {
            let read = self.following.read(|message| heard.lock().take(&message)).await;
            let messages = heard.lock().messages.len();
            if let Err(ended) = &read {
                heard.lock().trouble.get_or_insert(ended.to_string());
            }
            progress.send_replace(Progress { messages, is_over: read.is_err() });
            if read.is_err() {
                return;
            }
        }
    }
}

impl Heard {
    fn take(&mut self, message: &Message<'_>) {
        let at = Timestamp::now();
        match message.name {
            SENT => match serde_json::from_slice(message.data) {
                Ok(Envelope { id, payload: Payload { seq } }) => {
                    self.messages.push(Received { event_id: id, seq, at });
                }
                Err(error) => {
                    self.trouble = Some(format!("a message that makes no sense: {error}"))
                }
            },
            b"connected" | b"subscribed" | b"ping" => {}
            other => {
                let other = String::from_utf8_lossy(other);
                self.trouble = Some(format!("the server said `{other}`"));
            }
        }
    }
}

impl Account {
    /// Returns what it is called.
    pub(super) fn name(&self) -> String {
        let transport = match self.transport {
            Transport::Sse => "SSE",
            Transport::WebSocket => "WebSocket",
        };
        format!("{} by {transport}", self.url)
    }

    /// Returns that of a reader who received these.
    #[cfg(test)]
    pub(super) fn of(events: &[(String, u64)], trouble: Option<&str>) -> Self {
        let at = Timestamp::UNIX_EPOCH;
        let received = |(event_id, seq): &(String, u64)| Received {
            event_id: event_id.clone(),
            seq: *seq,
            at,
        };
        let messages = events.iter().map(received).collect();
        let heard = Heard { messages, trouble: trouble.map(str::to_owned) };
        Account {
            url: "http://replica".to_owned(),
            transport: Transport::Sse,
            heard: Arc::new(Mutex::new(heard)),
            progress: Arc::new(watch::Sender::default()),
        }
    }

    /// Waits until it has so many messages, or gets no more.
    pub(super) async fn until(&self, messages: usize) {
        let mut progress = self.progress.subscribe();
        // The sender lives as long as this.
        let _gone = progress.wait_for(|now| now.messages >= messages || now.is_over).await;
    }

    pub(super) fn document(&self) -> Value {
        let heard = self.heard.lock();
        let event = |received: &Received| {
            json!({
                "event_id": received.event_id,
                "seq": received.seq,
                "received_at": format!("{:.3}", received.at),
            })
        };
        let events: Vec<_> = heard.messages.iter().map(event).collect();
        json!({"reader": self.name(), "events": events, "trouble": heard.trouble})
    }
}
