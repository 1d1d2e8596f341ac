//! By what replicas can be compared that are to keep their logs in one place: the prefix of keys and
//! the run of Redis, as digests, since everybody may read health.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How many bytes of a digest are shown.
const BYTES: usize = 8;

/// Where logs are kept; equal for all replicas of one Redis and one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// The digest of `CHAT_REALTIME_CHANNEL_PREFIX`.
    pub prefix: String,
    /// The digest of the name of Redis's run; none while there is no connection.
    pub run: Option<String>,
}

impl LogPlace {
    /// Returns the place of a prefix and a run.
    pub fn of(prefix: &str, run: Option<&str>) -> Self {
        LogPlace { prefix: digest("prefix", prefix), run: run.map(|run| digest("run", run)) }
    }

    /// Reads it from `checks.database.log_place` of health.
    pub fn read(shown: &Value) -> Option<Self> {
        let text = |name: &str| shown.get(name)?.as_str().map(str::to_owned);
        Some(LogPlace { prefix: text("prefix_sha256")?, run: text("run_sha256") })
    }

    /// Returns it as health shows it.
    pub fn shown(&self) -> Value {
        json!({"prefix_sha256": self.prefix, "run_sha256": self.run})
    }
}

fn digest(kind: &str, text: &str) -> String {
    let digest = Sha256::digest(format!("tidegate {kind} {text}"));
    digest[..BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::LogPlace;

    #[test]
    fn a_place_is_read_as_it_is_shown_and_differs_by_each_part() {
        let place = LogPlace::of("gotong", Some("run"));
        assert_eq!(LogPlace::read(&place.shown()), Some(place.clone()));
        let lost = LogPlace::of("gotong", None);
        assert_eq!(LogPlace::read(&lost.shown()), Some(lost.clone()));
        assert_eq!(lost.prefix, place.prefix);
        assert_ne!(LogPlace::of("other", Some("run")).prefix, place.prefix);
        assert_ne!(LogPlace::of("gotong", Some("other")).run, place.run);
        assert_eq!(LogPlace::read(&serde_json::Value::Null), None);
    }
}
