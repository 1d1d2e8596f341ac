//! Streams of Server-Sent Events, read event by event within a time.

mod parser;

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use reqwest::Response;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use self::parser::Parser;
use super::{Client, HttpError, Question, garbled, place, unreachable};
use crate::SecretText;

/// How long opening may take.
const OPEN_TIME_MAX: Duration = Duration::from_secs(10);

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its kind; `message` where it names none.
    pub(crate) name: String,
    /// Its cursor, where it has one.
    pub(crate) id: String,
    /// What it says.
    pub(crate) data: String,
    /// When it came.
    pub(crate) at: Timestamp,
}

/// An open stream.
#[derive(Debug)]
pub(crate) struct EventStream {
    response: Response,
    parser: Parser,
    ready: VecDeque<Event>,
    at: String,
}

/// Why no event came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoEvent {
    /// Nothing came in time.
    #[error("nothing more came in time")]
    Late,
    /// The stream ended.
    #[error("the stream ended")]
    Ended,
    /// It broke, or what came is none.
    #[error(transparent)]
    Broken(#[from] HttpError),
}

impl Event {
    /// Returns what it says as a document.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.data).ok()
    }
}

impl EventStream {
    /// Opens a stream, after a cursor where there is one.
    ///
    /// # Errors
    /// Fails where nobody answers, or with something else than an event stream.
    pub(crate) async fn open(
        client: &Client,
        url: &str,
        key: Option<&SecretText>,
        after: Option<&str>,
    ) -> Result<Self, HttpError> {
        let mut headers = vec![("accept", "text/event-stream"), ("cache-control", "no-store")];
        headers.extend(after.map(|cursor| ("last-event-id", cursor)));
        let question = Question { key, headers: &headers, ..Question::default() };
        let opened = timeout(OPEN_TIME_MAX, client.send("GET", url, &question)).await;
        let response =
            opened.unwrap_or_else(|_| Err(garbled(url, "did not open a stream in time")))?;
        if !response.status().is_success() {
            return Err(garbled(url, &format!("refused a stream with {}", response.status())));
        }
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return Err(garbled(url, "answered with something else than an event stream"));
        }
        let (parser, ready) = (Parser::default(), VecDeque::new());
        Ok(EventStream { response, parser, ready, at: place(url) })
    }

    /// Returns which arm serves it, as the router says.
    pub(crate) fn arm(&self) -> Option<String> {
        let arm = self.response.headers().get(traffic::haproxy::ARM_HEADER)?;
        arm.to_str().ok().map(ToOwned::to_owned)
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// Fails where none comes until then.
    pub(crate) async fn next(&mut self, until: Instant) -> Result<Event, NoEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let chunk =
                timeout_at(until, self.response.chunk()).await.map_err(|_| NoEvent::Late)?;
            let Some(bytes) = chunk.map_err(|error| unreachable(&self.at, error))? else {
                return Err(NoEvent::Ended);
            };
            let fed = self.parser.feed(&bytes, &mut self.ready);
            fed.map_err(|what| garbled(&self.at, what))?;
        }
    }

    /// Waits for the next event of a kind; others are passed over, but for `goodbye`, behind which
    /// nothing comes.
    ///
    /// # Errors
    /// Fails where none comes until then.
    pub(crate) async fn next_named(
        &mut self,
        name: &str,
        until: Instant,
    ) -> Result<Event, NoEvent> {
        loop {
            let event = self.next(until).await?;
            if event.name == name {
                return Ok(event);
            }
            if event.name == "goodbye" {
                return Err(NoEvent::Ended);
            }
        }
    }
}
