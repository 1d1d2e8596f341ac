//! Secrets that stand in the clear in a document. They are named by their line, never shown: neither
//! where they are found, nor in what else is said of that document.

use aho_corasick::{AhoCorasick, MatchKind};
use evidence::{Secret, secrets};

use crate::{argv, problem::Problem, source::Source};

/// Shorter secrets are in every word, and are not looked for in messages.
const ECHO_CHARS_MIN: usize = 3;

/// Says what stands in the clear.
pub(crate) fn told(secret: &Secret) -> String {
    format!("{} stands in the clear; write `secret:NAME` and keep it elsewhere", secret.what)
}

/// Names the secrets that were found in a document.
pub(crate) fn named(source: &Source<'_>, found: &[Secret]) -> Vec<Problem> {
    let told = |secret: &Secret| {
        Problem::fault(source.line_of(secret.range.start), "secret", told(secret))
    };
    found.iter().map(told).collect()
}

/// Finds the secrets of a command as it is filled in: each word is one, whatever is in it.
pub(crate) fn in_command(words: &[String]) -> Vec<Secret> {
    secrets(&argv::shown(words))
}

/// Takes out of problems what was found to be secret: a message may quote what it is about.
pub(crate) fn hide(text: &str, found: &[Secret], problems: &mut [Problem]) {
    let mut hidden: Vec<&str> = found.iter().map(|secret| &text[secret.range.clone()]).collect();
    hidden.retain(|secret| secret.chars().count() >= ECHO_CHARS_MIN);
    hidden.sort_unstable();
    hidden.dedup();
    // There may be thousands of either; one automaton finds all in one go.
    let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&hidden);
    let instead = vec!["…"; hidden.len()];
    for problem in problems {
        problem.text = match &automaton {
            Ok(automaton) => automaton.replace_all(&problem.text, &instead),
            // Rather nothing than a secret.
            Err(_) => "…".to_owned(),
        };
    }
}

#[cfg(test)]
mod tests {
    use crate::{Options, lint};

    #[test]
    fn what_else_is_said_of_a_document_leaves_its_secrets_out() {
        for line in ["mode: DB_PASS=hunter2", "modus: --token=hunter2", "window: API_KEY=hunter2"] {
            let text = format!("---\nrunbook:\n  version: 1\n  {line}\n---\n# T\n");
            let problems = lint(&text, &Options::default());
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert!(told.iter().any(|it| it.contains("stands in the clear")), "{told:?}");
            assert!(!told.concat().contains("hunter2"), "{told:?}");
        }
        let text = "---\nrunbook:\n  version: 1\n  mode: DB_PASS=hunter2\n---\n# T\n";
        let told = "line 4: `mode`: `DB_PASS=…` is none of readiness, rehearsal, production";
        assert!(lint(text, &Options::default()).iter().any(|it| it.to_string() == told));
    }
}
