//! The events that are published, in the forms that servers want them in.
//!
//! Every server delivers the same envelope: one that makes it itself (Tidegate) gets the payload,
//! the others get the envelope ready. All events of a run have the same length in each form.

use crate::stamp::{Mark, STAMP_BYTES, Stamp};

const BEFORE: &[u8] = br#"{"bench":""#;
const BETWEEN: &[u8] = br#"","fill":""#;
const AFTER: &[u8] = br#""}"#;

/// The name of every event.
pub(crate) const EVENT_NAME: &str = "bench.tick";

/// The least that a payload can have: the stamp and the names around it.
pub(crate) const PAYLOAD_BYTES_MIN: usize =
    BEFORE.len() + STAMP_BYTES + BETWEEN.len() + AFTER.len();

/// Writes a run's events.
#[derive(Clone, Debug)]
pub(crate) struct Payloads {
    mark: Mark,
    fill: Vec<u8>,
}

impl Payloads {
    /// Returns the writer of payloads of this size.
    pub(crate) fn new(mark: Mark, payload_bytes: usize) -> Self {
        Payloads { mark, fill: vec![b'x'; payload_bytes.saturating_sub(PAYLOAD_BYTES_MIN)] }
    }

    /// Returns the mark by which readers find the stamps.
    pub(crate) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Writes the payload alone.
    pub(crate) fn payload(&self, stamp: Stamp, out: &mut Vec<u8>) {
        out.extend_from_slice(BEFORE);
        self.mark.write(stamp, out);
        out.extend_from_slice(BETWEEN);
        out.extend_from_slice(&self.fill);
        out.extend_from_slice(AFTER);
    }

    /// Writes the envelope, as long as one of Tidegate's.
    pub(crate) fn envelope(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let Stamp { stream, number, .. } = stamp;
        let head = format!(
            r#"{{"id":"evt_{number:026}","org_id":"{}","event":"{EVENT_NAME}","timestamp":"2026-01-01T00:00:00.000Z","version":"v1","payload":"#,
            stream_name(stream)
        );
        out.extend_from_slice(head.as_bytes());
        self.payload(stamp, out);
        out.push(b'}');
    }

    /// Writes a frame of Server-Sent Events around the envelope, as long as one of Tidegate's.
    pub(crate) fn sse_frame(&self, stamp: Stamp, out: &mut Vec<u8>) {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(cursor(stamp).as_bytes());
        out.extend_from_slice(b"\nevent: ");
        out.extend_from_slice(EVENT_NAME.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        self.envelope(stamp, out);
        out.extend_from_slice(b"\n\n");
    }

    /// Writes the text of a WebSocket message around the envelope, as long as one of Tidegate's.
    pub(crate) fn ws_text(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let head = format!(
            r#"{{"type":"event","stream":"events","cursor":"{}","envelope":"#,
            cursor(stamp)
        );
        out.extend_from_slice(head.as_bytes());
        self.envelope(stamp, out);
        out.push(b'}');
    }
}

/// Returns what a stream is called: the organisation, or the channel.
pub(crate) fn stream_name(stream: u32) -> String {
    format!("bench{stream:06}")
}

/// Returns what stands in a cursor's place where a server has none of its own.
fn cursor(stamp: Stamp) -> String {
    format!("0000000000000-{:08}", stamp.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_json_and_holds_the_stamp() {
        let payloads = Payloads::new(Mark::new(5), 100);
        let stamp = Stamp { stream: 3, number: 17, sent_us: 99 };
        let forms = [Payloads::payload, Payloads::envelope, Payloads::ws_text];
        for write in forms {
            let mut out = Vec::new();
            write(&payloads, stamp, &mut out);
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert!(value.is_object());
            let mut seen = Vec::new();
            payloads.mark().scan(&out, |stamp| seen.push(stamp));
            assert_eq!(seen, [stamp]);
        }
    }

    #[test]
    fn payloads_have_their_size() {
        for size in [PAYLOAD_BYTES_MIN, 100, 5000] {
            let mut out = Vec::new();
            let stamp = Stamp { stream: 0, number: 1, sent_us: 2 };
            Payloads::new(Mark::new(1), size).payload(stamp, &mut out);
            assert_eq!(out.len(), size);
        }
    }

    #[test]
    fn a_frame_is_what_the_server_would_send() {
        let mut out = Vec::new();
        let stamp = Stamp { stream: 0, number: 1, sent_us: 0 };
        Payloads::new(Mark::new(0), 0).sse_frame(stamp, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "id: 0000000000000-00000001\nevent: bench.tick\ndata: {\"id\":\"evt_00000000000000000000000001\",\
             \"org_id\":\"bench000000\",\"event\":\"bench.tick\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\
             \"version\":\"v1\",\"payload\":{\"bench\":\"tgb00000000.0000000000000001000000000000\",\
             \"fill\":\"\"}}\n\n"
        );
    }
}
