//! Programs, one after the other until one fails.

use conductor::{Artefact, Done, Work};
use serde_json::json;
use tokio::time::Instant;

use super::{document, error, fail, pass, with};
use crate::{Artefacts, Deployment, Instead, program::Ended};

/// What a step leaves behind that did something else than to run its own programs.
const INSTEAD: &str = "instead.json";

impl Deployment {
    pub(super) async fn command(&self, work: &Work, until: Instant) -> Done {
        let mut artefacts = Artefacts::new();
        let content = &work.step.content;
        if !content.flags.is_empty() {
            // What takes a step back sets its settings, then runs its programs.
            let set = self.set_flags(&content.flags, until).await;
            artefacts.extend(set.artefacts.clone());
            if !set.verdict.is_pass() {
                return set;
            }
        }
        let ran = match self.hands.instead(&work.step) {
            Some(instead) => self.do_instead(instead, work, until).await,
            None => self.run_all(&content.commands, work, until).await,
        };
        with(ran, artefacts)
    }

    /// Does something else than to run the step's own programs, and says so, however that ends.
    async fn do_instead(&self, instead: Instead, work: &Work, until: Instant) -> Done {
        let planned = &work.step.content.commands;
        let (mut done, other, why) = match instead {
            Instead::Commands(commands, why) => {
                (self.run_all(&commands, work, until).await, commands, why)
            }
            Instead::Act(why) => (self.act(work, until).await, Vec::new(), why),
        };
        let own = shown(planned);
        let ran = if other.is_empty() { String::new() } else { format!(": {}", shown(&other)) };
        done.text = format!("{} In the place of {own}, since {why}{ran}.", done.text);
        let what = json!({ "planned": planned, "instead": other, "why": why });
        done.artefacts.push(document(INSTEAD, &what));
        done
    }

    pub(super) async fn run_all(
        &self,
        commands: &[Vec<String>],
        work: &Work,
        until: Instant,
    ) -> Done {
        if commands.is_empty() {
            return error("It names no program to run; write one as code in the runbook.");
        }
        let mut artefacts = Artefacts::new();
        for (number, argv) in (1..).zip(commands) {
            let program = argv.first().map_or("", String::as_str);
            let ended = match self.programs.run(argv, until).await {
                Ok(ended) => ended,
                Err(why) => {
                    return with(error(format!("{}.", capital(&why.to_string()))), artefacts);
                }
            };
            let before = if commands.len() > 1 { format!("{number}-") } else { String::new() };
            artefacts.extend(outputs(&ended, &before));
            if !ended.is_good() {
                let said = ended.sentence(work.within);
                return with(fail(format!("`{program}` {said}")), artefacts);
            }
            if let Some(fault) = not_exactly_one_test(argv, &ended) {
                return with(fail(fault), artefacts);
            }
        }
        let text = match commands.len() {
            1 => "The program ended with exit code 0.".to_owned(),
            many => format!("All {many} programs ended with exit code 0."),
        };
        with(pass(text), artefacts)
    }
}

/// Returns commands as a person reads them, each in one line.
fn shown(commands: &[Vec<String>]) -> String {
    let line = |argv: &Vec<String>| {
        let all = argv.join(" ");
        format!("`{}`", all.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    commands.iter().map(line).collect::<Vec<_>>().join(", ")
}

fn outputs(ended: &Ended, before: &str) -> Artefacts {
    let named = [("stdout", &ended.stdout), ("stderr", &ended.stderr)];
    let kept = named
        .into_iter()
        .map(|(name, kept)| Artefact { name: format!("{before}{name}.txt"), bytes: kept.bytes() });
    kept.filter(|artefact| !artefact.bytes.is_empty()).collect()
}

/// Says what is wrong with a `cargo test … --exact`, which ends well also where it found no test.
fn not_exactly_one_test(argv: &[String], ended: &Ended) -> Option<String> {
    let (program, arguments) = argv.split_first()?;
    let is_cargo = program == "cargo" || program.ends_with("/cargo");
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    if !(is_cargo && (has("test") || has("t")) && has("--exact")) {
        return None;
    }
    let passed = ended.stdout.tests().passed;
    (passed != 1).then(|| {
        format!("`cargo test … --exact` ran {passed} tests and not one; look at the test's name")
    })
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
