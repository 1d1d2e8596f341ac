//! For what release a rehearsal that passed vouches: for none where guards saw nothing, where the run was
//! sent back by what went wrong, or where the candidate had no clients. Pure.

use conductor::{Event, Onlooker, Phase};
use evidence::Choice;
use guard::Verdict as Judged;
use runbook::GuardSpec;

use super::{Act, PlaySettings, breaking::Broken, inject::kinds};
use crate::Verdict;

/// With fewer readers than that a loss would hardly be seen, so that nothing is vouched for.
const READERS_MIN: usize = 20;

/// The same of events per second of all publishers.
const EVENTS_PER_SECOND_MIN: f64 = 10.0;

/// What a certificate depends on beside a rehearsal's having passed.
#[derive(Clone, Debug, Default)]
pub(super) struct Grounds {
    /// Guards that people waived.
    waived: Vec<String>,
    /// Guards that were not looked for.
    unseen: Vec<String>,
    /// Guards that said FAIL in a run that went back.
    failed: Vec<String>,
    /// What broke around the replicas.
    broken: Option<String>,
    /// Whether there was a candidate that only a canary's clients come to.
    has_canary: bool,
    /// Streams that were opened on it.
    streams: u64,
    /// Readers, and events per second.
    load: (usize, f64),
}

impl Grounds {
    /// Returns those of a rehearsal that is over.
    pub(super) fn of(
        settings: &PlaySettings,
        run: &Onlooker,
        phase: Phase,
        broken: Option<&Broken>,
        load: &Verdict,
    ) -> Self {
        let (plan, script) = (&settings.plan, &settings.script);
        let is_back = matches!(phase, Phase::RollingBack | Phase::RolledBack);
        let failed = failed_guards(run).into_iter().filter(|_| is_back);
        let promotes = |id: &str| script.step(id).act == Some(Act::Promote);
        let is_promoted = plan.all_steps().any(|it| it.carried_out && promotes(&it.id));
        let gives_traffic = plan.steps.iter().any(|it| it.traffic.is_some() && it.carried_out);
        Grounds {
            waived: waived_guards(run),
            unseen: script.unseen.keys().cloned().collect(),
            failed: failed.map(|guard| guard.id.clone()).collect(),
            broken: broken.filter(|it| it.broken_at.is_some()).map(|it| it.what.clone()),
            has_canary: gives_traffic || (script.starts_candidate(plan) && !is_promoted),
            streams: load.ledger.connects.canary,
            load: (script.load.readers, script.load.events_per_second),
        }
    }

    /// Returns why no release is vouched for; nothing where one is.
    pub(super) fn withheld(&self) -> Vec<String> {
        let mut why = Vec::new();
        let unseen = self.unseen.iter();
        why.extend(unseen.map(|id| format!("the guard {id} was not looked for")));
        let waived = self.waived.iter().filter(|id| !self.unseen.contains(id));
        why.extend(waived.map(|id| format!("the guard {id} was waived")));
        let failed = self.failed.iter();
        why.extend(failed.map(|id| format!("the run was sent back: the guard {id} said FAIL")));
        why.extend(self.broken.iter().map(|what| format!("{what} broke something on purpose")));
        if self.has_canary && self.streams == 0 {
            why.push(
                "no stream was opened on the canary, so that nothing was seen of it".to_owned(),
            );
        }
        let (readers, per_second) = self.load;
        if readers < READERS_MIN || per_second < EVENTS_PER_SECOND_MIN {
            why.push(format!(
                "with {readers} readers and {per_second} events per second there was too little to see; at \
                 least {READERS_MIN} readers and {EVENTS_PER_SECOND_MIN} events per second"
            ));
        }
        why
    }
}

/// Returns why a rehearsal in which something was made wrong has shown nothing: no guard that is there
/// for it said FAIL.
pub(super) fn unnoticed(injected: Option<&str>, failed: &[&GuardSpec]) -> Option<String> {
    let injected = injected?;
    let is_seen = kinds(injected).any(|kind| failed.iter().any(|guard| kind.is_seen_by(guard)));
    (!is_seen).then(|| format!("no guard that is there for it said FAIL of {injected}"))
}

/// Returns the guards that said FAIL, each once.
pub(super) fn failed_guards(run: &Onlooker) -> Vec<&GuardSpec> {
    let failed = |id: &str| {
        run.entries().iter().any(|entry| match &entry.event {
            Event::Judged(judged) => judged.guard == id && judged.verdict == Judged::Fail,
            _ => false,
        })
    };
    run.plan.guards.iter().map(|guard| &guard.spec).filter(|spec| failed(&spec.id)).collect()
}

fn waived_guards(run: &Onlooker) -> Vec<String> {
    let is_waived = |id: &str| {
        run.entries().iter().any(|entry| match &entry.event {
            Event::Decided { choice: Choice::Waive, about, .. } => about.as_deref() == Some(id),
            _ => false,
        })
    };
    let ids = run.plan.guards.iter().map(|guard| &guard.spec.id);
    ids.filter(|id| is_waived(id)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use runbook::Measure;

    use super::*;

    fn good() -> Grounds {
        Grounds { has_canary: true, streams: 1, load: (20, 10.0), ..Grounds::default() }
    }

    #[test]
    fn next_to_nothing_vouches_for_no_release() {
        let one = || vec!["errors".to_owned()];
        for (grounds, why) in [
            (good(), ""),
            (Grounds { has_canary: false, streams: 0, ..good() }, ""),
            (Grounds { waived: one(), ..good() }, "the guard errors was waived"),
            (
                Grounds { waived: one(), unseen: one(), ..good() },
                "the guard errors was not looked for",
            ),
            (
                Grounds { failed: one(), ..good() },
                "the run was sent back: the guard errors said FAIL",
            ),
            (
                Grounds { broken: Some("redis-killed".into()), ..good() },
                "redis-killed broke something on purpose",
            ),
            (
                Grounds { streams: 0, ..good() },
                "no stream was opened on the canary, so that nothing was seen of it",
            ),
            (
                Grounds { load: (19, 10.0), ..good() },
                "with 19 readers and 10 events per second there was too little to see; at least 20 readers \
                 and 10 events per second",
            ),
            (
                Grounds { load: (20, 9.5), ..good() },
                "with 20 readers and 9.5 events per second there was too little to see; at least 20 readers \
                 and 10 events per second",
            ),
        ] {
            assert_eq!(grounds.withheld().join("; "), why, "{grounds:?}");
        }
    }

    fn guard(measure: Measure, source: &str) -> GuardSpec {
        let text = format!("id = \"a\"\nmeasure = \"{}\"\nsource = '{source}'", measure.as_str());
        toml::from_str(&text).expect("it is a guard")
    }

    #[test]
    fn what_was_made_wrong_is_seen_by_a_guard_that_is_there_for_it() {
        let errors = guard(Measure::Errors, "x");
        let lost = guard(Measure::Zero, r#"ledger{kind="lost"}"#);
        let all = guard(Measure::Zero, "ledger");
        for (injected, failed, is_seen) in [
            (None, vec![], true),
            (Some("errors=20%"), vec![], false),
            (Some("errors=20%"), vec![&errors], true),
            (Some("errors=20%"), vec![&lost], false),
            (Some("lose=1%"), vec![&errors], false),
            (Some("lose=1%,seed=7"), vec![&lost], true),
            (Some("repeat=1%"), vec![&lost], false),
            (Some("repeat=1%"), vec![&all], true),
            (Some("errors=20%,repeat=1%"), vec![&errors], true),
            (Some("seed=7"), vec![&errors], false),
            (Some(""), vec![&errors], false),
        ] {
            assert_eq!(unnoticed(injected, &failed).is_none(), is_seen, "{injected:?}");
        }
    }
}
