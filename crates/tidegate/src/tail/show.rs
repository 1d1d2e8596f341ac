//! How events and the server's own words are printed.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{cli::Style, sse::Message};

#[derive(Deserialize)]
struct Envelope<'a> {
    id: &'a str,
    event: &'a str,
    timestamp: &'a str,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// Returns the line for an event: time, kind, id and payload, or the cursor with the envelope.
pub(super) fn event(message: &Message<'_>, style: Style) -> String {
    let data = String::from_utf8_lossy(message.data);
    let id = String::from_utf8_lossy(message.id);
    let name = String::from_utf8_lossy(message.name);
    match (style, serde_json::from_str(&data)) {
        (Style::Human, Ok(Envelope { id, event, timestamp, payload })) => {
            format!("{timestamp} {event} {id} {payload}")
        }
        (Style::Human, Err(_)) => format!("{name} {id} {}", data.escape_debug()),
        (Style::Json, Ok(Envelope { .. })) => {
            // The envelope's own bytes: numbers and the order of keys stay as they were sent.
            let cursor = json!(id);
            format!(r#"{{"cursor":{cursor},{}"#, data.trim_start_matches('{'))
        }
        (Style::Json, Err(_)) => json!({"cursor": id, "event": name, "data": data}).to_string(),
    }
}

/// Returns the line that says how a stream begins.
pub(super) fn connected(data: &[u8]) -> String {
    let data = parsed(data);
    format!(
        "connected to {} ({}), {}: {} to replay after {}",
        text(&data, "orgId"),
        text(&data, "backend"),
        text(&data, "resume"),
        data["replayed"],
        text(&data, "lastEventId"),
    )
}

/// Returns the line that says why the server ends a stream.
pub(super) fn goodbye(data: &[u8]) -> String {
    format!("the server says goodbye: {}", text(&parsed(data), "reason"))
}

/// Returns the line for a message that is neither an event nor one of the server's own words.
pub(super) fn strange(data: &[u8]) -> String {
    format!("the server says: {}", String::from_utf8_lossy(data).escape_debug())
}

/// Returns the line that nobody must overlook.
pub(super) fn gap(data: &[u8]) -> String {
    let data = parsed(data);
    let missed = match &data["missed"] {
        Value::Null => "an unknown number of".to_owned(),
        missed => missed.to_string(),
    };
    let (reason, resumes_at) = (text(&data, "reason"), text(&data, "resumes_at"));
    format!("GAP ({reason}): {missed} events are missing here; going on after {resumes_at}")
}

fn parsed(data: &[u8]) -> Value {
    serde_json::from_slice(data).unwrap_or_default()
}

fn text(data: &Value, field: &str) -> String {
    data[field].as_str().unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: &str = r#"{"id":"evt_1","org_id":"o","event":"a.b","timestamp":"T","version":"v1","payload":{"n":1.0}}"#;

    fn shown(data: &str, style: Style) -> String {
        event(&Message { name: b"a.b", data: data.as_bytes(), id: b"e-7" }, style)
    }

    #[test]
    fn events_are_shown_for_people_and_for_machines() {
        assert_eq!(shown(ENVELOPE, Style::Human), r#"T a.b evt_1 {"n":1.0}"#);
        let json = shown(ENVELOPE, Style::Json);
        assert_eq!(json, ENVELOPE.replacen('{', r#"{"cursor":"e-7","#, 1));
        assert_eq!(shown("x\ny", Style::Human), r"a.b e-7 x\ny");
        assert_eq!(shown("x", Style::Json), r#"{"cursor":"e-7","data":"x","event":"a.b"}"#);
    }

    #[test]
    fn the_servers_own_words_are_lines() {
        let gap_line = gap(br#"{"reason":"expired","after":"x","resumes_at":"e-7","missed":3}"#);
        assert_eq!(gap_line, "GAP (expired): 3 events are missing here; going on after e-7");
        let unknown = gap(br#"{"reason":"lagged","resumes_at":"e-7","missed":null}"#);
        assert!(unknown.contains("an unknown number of events"), "{unknown}");
        assert_eq!(goodbye(b"{"), "the server says goodbye: ?");
        assert_eq!(strange(b"x\ny"), r"the server says: x\ny");
    }
}
