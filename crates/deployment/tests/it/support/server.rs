//! A small server that speaks as Tidegate does, as far as checks look at it, and lies where it is told.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::{sync::mpsc, sync::watch};

use super::http::{Reply, Request, Server};

/// What streams are made of; replicas that share it are one.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// By stream: an event's kind and envelope.
    streams: Mutex<BTreeMap<String, Vec<(String, Value)>>>,
    /// The messages of threads that were deleted.
    deleted: Mutex<Vec<(String, u64)>>,
    grown: watch::Sender<u64>,
    ids: AtomicU64,
    gaps: AtomicU64,
}

/// How a server lies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lies {
    /// Every so many events a reader does not get one.
    pub(crate) loses: Option<usize>,
    /// A gap comes behind its first `connected`, and behind no other.
    pub(crate) gap_once: bool,
    /// Streams are not resumed behind a cursor but begin anew.
    pub(crate) forgets: bool,
    /// Behind a cursor the event before it comes again.
    pub(crate) repeats: bool,
    /// A gap comes behind `connected`.
    pub(crate) gap: bool,
    /// Readers get pairs of live events, and all that is replayed, in the other order.
    pub(crate) swaps: bool,
    /// It has chat.
    pub(crate) chat: bool,
    /// What was deleted stays.
    pub(crate) keeps_messages: bool,
}

/// What a server says, which tests change while it runs.
#[derive(Debug)]
pub(crate) struct Says {
    pub(crate) health: Mutex<(u16, Value)>,
    pub(crate) metrics: Mutex<String>,
    pub(crate) hangs: Mutex<bool>,
    pub(crate) asked: Mutex<Vec<Request>>,
}

/// A replica.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) server: Server,
    pub(crate) says: Arc<Says>,
}

impl Fake {
    /// Starts a replica over a log.
    pub(crate) async fn start(log: Arc<Log>, lies: Lies) -> Self {
        let health = json!({"status": "healthy", "version": "1.0", "timestamp": "now",
            "checks": {"realtime": {"status": "healthy", "selected_backend": "redis",
                "requested_backend": "memory", "enforce_redis_cutover": false, "probe_ms": 3}}});
        let says = Arc::new(Says {
            health: Mutex::new((200, health)),
            metrics: Mutex::new(String::new()),
            hangs: Mutex::new(false),
            asked: Mutex::default(),
        });
        let theirs = Arc::clone(&says);
        let server = Server::start(move |request| {
            let (says, log, lies) = (Arc::clone(&theirs), Arc::clone(&log), lies.clone());
            async move { answer(&says, log, &lies, &request) }
        });
        Fake { server: server.await, says }
    }

    /// Makes a part of its health so.
    pub(crate) fn set_health(&self, pointer: &str, value: Value) {
        *self.says.health.lock().unwrap().1.pointer_mut(pointer).unwrap() = value;
    }

    pub(crate) fn set_metrics(&self, text: &str) {
        text.clone_into(&mut self.says.metrics.lock().unwrap());
    }

    pub(crate) fn set_hanging(&self, hangs: bool) {
        *self.says.hangs.lock().unwrap() = hangs;
    }

    /// Returns how often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let asked = self.says.asked.lock().unwrap();
        asked.iter().filter(|request| request.path == path).count()
    }
}

fn answer(says: &Says, log: Arc<Log>, lies: &Lies, request: &Request) -> Reply {
    says.asked.lock().unwrap().push(request.clone());
    if *says.hangs.lock().unwrap() {
        return Reply::Hang;
    }
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let stream = query.strip_prefix("stream=").unwrap_or("events").to_owned();
    match (request.method.as_str(), path) {
        ("GET", "/api/health") => {
            let (status, body) = says.health.lock().unwrap().clone();
            Reply::json(status, &body)
        }
        ("GET", "/health" | "/ready") => Reply::json(200, &json!({"status": "ok"})),
        ("GET", "/metrics") => Reply::text(200, says.metrics.lock().unwrap().clone()),
        (_, "/api/events" | "/api/stream")
            if request.headers.get("x-api-key").is_none_or(|key| key != "key-of-tests") =>
        {
            Reply::json(401, &json!({"error": {"code": "unauthorized", "message": "no key"}}))
        }
        ("POST", "/api/events") => log.publish(&request.body),
        ("GET", "/api/stream") => {
            let after = request.headers.get("last-event-id").cloned();
            open(log, stream, after, lies)
        }
        ("GET", "/api/held") => open(log, "held".to_owned(), None, lies),
        (method, path) if lies.chat && path.starts_with("/v1/chat/threads") => {
            log.chat(method, path, &request.body, lies)
        }
        _ => Reply::json(404, &json!({"error": {"code": "not_found", "message": "no such path"}})),
    }
}

impl Log {
    fn add(&self, stream: &str, kind: &str, id: &str, payload: &Value) -> usize {
        let envelope = json!({"id": id, "event": kind, "payload": payload});
        let mut streams = self.streams.lock().unwrap();
        let events = streams.entry(stream.to_owned()).or_default();
        events.push((kind.to_owned(), envelope));
        let place = events.len();
        drop(streams);
        self.grown.send_modify(|number| *number += 1);
        place
    }

    fn publish(&self, body: &[u8]) -> Reply {
        let body: Value = serde_json::from_slice(body).unwrap();
        let id = format!("evt_{}", self.ids.fetch_add(1, Ordering::Relaxed));
        let place = self.add("events", body["event"].as_str().unwrap(), &id, &body["payload"]);
        Reply::json(201, &json!({"id": id, "cursor": format!("c-{place}")}))
    }

    /// Returns how many messages of a thread are not deleted.
    pub(crate) fn messages_left(&self) -> usize {
        let streams = self.streams.lock().unwrap();
        let threads = streams.iter().filter(|(name, _)| name.starts_with("thread:"));
        threads.map(|(_, events)| events.len()).sum::<usize>() - self.deleted.lock().unwrap().len()
    }

    fn chat(&self, method: &str, path: &str, body: &[u8], lies: &Lies) -> Reply {
        let rest = path.strip_prefix("/v1/chat/threads").unwrap().trim_start_matches('/');
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method, rest.split('/').collect::<Vec<_>>().as_slice()) {
            ("POST", [""]) => {
                assert_eq!(body["privacy_level"], "private");
                Reply::json(201, &json!({"thread_id": "thr_1"}))
            }
            ("POST", [thread, "messages", "send"]) => {
                let number = self.ids.fetch_add(1, Ordering::Relaxed);
                let event = format!("evt_{number}");
                let place = self.add(&format!("thread:{thread}"), "message.sent", &event, &body);
                let message = json!({"message_id": format!("msg_{number}"), "seq": place});
                Reply::json(201, &message)
            }
            ("GET", [thread, "messages"]) => {
                let streams = self.streams.lock().unwrap();
                let count = streams.get(&format!("thread:{thread}")).map_or(0, Vec::len) as u64;
                let deleted = self.deleted.lock().unwrap();
                let messages = (1..=count).map(|seq| {
                    let is_deleted = deleted.contains(&((*thread).to_owned(), seq));
                    json!({"seq": seq, "deleted_at_ms": is_deleted.then_some(1)})
                });
                Reply::json(200, &json!({"messages": messages.collect::<Vec<_>>()}))
            }
            ("DELETE", [thread, "messages", seq]) => {
                if !lies.keeps_messages {
                    let seq = seq.parse().unwrap();
                    self.deleted.lock().unwrap().push(((*thread).to_owned(), seq));
                }
                Reply::json(200, &json!({}))
            }
            ("POST", [_, "leave"]) => Reply::json(200, &json!({})),
            _ => Reply::json(404, &json!({})),
        }
    }
}

/// Opens a stream: what is behind the cursor, then what comes.
fn open(log: Arc<Log>, stream: String, after: Option<String>, lies: &Lies) -> Reply {
    let (to, pieces) = mpsc::channel(1000);
    let lies = lies.clone();
    let head = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    let end = log.streams.lock().unwrap().get(&stream).map_or(0, Vec::len);
    let cursor = after.and_then(|it| it.strip_prefix("c-")?.parse::<usize>().ok());
    let cursor = cursor.filter(|_| !lies.forgets);
    let resume = if cursor.is_some() { "resumed" } else { "fresh" };
    let connected = json!({"status": "ok", "backend": "redis", "resume": resume});
    let mut first = format!("retry: 10\n\nevent: connected\ndata: {connected}\n\n");
    if lies.gap || (lies.gap_once && log.gaps.fetch_add(1, Ordering::Relaxed) == 0) {
        first.push_str("event: gap\ndata: {\"reason\":\"lagged\"}\n\n");
    }
    let mut next = cursor.map_or(end, |place| place - usize::from(lies.repeats));
    let is_replay = cursor.is_some();
    let mut grown = log.grown.subscribe();
    let following = async move {
        if to.send(first.into_bytes()).await.is_err() {
            return;
        }
        loop {
            let events: Vec<_> = {
                let streams = log.streams.lock().unwrap();
                streams.get(&stream).into_iter().flatten().skip(next).cloned().collect()
            };
            let is_odd = events.len() % 2 == 1;
            let mut numbered: Vec<_> = events.into_iter().zip(next + 1..).collect();
            match (lies.swaps, is_replay) {
                (true, true) => numbered.reverse(),
                (true, false) => {
                    // Pairs alone are given out, each in the other order.
                    numbered.truncate(numbered.len() - usize::from(is_odd));
                    numbered.chunks_mut(2).for_each(<[_]>::reverse);
                }
                _ => {}
            }
            next += numbered.len();
            for ((kind, envelope), place) in numbered {
                if lies.loses.is_some_and(|each| place % each == 0) {
                    continue;
                }
                let text = format!("id: c-{place}\nevent: {kind}\ndata: {envelope}\n\n");
                if to.send(text.into_bytes()).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                changed = grown.changed() => if changed.is_err() { return },
                () = to.closed() => return,
            }
        }
    };
    Reply::Stream(head, pieces, Box::pin(following))
}
