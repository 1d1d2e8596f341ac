//! Event streams that have to say something: at the service and at every replica that has traffic.

use std::{collections::BTreeMap, time::Duration};

use conductor::{Done, Work};
use futures_util::future::join_all;
use runbook::{Assertion, Content};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    check::faults,
    document,
    endpoint::{Endpoint, Miss, try_until, until_holds},
    error, fail, pass,
    synthetic::Writer,
    with,
};
use crate::{
    Deployment,
    http::events::{Event, EventStream},
};

/// How long one try may take.
const TRY_TIME_MAX: Duration = Duration::from_secs(15);

/// The stream that is opened where none is named.
const STREAM: &str = "/api/stream";

/// An event as it is kept.
#[derive(Debug, Serialize)]
struct KeptEvent {
    of: String,
    arm: Option<String>,
    at: String,
    event: String,
    id: String,
    data: Value,
}

/// What events have to say, by their names.
type ByEvent = BTreeMap<String, (Vec<Assertion>, Vec<String>)>;

impl Deployment {
    pub(super) async fn sse_expect(&self, work: &Work, until: Instant) -> Done {
        let asked = match self.stream_targets(&work.step.content).await {
            Ok(asked) => asked,
            Err(why) => return error(format!("{why}.")),
        };
        let key = match self.key() {
            Ok(key) => key,
            Err(why) => return error(format!("{why}.")),
        };
        let expected = by_event(&work.step.content);
        let writer = Writer { key, mark: format!("{} {}", work.run, work.step.id) };
        let tried = asked.iter().map(|(of, path)| {
            until_holds(&of.name, until, || {
                let until = try_until(until, TRY_TIME_MAX);
                self.expect_stream(of, path, (&expected, &writer), until)
            })
        });
        let (mut kept, mut wrong) = (Vec::new(), Vec::new());
        for tried in join_all(tried).await {
            match tried {
                Ok(events) => kept.extend(events),
                Err(why) => wrong.push(why),
            }
        }
        let artefacts = vec![document("events.json", &kept)];
        if wrong.is_empty() {
            let text = format!("All {} streams say what is expected.", asked.len());
            return with(pass(text), artefacts);
        }
        with(fail(format!("{}.", wrong.join("; "))), artefacts)
    }

    async fn stream_targets(&self, content: &Content) -> Result<Vec<(Endpoint, String)>, String> {
        let targets = match content.targets.as_slice() {
            [] => vec![STREAM.to_owned()],
            targets => targets.to_vec(),
        };
        self.asked(&targets).await
    }

    async fn expect_stream(
        &self,
        of: &Endpoint,
        path: &str,
        (expected, writer): (&ByEvent, &Writer),
        until: Instant,
    ) -> Result<Vec<KeptEvent>, Miss> {
        let place = format!("the stream of {}", of.name);
        let said = |what: String| format!("{place}: {what}");
        let url = format!("{}{path}", of.url);
        let key = writer.key.as_ref().filter(|_| !of.url.is_empty());
        let opened = EventStream::open(&self.http, &url, key, None).await;
        let mut stream = opened.map_err(|error| said(error.to_string()))?;
        let arm = stream.arm();
        let kept = |event: &Event| KeptEvent {
            of: of.name.clone(),
            arm: arm.clone(),
            at: event.at.to_string(),
            event: event.name.clone(),
            id: event.id.clone(),
            data: event.json().unwrap_or_else(|| Value::String(event.data.clone())),
        };
        let connected = stream.next_named("connected", until).await;
        let connected = connected.map_err(|why| said(format!("no `connected`: {why}")))?;
        let mut events = vec![kept(&connected)];
        if expected.is_empty() {
            let own = self.expect_own(of, &mut stream, writer, until).await;
            events.push(kept(&own.map_err(|miss| miss.at(&place))?));
            return Ok(events);
        }
        for (name, (assertions, fields)) in expected {
            let event = if name == "connected" {
                connected.clone()
            } else {
                let came = stream.next_named(name, until).await;
                came.map_err(|why| said(format!("no `{name}`: {why}")))?
            };
            let data = event.json().unwrap_or(Value::Null);
            let wrong = faults(&data, assertions, fields);
            if !wrong.is_empty() {
                return Err(said(format!("in `{name}` {}", wrong.join(", "))).into());
            }
            if name != "connected" {
                events.push(kept(&event));
            }
        }
        Ok(events)
    }

    /// Publishes an event and expects that it comes.
    async fn expect_own(
        &self,
        of: &Endpoint,
        stream: &mut EventStream,
        writer: &Writer,
        until: Instant,
    ) -> Result<Event, Miss> {
        let service = self.service_endpoint();
        // An address of somebody else's stream is given its events by somebody else.
        let to = if of.url.is_empty() { &service } else { of };
        let receipt = self.publish(to, writer, 1).await?;
        loop {
            let event = stream.next(until).await.map_err(|why| {
                let text = format!("an event that was published did not come: {why}");
                Miss::of_acknowledged(&why, text)
            })?;
            if event.name == "gap" {
                return Err(Miss::Found(format!("it has a gap: {}", event.data)));
            }
            if event
                .json()
                .is_some_and(|data| data.get("id") == Some(&Value::from(receipt.id.as_str())))
            {
                return Ok(event);
            }
        }
    }
}

/// Puts what has to be so in order of events: the first part of a path is the event's name.
fn by_event(content: &Content) -> ByEvent {
    let mut all = ByEvent::new();
    let cut = |path: &str| {
        let (event, field) = path.split_once('.').unwrap_or((path, ""));
        (event.to_owned(), field.to_owned())
    };
    for Assertion { path, is } in &content.assertions {
        let (event, path) = cut(path);
        all.entry(event).or_default().0.push(Assertion { path, is: is.clone() });
    }
    for path in &content.fields {
        let (event, path) = cut(path);
        all.entry(event).or_default().1.push(path);
    }
    all
}
