//! The payload of a published event: whose it is and which one. It follows from these numbers, byte
//! for byte, so that a reader can tell whether it came as it was sent.

use serde::Deserialize;

/// The name of ordinary events, and of the one that ends the readers.
pub(crate) const TICK: &str = "chaos.tick";
pub(crate) const END: &str = "chaos.end";

/// What an event says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct Stamp {
    /// Who published it.
    pub(crate) by: usize,
    /// Which of that publisher's it is.
    pub(crate) n: u64,
    /// The first of its list.
    pub(crate) first: u64,
    /// How many its list has; 1 where it came alone.
    pub(crate) of: u64,
}

impl Stamp {
    /// Returns the payload.
    pub(crate) fn payload(self) -> String {
        let Stamp { by, n, first, of } = self;
        let fill = "x".repeat(fill_bytes(by as u64, n));
        format!(r#"{{"by":{by},"n":{n},"first":{first},"of":{of},"fill":"{fill}"}}"#)
    }

    /// Returns the event as it is published.
    pub(crate) fn event(self, name: &str) -> String {
        format!(r#"{{"event":"{name}","payload":{}}}"#, self.payload())
    }

    /// Reads a payload; `None` where it is not what was sent.
    pub(crate) fn read(payload: &str) -> Option<Self> {
        let stamp: Stamp = serde_json::from_str(payload).ok()?;
        (stamp.payload() == payload).then_some(stamp)
    }
}

/// Most are small, and a few large.
fn fill_bytes(by: u64, n: u64) -> usize {
    let mixed = (n * 2_654_435_761 + by * 40_503) >> 7;
    let bytes = if mixed.is_multiple_of(53) { 4_000 + mixed % 4_000 } else { mixed % 240 };
    usize::try_from(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_read_back_and_a_changed_one_is_not() {
        for n in 0..200 {
            let stamp = Stamp { by: 3, n, first: n, of: 1 };
            assert_eq!(Stamp::read(&stamp.payload()), Some(stamp));
            let longer = stamp.payload().replace("\"fill\":\"", "\"fill\":\"y");
            assert_eq!(Stamp::read(&longer), None);
            assert_eq!(Stamp::read(&stamp.payload().replace("\"by\":3", "\"by\":4")), None);
        }
        let sizes: Vec<_> = (0..1000).map(|n| fill_bytes(1, n)).collect();
        assert!(sizes.iter().any(|size| *size > 4_000) && sizes.iter().any(|size| *size < 240));
    }
}
