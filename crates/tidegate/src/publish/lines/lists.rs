//! Gathers the lines of standard input into lists: large ones where lines come fast, and none that
//! waits for lines which don't come.

use std::{
    io::{self, BufRead},
    time::Duration,
};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{sync::mpsc, time::timeout};

use crate::failure::Failure;

/// Most events in one list.
const LIST_EVENTS_MAX: usize = 100;

/// A list that has so many bytes takes no further event.
const LIST_BYTES_MAX: usize = 1 << 20;

/// How long a list waits for its next line.
const IDLE_MAX: Duration = Duration::from_millis(50);

/// Most lines that are read before they are sent.
const LINES_AHEAD_MAX: usize = 2 * LIST_EVENTS_MAX;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    event: String,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// The lines that come, as lists.
pub(super) struct Lists {
    lines: mpsc::Receiver<io::Result<String>>,
    /// The number of the last line that came.
    number: usize,
}

/// Some events, and what follows them.
#[derive(Debug)]
pub(super) struct List {
    /// Each event as the server takes it.
    pub(super) events: Vec<String>,
    /// What follows.
    pub(super) then: Then,
}

/// What follows a list.
#[derive(Debug)]
pub(super) enum Then {
    /// Perhaps another list.
    More,
    /// Nothing.
    End,
    /// A line that is no event.
    Failed(Failure),
}

impl Lists {
    /// Reads standard input on a thread of its own, until it ends or nobody takes the lines.
    pub(super) fn of_standard_input() -> Self {
        let (send, lines) = mpsc::channel(LINES_AHEAD_MAX);
        tokio::task::spawn_blocking(move || {
            for line in io::stdin().lock().lines() {
                if send.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Lists { lines, number: 0 }
    }

    /// Returns the next list; it is empty at most where nothing follows.
    pub(super) async fn next(&mut self) -> List {
        let (mut events, mut bytes) = (Vec::new(), 0);
        let then = loop {
            if events.len() == LIST_EVENTS_MAX || bytes >= LIST_BYTES_MAX {
                break Then::More;
            }
            let idle_max = if events.is_empty() { Duration::MAX } else { IDLE_MAX };
            let Ok(line) = timeout(idle_max, self.lines.recv()).await else { break Then::More };
            let Some(line) = line else { break Then::End };
            match self.event(line) {
                Ok(None) => {}
                Ok(Some(event)) => {
                    bytes += event.len();
                    events.push(event);
                }
                Err(failure) => break Then::Failed(failure),
            }
        };
        List { events, then }
    }

    /// Checks a line and rewrites it as an event; `None` where it is empty.
    fn event(&mut self, line: io::Result<String>) -> Result<Option<String>, Failure> {
        self.number += 1;
        let at = format!("line {}", self.number);
        let line =
            line.map_err(|e| Failure::usage(format!("{at}: it can't be read")).because(e))?;
        if line.trim().is_empty() {
            return Ok(None);
        }
        let refuse = |what: String| Failure::usage(format!("{at}: {what}"));
        if !line.trim_start().starts_with('{') {
            return Err(refuse("expected is an object with `event` and `payload`".to_owned()));
        }
        let parsed: Line<'_> = serde_json::from_str(&line).map_err(|e| refuse(e.to_string()))?;
        let body = super::super::body(&parsed.event, parsed.payload.map(RawValue::get));
        let body = body.map_err(|failure| refuse(failure.chain()))?;
        Ok(Some(String::from_utf8_lossy(&body).into_owned()))
    }
}

#[cfg(test)]
mod tests;
