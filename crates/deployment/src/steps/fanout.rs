//! One thread or stream on several replicas: what is sent through any of them comes on all of them.

use std::time::Duration;

use conductor::{Done, Work};
use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    document,
    endpoint::{Endpoint, Miss, try_until, until_holds},
    error, fail, pass,
    synthetic::Writer,
    with,
};
use crate::{Deployment, http::events::EventStream};

/// How many events go through each replica.
const EACH: usize = 3;

/// The longest name of a scope of threads.
const SCOPE_CHARS_MAX: usize = 128;

/// How long one try may take.
const TRY_TIME_MAX: Duration = Duration::from_secs(20);

/// The event of a message.
const SENT: &str = "message.sent";

/// What a check leaves behind.
pub(super) const FANOUT: &str = "fanout.json";

/// What was sent and what came.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct FannedOut {
    /// The chat thread; none where the replicas have no chat.
    thread: Option<String>,
    /// Every thread that was made, those of tries that did not hold among them.
    #[serde(default)]
    pub(super) threads: Vec<String>,
    /// Whether what was written was taken away again.
    pub(super) is_clean: bool,
    sent: Vec<Sent>,
    receivers: Vec<Receiver>,
}

/// Something that was sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sent {
    id: String,
    through: String,
    sent_at: String,
    acknowledged_at: String,
}

/// What one replica's reader received.
#[derive(Debug, Serialize, Deserialize)]
struct Receiver {
    on: String,
    /// By id and time.
    received: Vec<(String, String)>,
}

/// Where it is sent to, and where it comes.
struct Topic {
    thread: Option<String>,
    stream: String,
}

impl Deployment {
    pub(super) async fn fanout_check(&self, work: &Work, until: Instant) -> Done {
        let replicas = match self.serving_replicas().await {
            Ok(replicas) => replicas,
            Err(why) => return error(format!("{why}.")),
        };
        if replicas.len() < 2 {
            let text =
                format!("It needs two replicas that have traffic; there are {}.", replicas.len());
            return error(text);
        }
        let named =
            |it: crate::Replica| Endpoint { name: format!("the replica {}", it.name), url: it.url };
        let endpoints: Vec<_> = replicas.into_iter().map(named).collect();
        let key = match self.key() {
            Ok(key) => key,
            Err(why) => return error(format!("{why}.")),
        };
        let mark = format!("{}-{}-{}", Timestamp::now().as_millisecond(), work.step.id, work.run);
        let mark = mark.chars().take(SCOPE_CHARS_MAX).collect();
        let writer = Writer { key, mark };
        let written = parking_lot::Mutex::new(Vec::new());
        let tried = until_holds("a replica", until, || {
            let until = try_until(until, TRY_TIME_MAX);
            self.fan_out(&endpoints, &writer, &written, until)
        })
        .await;
        let threads = std::mem::take(&mut *written.lock());
        let left = self.clean_threads(&endpoints[0], &writer, &threads).await;
        let (mut fanned, mut done) = match tried {
            Ok(fanned) => {
                let (sent, receivers) = (fanned.sent.len(), fanned.receivers.len());
                let text = format!(
                    "{receivers} replicas gave all {sent} events to their readers in one order."
                );
                (fanned, pass(text))
            }
            Err(why) => (FannedOut::default(), fail(format!("{why}."))),
        };
        if let Err(why) = &left {
            done = fail(format!("{} What was written is left: {why}.", done.text));
        }
        (fanned.threads, fanned.is_clean) = (threads, left.is_ok());
        with(done, vec![document(FANOUT, &fanned)])
    }

    async fn fan_out(
        &self,
        endpoints: &[Endpoint],
        writer: &Writer,
        written: &parking_lot::Mutex<Vec<String>>,
        until: Instant,
    ) -> Result<FannedOut, Miss> {
        let topic = self.topic(&endpoints[0], writer).await?;
        written.lock().extend(topic.thread.clone());
        let opened = endpoints.iter().map(|of| self.reader(of, &topic, writer, until));
        let mut streams = try_join_all(opened).await?;
        let count = EACH * endpoints.len();
        let sending = async {
            let mut sent = Vec::new();
            for number in 0..count {
                let of = &endpoints[number % endpoints.len()];
                sent.push(self.send_one(of, &topic, writer, number).await?);
            }
            Ok::<_, String>(sent)
        };
        // Read while it is sent, so that the times are those at which it came.
        let reading = join_all(
            streams.iter_mut().map(|stream| received(stream, (&topic, writer), count, until)),
        );
        let (sent, read) = tokio::join!(sending, reading);
        let sent = sent?;
        let mut receivers = Vec::new();
        for (of, received) in endpoints.iter().zip(read) {
            let received = received.map_err(|miss| miss.at(&of.name))?;
            if let Some(lost) = sent.iter().find(|it| !received.iter().any(|(id, _)| *id == it.id))
            {
                return Err(Miss::Found(format!("{}: {} did not come", of.name, lost.id)));
            }
            receivers.push(Receiver { on: of.name.clone(), received });
        }
        let ids = |it: &Receiver| it.received.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        let first = ids(&receivers[0]);
        if let Some(other) = receivers.iter().find(|it| ids(it) != first) {
            let (other, first) = (&other.on, &receivers[0].on);
            return Err(Miss::Found(format!("{other} gave its reader another order than {first}")));
        }
        Ok(FannedOut { thread: topic.thread, sent, receivers, ..FannedOut::default() })
    }

    /// Makes a thread where there is chat; else the organisation's own stream is meant.
    async fn topic(&self, of: &Endpoint, writer: &Writer) -> Result<Topic, String> {
        let body = json!({"scope_id": writer.mark, "privacy_level": "private"});
        let to = ("POST", of, "/v1/chat/threads");
        let answer = self.send(to, writer.key.as_ref(), Some(&body)).await?;
        if matches!(answer.status.as_u16(), 404 | 405) {
            return Ok(Topic { thread: None, stream: "/api/stream".to_owned() });
        }
        if !answer.is_good() {
            return Err(format!("{} makes no thread: {}", of.name, answer.refusal()));
        }
        let thread = answer.json()?.get("thread_id").and_then(Value::as_str).map(ToOwned::to_owned);
        let thread = thread.ok_or_else(|| format!("{} made a thread without an id", of.name))?;
        if !thread.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            return Err(format!("{} made a thread with an id that is none", of.name));
        }
        let stream = format!("/api/stream?stream=thread:{thread}");
        Ok(Topic { thread: Some(thread), stream })
    }

    async fn reader(
        &self,
        of: &Endpoint,
        topic: &Topic,
        writer: &Writer,
        until: Instant,
    ) -> Result<EventStream, String> {
        let said = |what: String| format!("{}: {what}", of.name);
        let url = format!("{}{}", of.url, topic.stream);
        let opened = EventStream::open(&self.http, &url, writer.key.as_ref(), None).await;
        let mut stream = opened.map_err(|error| said(error.to_string()))?;
        let connected = stream.next_named("connected", until).await;
        connected.map_err(|why| said(format!("no `connected`: {why}")))?;
        Ok(stream)
    }

    async fn send_one(
        &self,
        of: &Endpoint,
        topic: &Topic,
        writer: &Writer,
        number: usize,
    ) -> Result<Sent, String> {
        let sent_at = Timestamp::now().to_string();
        let id = match &topic.thread {
            None => self.publish(of, writer, number).await?.id,
            Some(thread) => {
                let path = format!("/v1/chat/threads/{thread}/messages/send");
                let body = json!({"body": format!("synthetic message {number} of a check")});
                let answer =
                    self.send(("POST", of, &path), writer.key.as_ref(), Some(&body)).await?;
                if !answer.is_good() {
                    return Err(format!("{} takes no message: {}", of.name, answer.refusal()));
                }
                let said = answer.json()?;
                let id = said.get("message_id").and_then(Value::as_str);
                // A message's event has its number under another beginning.
                id.ok_or_else(|| format!("{} took a message without its id", of.name))?
                    .replacen("msg_", "evt_", 1)
            }
        };
        let (through, acknowledged_at) = (of.name.clone(), Timestamp::now().to_string());
        Ok(Sent { id, through, sent_at, acknowledged_at })
    }
}

/// Reads until as many events of this check have come as are sent; nothing of it may come twice, and no
/// gap.
async fn received(
    stream: &mut EventStream,
    (topic, writer): (&Topic, &Writer),
    count: usize,
    until: Instant,
) -> Result<Vec<(String, String)>, Miss> {
    let mut received: Vec<(String, String)> = Vec::new();
    while received.len() < count {
        let event = stream.next(until).await.map_err(|why| {
            let text = format!("{} of {count} events came, then {why}", received.len());
            Miss::of_acknowledged(&why, text)
        })?;
        if event.name == "gap" {
            return Err(Miss::Found(format!("its stream has a gap: {}", event.data)));
        }
        let Some(data) = event.json() else { continue };
        let Some(id) = data.get("id").and_then(Value::as_str) else { continue };
        if !topic.is_own(&event.name, &data, writer) {
            continue;
        }
        if received.iter().any(|(other, _)| other == id) {
            return Err(Miss::Found(format!("{id} came twice")));
        }
        received.push((id.to_owned(), event.at.to_string()));
    }
    Ok(received)
}

impl Topic {
    /// Returns whether an event is one of this check: in its thread there are no others.
    fn is_own(&self, name: &str, data: &Value, writer: &Writer) -> bool {
        match &self.thread {
            Some(_) => name == SENT,
            None => data.pointer("/payload/check").and_then(Value::as_str) == Some(&writer.mark),
        }
    }
}
