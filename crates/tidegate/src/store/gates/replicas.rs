//! What replicas say of themselves: their migrations, and where their logs are.

use std::collections::BTreeMap;

use gotong_api::LogPlace;
use serde_json::{Value, json};

use super::{
    candidate::{Candidate, Replica},
    report::{Finding, Verdict},
};

impl Replica {
    /// Returns a part of what its health says.
    fn says(&self, pointer: &str) -> Result<Option<&Value>, String> {
        let health = self.health.as_ref().map_err(|error| format!("no health: {error}"))?;
        Ok(health.pointer(pointer).filter(|value| !value.is_null()))
    }

    fn text(&self, pointer: &str) -> Result<Option<&str>, String> {
        Ok(self.says(pointer)?.and_then(Value::as_str))
    }
}

/// What was found of several peers: the worst counts.
struct Tally {
    verdict: Verdict,
    seen: Vec<String>,
}

impl Tally {
    fn new() -> Self {
        Tally { verdict: Verdict::Pass, seen: Vec::new() }
    }

    fn note(&mut self, verdict: Verdict, seen: String) {
        self.verdict = match (self.verdict, verdict) {
            (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
            (Verdict::Error, _) | (_, Verdict::Error) => Verdict::Error,
            (Verdict::Pass, Verdict::Pass) => Verdict::Pass,
        };
        self.seen.push(seen);
    }

    fn finding(self, failed: &str) -> Finding {
        let seen = self.seen.join("; ");
        match self.verdict {
            Verdict::Pass => Finding::pass(seen),
            Verdict::Fail => Finding::fail(seen, failed),
            Verdict::Error => Finding::error(seen, "See that each of them runs and answers."),
        }
    }
}

impl Candidate {
    pub(super) async fn migration_checksum(&self) -> Finding {
        let (wanted, program) = (&self.plan.checksum, ::store::checksum());
        let mut tally = Tally::new();
        let found = self.ledger().await;
        let artefact = match *wanted == program {
            true => Verdict::Pass,
            false => Verdict::Fail,
        };
        tally.note(artefact, format!("artefact {wanted}"));
        match found {
            // The ledger is compared with the files of this program.
            Ok((ledger, is_current)) if is_current && *wanted == program => {
                tally.note(Verdict::Pass, ledger);
            }
            Ok((ledger, _)) => tally.note(Verdict::Fail, ledger),
            Err(finding) => tally.note(Verdict::Error, finding.seen),
        }
        let mut told = BTreeMap::new();
        for replica in &self.replicas {
            let url = replica.target.shown();
            match replica.text("/checks/database/migration_checksum") {
                Ok(Some(checksum)) => {
                    told.insert(url, checksum);
                    let verdict = if checksum == wanted { Verdict::Pass } else { Verdict::Fail };
                    tally.note(verdict, format!("{url} {checksum}"));
                }
                Ok(None) => tally.note(Verdict::Error, format!("{url} tells none")),
                Err(error) => tally.note(Verdict::Error, format!("{url}: {error}")),
            }
        }
        let detail = json!({"artefact": wanted, "program": program, "replicas": told});
        let advice = "Deploy one artefact everywhere, and run the gates of that artefact.";
        tally.finding(advice).with(detail)
    }

    pub(super) async fn one_log(&self) -> Finding {
        let mut tally = Tally::new();
        let ours = self.log_place();
        if !self.is_shared() {
            let seen = "CHAT_REALTIME_TRANSPORT is not redis in these settings";
            tally.note(Verdict::Fail, seen.to_owned());
        }
        let mut names = BTreeMap::new();
        let mut places = Vec::new();
        for replica in &self.replicas {
            let url = replica.target.shown();
            match place_of(replica) {
                Err((verdict, seen)) => tally.note(verdict, format!("{url}: {seen}")),
                Ok((place, name)) => {
                    if let Some(other) = names.insert(name.to_owned(), url) {
                        let seen = format!("{url} and {other} are one replica, {name}");
                        tally.note(Verdict::Fail, seen);
                    }
                    let (verdict, seen) = compare(&ours, &place);
                    tally.note(verdict, format!("{url} {seen}"));
                    places.push((url, place));
                }
            }
        }
        let is_same = places.windows(2).all(|pair| pair[0].1 == pair[1].1);
        if !is_same {
            let shown = |(url, place): &(&str, LogPlace)| format!("{url}: {}", place.shown());
            let all: Vec<_> = places.iter().map(shown).collect();
            tally.note(Verdict::Fail, format!("the replicas differ: {}", all.join(", ")));
        }
        let shown: BTreeMap<_, _> =
            places.iter().map(|(url, place)| (*url, place.shown())).collect();
        let detail = json!({"settings": ours.shown(), "replicas": shown, "names": names});
        let advice = "Give all replicas, and these settings, one CHAT_REALTIME_CHANNEL_PREFIX, one \
                      REDIS_URL and CHAT_REALTIME_TRANSPORT=redis.";
        tally.finding(advice).with(detail)
    }
}

/// Returns where a replica keeps its logs, and what it is called.
fn place_of(replica: &Replica) -> Result<(LogPlace, &str), (Verdict, String)> {
    let says = |pointer| replica.says(pointer).map_err(|error| (Verdict::Error, error));
    let Some(place) = says("/checks/database/log_place")? else {
        let log =
            says("/checks/database/log")?.and_then(Value::as_str).unwrap_or("an unknown place");
        let seen = format!("its logs are in {log}, and it tells no place that others share");
        return Err((Verdict::Fail, seen));
    };
    let garbled = || (Verdict::Error, "it tells a place that makes no sense".to_owned());
    let place = LogPlace::read(place).ok_or_else(garbled)?;
    let name = says("/checks/runtime/replica")?.and_then(Value::as_str);
    Ok((place, name.ok_or_else(|| (Verdict::Error, "it tells no name".to_owned()))?))
}

/// Compares a replica's place with that of these settings.
fn compare(ours: &LogPlace, place: &LogPlace) -> (Verdict, String) {
    let told = |verdict, seen: &str| (verdict, seen.to_owned());
    match (&ours.run, &place.run) {
        _ if ours.prefix != place.prefix => {
            told(Verdict::Fail, "has another prefix than these settings")
        }
        (_, None) => told(Verdict::Fail, "has no connection to Redis"),
        (None, Some(_)) => told(
            Verdict::Error,
            "can't be compared: by these settings there is no connection to Redis",
        ),
        (Some(ours), Some(run)) if ours != run => {
            told(Verdict::Fail, "has another Redis than these settings")
        }
        (Some(_), Some(_)) => (Verdict::Pass, format!("has prefix {}", place.prefix)),
    }
}

#[cfg(test)]
mod tests {
    use gotong_api::LogPlace;

    use super::{Verdict, compare};

    #[test]
    fn what_was_not_compared_is_no_pass() {
        let check = |ours: (&str, Option<&str>), theirs: (&str, Option<&str>), verdict| {
            let place = |(prefix, run)| LogPlace::of(prefix, run);
            let found = compare(&place(ours), &place(theirs));
            assert_eq!(found.0, verdict, "{ours:?} and {theirs:?}: {found:?}");
        };
        check(("p", Some("a")), ("p", Some("a")), Verdict::Pass);
        check(("p", Some("a")), ("p", Some("b")), Verdict::Fail);
        check(("p", Some("a")), ("p", None), Verdict::Fail);
        check(("p", Some("a")), ("q", Some("a")), Verdict::Fail);
        check(("p", None), ("p", Some("a")), Verdict::Error);
        check(("p", None), ("p", None), Verdict::Fail);
        check(("p", None), ("q", Some("a")), Verdict::Fail);
    }
}
