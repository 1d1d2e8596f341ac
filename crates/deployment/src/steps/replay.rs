//! Streams that are broken off and resumed: what was missed comes, all of it, once, in order.

use std::time::Duration;

use conductor::{Done, Work};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    check::shown,
    document,
    endpoint::{Endpoint, Miss, try_until, until_holds},
    error, fail, pass,
    synthetic::{Receipt, Writer},
    with,
};
use crate::{Deployment, http::events::EventStream};

/// How many events are missed.
const MISSED: usize = 5;

/// How long one try may take.
const TRY_TIME_MAX: Duration = Duration::from_secs(20);

const STREAM: &str = "/api/stream";

/// What was seen at one place.
#[derive(Debug, Serialize)]
struct Replayed {
    of: String,
    /// The cursor with which it was resumed.
    cursor: String,
    resume: Value,
    /// What was published while nobody read, by id.
    missed: Vec<String>,
    /// What came, by id and time.
    came: Vec<(String, String)>,
}

impl Deployment {
    pub(super) async fn replay_check(&self, work: &Work, until: Instant) -> Done {
        let endpoints = match self.endpoints().await {
            Ok(endpoints) => endpoints,
            Err(why) => return error(format!("{why}.")),
        };
        let key = match self.key() {
            Ok(key) => key,
            Err(why) => return error(format!("{why}.")),
        };
        let mark = format!("{} {}", work.run, work.step.id);
        let tried = endpoints.iter().map(|of| {
            // Each try has events of its own: several may go over one log at one time.
            until_holds(&of.name, until, || {
                let mark = format!("{mark} at {} {}", of.name, Timestamp::now().as_nanosecond());
                let until = try_until(until, TRY_TIME_MAX);
                self.replay_at(of, Writer { key: key.clone(), mark }, until)
            })
        });
        let (mut seen, mut wrong) = (Vec::new(), Vec::new());
        for tried in join_all(tried).await {
            match tried {
                Ok(replayed) => seen.push(replayed),
                Err(why) => wrong.push(why),
            }
        }
        let artefacts = vec![document("replay.json", &seen)];
        if !wrong.is_empty() {
            return with(fail(format!("{}.", wrong.join("; "))), artefacts);
        }
        let places = seen.len();
        let text = format!("At {places} places all {MISSED} missed events came once and in order.");
        with(pass(text), artefacts)
    }

    async fn replay_at(
        &self,
        of: &Endpoint,
        writer: Writer,
        until: Instant,
    ) -> Result<Replayed, Miss> {
        let said = |what: String| format!("{}: {what}", of.name);
        let url = format!("{}{STREAM}", of.url);
        let key = writer.key.as_ref();
        let cursor = {
            let mut stream = EventStream::open(&self.http, &url, key, None)
                .await
                .map_err(|e| said(e.to_string()))?;
            let begun = stream.next_named("connected", until).await;
            begun.map_err(|why| said(format!("no `connected`: {why}")))?;
            let first = self.publish(of, &writer, 0).await?;
            self.until_own(&mut stream, &first, until).await.map_err(|miss| miss.at(&of.name))?
        };
        let mut missed = Vec::new();
        for number in 1..=MISSED {
            missed.push(self.publish(of, &writer, number).await?);
        }
        let opened = EventStream::open(&self.http, &url, key, Some(&cursor)).await;
        let mut stream = opened.map_err(|error| said(error.to_string()))?;
        let connected = stream.next_named("connected", until).await;
        let connected = connected.map_err(|why| said(format!("no `connected`: {why}")))?;
        let resume = connected.json().and_then(|it| it.get("resume").cloned()).unwrap_or_default();
        if resume != "resumed" {
            let text =
                format!("the stream was not resumed behind its cursor but is `{}`", shown(&resume));
            return Err(Miss::Found(said(text)));
        }
        // One more, which comes live: what is repeated would come before it.
        let last = self.publish(of, &writer, MISSED + 1).await?;
        let came = self.came(&mut stream, &writer, &last, until).await;
        let came = came.map_err(|miss| miss.at(&of.name))?;
        let wanted: Vec<_> = missed.iter().chain([&last]).map(|it| it.id.as_str()).collect();
        let got: Vec<_> = came.iter().map(|(id, _)| id.as_str()).collect();
        if got != wanted {
            let came = got.iter().map(|id| place_of(&wanted, id)).collect::<Vec<_>>().join(", ");
            return Err(Miss::Found(said(format!("of {} events came {came}", wanted.len()))));
        }
        let missed = missed.into_iter().map(|receipt| receipt.id).collect();
        Ok(Replayed { of: of.name.clone(), cursor, resume, missed, came })
    }

    /// Waits for an event that was published; returns its cursor as the stream gave it.
    async fn until_own(
        &self,
        stream: &mut EventStream,
        receipt: &Receipt,
        until: Instant,
    ) -> Result<String, Miss> {
        loop {
            let event = stream.next(until).await.map_err(|why| {
                Miss::of_acknowledged(&why, format!("a live event did not come: {why}"))
            })?;
            let is_it =
                event.json().is_some_and(|it| it.get("id") == Some(&receipt.id.clone().into()));
            if is_it && event.id.is_empty() {
                let text = "an event came without an `id:`, which would be its cursor";
                return Err(Miss::Found(text.to_owned()));
            }
            if is_it {
                return Ok(event.id);
            }
        }
    }

    /// Returns the events of this check that come up to the last one, by id and time.
    async fn came(
        &self,
        stream: &mut EventStream,
        writer: &Writer,
        last: &Receipt,
        until: Instant,
    ) -> Result<Vec<(String, String)>, Miss> {
        let mut came: Vec<(String, String)> = Vec::new();
        loop {
            let event = stream.next(until).await.map_err(|why| {
                let text = format!("{} missed events came, then {why}", came.len());
                Miss::of_acknowledged(&why, text)
            })?;
            match event.name.as_str() {
                "gap" => {
                    return Err(Miss::Found(format!("the stream has a gap: {}", event.data)));
                }
                "goodbye" => return Err("the server ended the stream".to_owned().into()),
                _ => {}
            }
            let Some(data) = event.json() else { continue };
            let is_own =
                data.pointer("/payload/check").and_then(Value::as_str) == Some(&writer.mark);
            let Some(id) = data.get("id").and_then(Value::as_str).filter(|_| is_own) else {
                continue;
            };
            came.push((id.to_owned(), event.at.to_string()));
            if id == last.id {
                return Ok(came);
            }
        }
    }
}

fn place_of(wanted: &[&str], id: &str) -> String {
    let place = wanted.iter().position(|it| *it == id);
    place.map_or_else(|| "an older one".to_owned(), |place| format!("the {}.", place + 1))
}
