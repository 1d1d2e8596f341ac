//! Answers of the runtime socket: each is some lines and an empty one, and some of them say no.

/// What HAProxy says where it does not do what it is told, and what a person can do.
const REFUSALS: &[(&str, &str)] = &[
    ("Permission denied", LEVEL_ADMIN),
    ("# contents not dumped due to insufficient privileges", LEVEL_ADMIN),
    (
        "Unknown command",
        "this is another program or an HAProxy before 2.6; check the address of the socket",
    ),
    (
        "Unknown map identifier",
        "the map is not in its configuration; take the configuration from docs/traffic.md, and give \
         the map's path as it stands there",
    ),
    (
        "entry not found",
        "write the map's entries `weight`, `until` and `owner`; see docs/traffic.md",
    ),
    ("Key not found", "somebody else changes the map too; look at it"),
    ("No such backend", BACKEND_NAME),
    ("No such server", BACKEND_NAME),
    ("No such proxy", BACKEND_NAME),
    ("Can't find backend", BACKEND_NAME),
    (
        "No such table",
        "the backend has no stick-table for clients; take the configuration from docs/traffic.md",
    ),
    ("Require", "the configuration does not fit; take it from docs/traffic.md"),
    ("malformed", "the value was not understood; check HAProxy's version"),
];

const LEVEL_ADMIN: &str =
    "write `level admin` behind `stats socket` in its configuration, and reload it";
const BACKEND_NAME: &str = "check the names of the backends in its configuration";

/// Parts a text into the answers to `count` commands; nothing where it is not whole.
pub(super) fn part(text: &str, count: usize) -> Option<Vec<&str>> {
    let mut answers = Vec::with_capacity(count);
    let mut rest = text;
    while answers.len() < count {
        let (answer, behind) = match rest.strip_prefix('\n') {
            Some(behind) => ("", behind),
            None => rest.split_once("\n\n")?,
        };
        answers.push(answer);
        rest = behind;
    }
    rest.is_empty().then_some(answers)
}

/// Returns what a person can do where HAProxy says no.
pub(super) fn refusal(answer: &str) -> Option<(String, &'static str)> {
    answer.lines().find_map(|line| {
        let (_, advice) = REFUSALS.iter().find(|(beginning, _)| line.starts_with(beginning))?;
        Some((line.trim_end_matches('.').to_owned(), *advice))
    })
}

#[cfg(test)]
mod tests;
