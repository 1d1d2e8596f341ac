//! Events that a number names.

use broker::NewEvent;
use event::EventId;

const FIRST_UNIX_MS: u64 = 1_700_000_000_000;

/// Returns the event with this number and name; `pad` bytes make it bigger.
pub(crate) fn event_numbered(number: u64, name: &str, pad: usize) -> NewEvent {
    let time = u128::from(FIRST_UNIX_MS + number) << 80;
    let json = format!(r#"{{"n":{number},"pad":"{}"}}"#, "x".repeat(pad));
    NewEvent {
        id: EventId::from_bits(time | u128::from(number)),
        name: name.parse().expect("it keeps the grammar"),
        json: json.into(),
    }
}
