//! Publishes what comes on standard input, a JSON document a line, in lists.

use std::{
    io::{BufRead, IsTerminal},
    time::Duration,
};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{send, shown};
use crate::{cli::Style, client::Api, console, exit::Exit, failure::Failure};

/// Most events in one request.
const LIST_EVENTS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    event: String,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// Publishes all lines; what was acknowledged before a failure stays published.
///
/// # Errors
/// Fails at the first line that is no event, and where the server does not take a list.
pub(super) async fn run(api: &Api, style: Style) -> Result<Exit, Failure> {
    let bar = progress();
    let run = format!("lines-{:032x}", rand::random::<u128>());
    let mut input = std::io::stdin().lock().lines().enumerate();
    let (mut published, mut prints) = (0, true);
    for list in 0.. {
        let events = next_list(&mut input)?;
        if events.is_empty() {
            break;
        }
        let body = Bytes::from(format!("[{}]", events.join(",")));
        // A key of our own: a list whose answer was lost can be sent again.
        let receipts = send(api, body, Some(&format!("{run}-{list}"))).await?;
        published += receipts.len();
        for receipt in &receipts {
            let line = shown(receipt, style);
            // Whoever closed the output still wants the events published.
            if prints && bar.suspend(|| console::say(&line)).is_err() {
                prints = false;
                console::note("nothing can be printed any more; publishing goes on");
            }
        }
        bar.inc(receipts.len() as u64);
    }
    bar.finish_and_clear();
    console::note(&format!("{published} events published"));
    Ok(Exit::Done)
}

fn progress() -> ProgressBar {
    // With the receipts on the same terminal a bar would only flicker.
    if !std::io::stderr().is_terminal() || std::io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} events published, {per_sec}");
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
}

/// Reads up to a list's worth of lines, each checked and rewritten as an event.
fn next_list(
    input: &mut impl Iterator<Item = (usize, std::io::Result<String>)>,
) -> Result<Vec<String>, Failure> {
    let mut events = Vec::new();
    while events.len() < LIST_EVENTS_MAX {
        let Some((at, line)) = input.next() else { break };
        let line = line.map_err(|e| Failure::usage("standard input can't be read").because(e))?;
        if !line.trim().is_empty() {
            events.push(event(at + 1, &line)?);
        }
    }
    Ok(events)
}

fn event(number: usize, line: &str) -> Result<String, Failure> {
    let refuse = |what: String| Failure::usage(format!("line {number}: {what}"));
    let parsed: Line<'_> = serde_json::from_str(line).map_err(|e| refuse(e.to_string()))?;
    let body = super::body(&parsed.event, parsed.payload.map(RawValue::get));
    let body = body.map_err(|failure| refuse(failure.chain()))?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_events_or_are_named() {
        let check = |line: &str, expected: Result<&str, &str>| match (event(7, line), expected) {
            (Ok(event), Ok(expected)) => assert_eq!(event, expected),
            (Err(failure), Err(part)) => {
                let text = failure.chain();
                assert!(text.starts_with("line 7: ") && text.contains(part), "{text}");
            }
            (found, _) => panic!("{line}: {found:?}"),
        };
        check(r#"{"event":"a"}"#, Ok(r#"{"event":"a"}"#));
        check(r#" {"payload":{"a": 1},"event":"a"}"#, Ok(r#"{"event":"a","payload":{"a": 1}}"#));
        check(r#"{"event":"a","x":1}"#, Err("unknown field"));
        check(r#"{"event":"open"}"#, Err("the server's own"));
        check("no", Err("expected"));
    }

    #[test]
    fn lists_have_a_limit_and_empty_lines_are_skipped() {
        let line = |at: usize| {
            if at.is_multiple_of(2) { String::new() } else { r#"{"event":"a"}"#.to_owned() }
        };
        let mut input = (0..300).map(|at| (at, Ok(line(at))));
        assert_eq!(next_list(&mut input).unwrap().len(), 100);
        assert_eq!(next_list(&mut input).unwrap().len(), 50);
        assert_eq!(next_list(&mut input).unwrap().len(), 0);
    }
}
