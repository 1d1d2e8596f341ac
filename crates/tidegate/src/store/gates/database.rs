//! The gates of the database: its version, its engine, its migrations, its queries, its connection.

use ::store::{
    LedgerState, Message, SURREALDB_VERSION, Store,
    probe::{Clock, Pattern, StampError, Synthetic},
};
use serde_json::{Value, json};
use ulid::Ulid;

use super::{
    candidate::Candidate,
    report::{Finding, Standing},
};

const ENGINE_ADVICE: &str = "Look at the command line of the SurrealDB servers (`surreal start \
                             tikv://…`) and say what it is with --engine; in production it is tikv.";

/// What the names of databases begin with in which a change is stamped.
const DATABASES: &str = "tidegate_gates_";

impl Candidate {
    pub(super) async fn server_version(&self) -> Finding {
        let store = match self.store() {
            Ok(store) => store,
            Err(finding) => return finding,
        };
        let status = match store.status().await {
            Ok(status) => status,
            Err(error) => return unanswered(&error),
        };
        judge_version(&status.version)
    }

    pub(super) async fn storage_engine(&self) -> Finding {
        let store = match self.store() {
            Ok(store) => store,
            Err(finding) => return finding,
        };
        let name = format!("{DATABASES}{}", Ulid::generate());
        self.written.lock().databases.insert(name.clone());
        let stamp = store.change_stamp(&name).await;
        if matches!(stamp, Err(StampError::NotMade(_))) {
            self.written.lock().databases.remove(&name);
        }
        let clock = stamp.as_ref().map(|stamp| stamp.clock());
        let detail = match &stamp {
            Ok(stamp) => json!({"change_stamp": stamp.stamp, "server_ms": stamp.now_ms}),
            Err(error) => json!({"change_stamp": null, "reason": error.to_string()}),
        };
        let engine = self.plan.engine.as_deref();
        judge_engine(engine, clock.ok(), self.plan.production).with(detail)
    }

    pub(super) async fn query_patterns(&self) -> Finding {
        let store = match self.store() {
            Ok(store) => store,
            Err(finding) => return finding,
        };
        let on = Synthetic {
            org: self.run.clone(),
            thread: format!("{}-a", self.run),
            neighbour: format!("{}-b", self.run),
        };
        self.written.lock().threads.extend([on.thread.clone(), on.neighbour.clone()]);
        let found = match store.try_patterns(&on).await {
            Ok(found) => found,
            Err(error) => return unanswered(&error),
        };
        let wrong: Vec<_> = found.answers.iter().filter(|answer| !answer.is_right).collect();
        let bad: Vec<_> = found.patterns.iter().filter(|pattern| !pattern.is_good()).collect();
        let detail = json!({
            "answers": found.answers.iter().map(|answer| {
                json!({"question": answer.question, "right": answer.is_right})
            }).collect::<Vec<_>>(),
            "patterns": found.patterns.iter().map(pattern).collect::<Vec<_>>(),
        });
        let finding = if wrong.is_empty() && bad.is_empty() {
            let (answers, patterns) = (found.answers.len(), found.patterns.len());
            Finding::pass(format!("{answers} answers right, {patterns} statements as listed"))
        } else {
            let wrong =
                wrong.iter().map(|answer| format!("`{}` has a wrong answer", answer.question));
            let bad = bad.iter().map(|pattern| in_words(pattern));
            let seen: Vec<_> = wrong.chain(bad).collect();
            Finding::fail(
                seen.join("; "),
                "Compare INFO FOR TABLE with the migrations, and restore the index that is missing.",
            )
        };
        finding.with(detail)
    }

    pub(super) async fn reconnect(&self) -> Finding {
        if let Err(finding) = self.store() {
            return finding;
        }
        let thread = format!("{}-c", self.run);
        self.written.lock().threads.insert(thread.clone());
        let message = Message {
            message_id: format!("msg_{thread}"),
            author_id: "gates-user".into(),
            body: "synthetic message of a release gate".into(),
            attachments: Vec::new(),
            created_at_ms: 1,
            request_id: None,
            correlation_id: None,
            thread_id: thread.clone(),
            seq: 1,
        };
        match self.written_and_read(&message).await {
            Ok(found) if found == [message] => {
                Finding::pass("written over one connection, read back over another")
            }
            Ok(found) => Finding::fail(
                format!("{} rows were read back, not the one that was written", found.len()),
                "Find out what answers at SURREAL_ENDPOINT: connections must lead to one database.",
            ),
            Err(error) => Finding::error(
                format!("the database at {}: {error}", self.plan.place),
                "See that it takes new connections, and what lies between here and there.",
            ),
        }
    }

    /// Writes over one connection of its own, gives it up, and reads over another.
    async fn written_and_read(&self, message: &Message) -> Result<Vec<Message>, String> {
        let in_words = |error: &dyn std::error::Error| error.to_string();
        let options = &self.plan.options;
        let first = Store::attach(options.clone()).await.map_err(|error| in_words(&error))?;
        let wrote = first.chat().write(std::slice::from_ref(message)).await;
        first.close().await;
        drop(first);
        wrote.map_err(|error| in_words(&error))?;
        let second = Store::attach(options.clone()).await.map_err(|error| in_words(&error))?;
        let read = second.chat().read(&message.thread_id, 0, 10).await;
        second.close().await;
        let read = read.map_err(|error| in_words(&error))?;
        Ok(read.into_iter().map(|amended| amended.message).collect())
    }

    /// Returns what the ledger says, in words, and whether it is that of this program.
    pub(super) async fn ledger(&self) -> Result<(String, bool), Finding> {
        let status = self.store()?.status().await.map_err(|error| unanswered(&error))?;
        Ok(match status.ledger {
            LedgerState::Current => {
                (format!("ledger of {} files: {}", status.applied.len(), status.checksum), true)
            }
            LedgerState::Behind(files) => (format!("the ledger lacks {}", files.join(", ")), false),
            LedgerState::Refused(fault) => (format!("the ledger differs: {fault}"), false),
        })
    }
}

fn unanswered(error: &dyn std::error::Error) -> Finding {
    Finding::error(error.to_string(), "See that the database answers, and its log.")
}

fn pattern(pattern: &Pattern) -> Value {
    let part = |part: &::store::probe::Part| json!({"text": part.text, "wanted": part.wanted, "plan": part.plan, "good": part.is_good});
    let parts: Vec<_> = pattern.parts.iter().map(part).collect();
    json!({"name": pattern.name, "does": pattern.operation, "parts": parts})
}

fn in_words(pattern: &Pattern) -> String {
    let part = pattern.parts.iter().find(|part| !part.is_good);
    match part {
        None => format!("{} was not tried", pattern.name),
        Some(part) => {
            let plan = part.plan.as_deref().unwrap_or("nothing");
            format!("{} does not use {}, the server says: {plan}", pattern.name, part.wanted)
        }
    }
}

fn judge_version(version: &str) -> Finding {
    match version == SURREALDB_VERSION {
        true => Finding::pass(version),
        false => Finding::fail(
            version,
            "Deploy SurrealDB 3.0.0: this program was tried with no other version.",
        ),
    }
}

/// Judges what an operator says of the engine against what the server lets see.
fn judge_engine(said: Option<&str>, clock: Option<Clock>, production: bool) -> Finding {
    let says_tikv = said.is_some_and(|said| said.eq_ignore_ascii_case("tikv"));
    let stamps = match clock {
        Some(Clock::Oracle) => "its change stamps are those of TiKV",
        Some(Clock::Process) => "its change stamps are not those of TiKV",
        Some(Clock::Unknown) => "its change stamps are of no known engine",
        None => "nor could a change be stamped",
    };
    let said_so = said.map_or_else(
        || "nobody asserts one (--engine)".to_owned(),
        |said| format!("asserted by --engine: {said}"),
    );
    let seen = format!("the engine can't be seen, 3.0.0 does not tell; {stamps}; {said_so}");
    let contradicts = match clock {
        Some(Clock::Process) => says_tikv,
        Some(Clock::Oracle) => said.is_some() && !says_tikv,
        Some(Clock::Unknown) | None => false,
    };
    match (said, production) {
        _ if contradicts => {
            Finding::fail(seen, "The assertion can't be true: look at the servers again.")
        }
        (None, false) => Finding::pass(seen).by(Standing::Unseen),
        (Some(_), false) => Finding::pass(seen).by(Standing::Asserted),
        (Some(_), true) if says_tikv => Finding::pass(seen).by(Standing::Asserted),
        (None, true) => Finding::fail(seen, ENGINE_ADVICE).by(Standing::Unseen),
        (Some(_), true) => Finding::fail(seen, "Production runs on TiKV.").by(Standing::Asserted),
    }
}

#[cfg(test)]
mod tests {
    use ::store::probe::Clock;

    use super::{Standing, judge_engine, judge_version};
    use crate::store::gates::report::Verdict;

    #[test]
    fn one_version_passes() {
        for (version, verdict) in
            [("3.0.0", Verdict::Pass), ("3.0.1", Verdict::Fail), ("3.0.0-beta.1", Verdict::Fail)]
        {
            assert_eq!(judge_version(version).verdict, verdict, "{version}");
        }
    }

    #[test]
    fn production_needs_an_assertion_that_nothing_contradicts() {
        let check = |said, clock, production, verdict, standing| {
            let found = judge_engine(said, clock, production);
            assert_eq!((found.verdict, found.standing), (verdict, standing), "{found:?}");
            assert!(found.seen.contains("can't be seen"), "{found:?}");
        };
        let (oracle, process) = (Some(Clock::Oracle), Some(Clock::Process));
        check(Some("tikv"), oracle, true, Verdict::Pass, Standing::Asserted);
        check(Some("TiKV"), None, true, Verdict::Pass, Standing::Asserted);
        check(Some("tikv"), process, true, Verdict::Fail, Standing::Seen);
        check(Some("tikv"), process, false, Verdict::Fail, Standing::Seen);
        check(Some("surrealkv"), oracle, false, Verdict::Fail, Standing::Seen);
        check(Some("surrealkv"), process, true, Verdict::Fail, Standing::Asserted);
        check(None, oracle, true, Verdict::Fail, Standing::Unseen);
        check(None, process, false, Verdict::Pass, Standing::Unseen);
        check(Some("surrealkv"), process, false, Verdict::Pass, Standing::Asserted);
    }
}
