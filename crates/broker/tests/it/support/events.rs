//! Events that a number names.

use broker::NewEvent;
use event::EventId;

const FIRST_UNIX_MS: u64 = 1_700_000_000_000;

/// Returns the event with this number; a larger one is later.
pub(crate) fn event_numbered(number: u64) -> NewEvent {
    let time = u128::from(FIRST_UNIX_MS + number) << 80;
    let json = format!(r#"{{"n":{number}}}"#);
    NewEvent {
        id: EventId::from_bits(time | u128::from(number)),
        name: "case.step".parse().expect("it keeps the grammar"),
        json: json.into(),
    }
}
