//! Identities: their text, their time, and their ends.

use event::{EventId, UnixMs};
use proptest::prelude::*;

/// The last instant that a ULID's 48 bits can hold.
const UNIX_MS_MAX: u64 = (1 << 48) - 1;

#[test]
fn ids_are_written_as_ever() {
    let table = [
        (0, "evt_00000000000000000000000000"),
        (1, "evt_00000000000000000000000001"),
        (1_700_000_000_000 << 80 | 10, "evt_01HF7YAT00000000000000000A"),
        (u128::MAX, "evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"),
    ];
    for (bits, text) in table {
        assert_eq!(EventId::from_bits(bits).to_string(), text);
        assert_eq!(text.parse(), Ok(EventId::from_bits(bits)));
    }
}

#[test]
fn other_texts_are_no_ids() {
    let texts = [
        "",
        "evt_",
        "01HF7YAT00000000000000000A",
        "EVT_01HF7YAT00000000000000000A",
        "evt_01hf7yat00000000000000000a",
        "evt_01HF7YAT0000000000000000A",
        "evt_01HF7YAT000000000000000000A",
        "evt_01HF7YAT0000000000000000OA",
        "evt_80000000000000000000000000",
        "evt_01HF7YAT00000000000000000é",
        " evt_01HF7YAT00000000000000000A",
    ];
    for text in texts {
        assert!(text.parse::<EventId>().is_err(), "{text:?} is taken");
    }
}

#[test]
fn an_id_carries_its_time() {
    for at in [0, 1, 1_700_000_000_000, UNIX_MS_MAX] {
        let id = EventId::random(UnixMs(at), &mut rand::rng());
        assert_eq!(id.unix_ms(), UnixMs(at));
    }
    let beyond = EventId::random(UnixMs(u64::MAX), &mut rand::rng());
    assert_eq!(beyond.unix_ms(), UnixMs(UNIX_MS_MAX));
}

#[test]
fn ids_of_one_time_differ() {
    let mut rng = rand::rng();
    let mut ids: Vec<_> = (0..10_000).map(|_| EventId::random(UnixMs(5), &mut rng)).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10_000);
}

proptest! {
    #[test]
    fn ids_round_trip(bits in any::<u128>()) {
        let id = EventId::from_bits(bits);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(id.bits(), bits);
        prop_assert_eq!(u128::from(id.unix_ms().0), bits >> 80);
    }
}
