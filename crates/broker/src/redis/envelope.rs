//! The first fields of an envelope's JSON, read without parsing its payload.
//!
//! The text is our own: exactly the six fields, in their order, without white space before the
//! payload, and nothing that JSON escapes (`event::Envelope::to_json`).

use event::{EventId, EventName};

/// Reads the identity and the kind of an event; `None` where the text is no envelope of ours.
pub(super) fn head_of(json: &[u8]) -> Option<(EventId, EventName)> {
    let rest = json.strip_prefix(br#"{"id":""#)?;
    let (id, rest) = quoted(rest)?;
    let (_, rest) = quoted(rest.strip_prefix(br#","org_id":""#)?)?;
    let (name, _) = quoted(rest.strip_prefix(br#","event":""#)?)?;
    Some((id.parse().ok()?, name.parse().ok()?))
}

/// Returns the text up to the next quotation mark, and what follows that.
fn quoted(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|&byte| byte == b'"')?;
    Some((std::str::from_utf8(&text[..end]).ok()?, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use event::{Envelope, EventId, Payload};

    use super::head_of;

    #[test]
    fn the_head_of_every_envelope_is_read() {
        for (id, org, event) in [(0, "o", "a"), (u128::MAX, "org_1.x-y", "a_b.c-d")] {
            let envelope = Envelope {
                id: EventId::from_bits(id),
                org_id: org.parse().unwrap(),
                event: event.parse().unwrap(),
                payload: Payload::empty(),
            };
            let head = head_of(&envelope.to_json());
            assert_eq!(head, Some((envelope.id, envelope.event)));
        }
    }

    #[test]
    fn what_is_no_envelope_has_no_head() {
        for text in ["", "{}", r#"{"id":"x","org_id":"o","event":"a"}"#, r#"{"id":"#] {
            assert_eq!(head_of(text.as_bytes()), None, "{text}");
        }
    }
}
