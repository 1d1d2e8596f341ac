//! The payload of a published event: whose it is, which one, and when it was first sent.

use memchr::memmem::Finder;

/// The mark of a run's own events.
#[derive(Debug)]
pub(super) struct Mark {
    run: String,
    finder: Finder<'static>,
}

/// What an event of the run says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Its number among all that the run published.
    pub(super) number: u64,
    /// When it was first sent, in microseconds of the run.
    pub(super) sent_us: u64,
}

const SENT: &[u8] = b",\"sent_us\":";

impl Mark {
    /// Returns the mark of a run.
    pub(super) fn new(run: &str) -> Self {
        let needle = format!(r#""audit":"{run}","n":"#);
        Mark { run: run.to_owned(), finder: Finder::new(needle.as_bytes()).into_owned() }
    }

    /// Returns the run's name.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// Writes an event as it is published, its payload filled up to a size.
    pub(super) fn event(&self, stamp: Stamp, payload_bytes: usize) -> String {
        let Stamp { number, sent_us } = stamp;
        let run = &self.run;
        let bare = format!(r#"{{"audit":"{run}","n":{number},"sent_us":{sent_us},"fill":""}}"#);
        let fill = "x".repeat(payload_bytes.saturating_sub(bare.len()));
        format!(
            r#"{{"event":"audit.tick","payload":{{"audit":"{run}","n":{number},"sent_us":{sent_us},"fill":"{fill}"}}}}"#
        )
    }

    /// Reads the stamp of an envelope, without reading the envelope; `None` for others' events.
    pub(super) fn read(&self, json: &[u8]) -> Option<Stamp> {
        let at = self.finder.find(json)? + self.finder.needle().len();
        let (number, rest) = digits(&json[at..])?;
        let (sent_us, _) = digits(rest.strip_prefix(SENT)?)?;
        Some(Stamp { number, sent_us })
    }
}

fn digits(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().position(|b| !b.is_ascii_digit())?;
    let number = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
    Some((number, &bytes[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_round_trip_and_payloads_have_their_size() {
        let mark = Mark::new("r1");
        let stamp = Stamp { number: 7, sent_us: 1_234_567 };
        for size in [0, 100, 1000] {
            let event = mark.event(stamp, size);
            let value: serde_json::Value = serde_json::from_str(&event).unwrap();
            assert!(size == 0 || value["payload"].to_string().len() == size, "{event}");
            assert_eq!(mark.read(event.as_bytes()), Some(stamp));
        }
    }

    #[test]
    fn others_events_have_no_stamp() {
        let event = Mark::new("r2").event(Stamp { number: 1, sent_us: 2 }, 50);
        assert_eq!(Mark::new("r1").read(event.as_bytes()), None);
        assert_eq!(Mark::new("r1").read(br#"{"audit":"r1","n":"#), None);
        assert_eq!(Mark::new("r1").read(br#"{"audit":"r1","n":x}"#), None);
    }
}
