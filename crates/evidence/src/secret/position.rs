//! Secrets that a program takes by their place among its words: `vault login VALUE`.

use super::{
    Scan, SecretKind, name,
    value::{self, Place},
};

/// What a command begins with, and how many words come before the secret.
const PLACES: [(&str, usize); 5] = [
    ("vault login", 0),
    ("rabbitmqctl change_password", 1),
    ("rabbitmqctl add_user", 1),
    ("rabbitmqctl authenticate_user", 1),
    ("htpasswd", 2),
];

/// How far behind its program a command is looked at, in bytes.
const COMMAND_BYTES_MAX: usize = 512;

/// The most words of a command that are looked at.
const WORDS_MAX: usize = 16;

pub(super) fn scan(scan: &mut Scan<'_, '_>) {
    let line = scan.line;
    for (command, skipped) in PLACES {
        for (at, _) in line.match_indices(command) {
            let start = at + command.len();
            if !line[start..].starts_with(' ') {
                continue;
            }
            let (options, words) = words(line, start);
            // It asks for the password, unless it is told to take it from its words.
            let has = |letter: char| {
                options.iter().any(|option| !option.starts_with("--") && option.contains(letter))
            };
            let skipped = match command {
                "htpasswd" if !has('b') => continue,
                "htpasswd" if has('n') => skipped - 1,
                _ => skipped,
            };
            if let Some(start) = words.get(skipped) {
                find(
                    scan,
                    command.split(' ').next().filter(|_| skipped > 0).unwrap_or(command),
                    *start,
                );
            }
        }
    }
    for (at, sign) in line.match_indices("configure set ") {
        let (_, words) = words(line, at + sign.len());
        if let [known, start, ..] = words.as_slice() {
            let known = &line[value::range(line, Place::Word(*known))];
            if name::is_secret(known) {
                find(scan, known, *start);
            }
        }
    }
}

/// Returns the options behind a place, and where the other words begin.
fn words(line: &str, start: usize) -> (Vec<&str>, Vec<usize>) {
    let (mut options, mut words) = (Vec::new(), Vec::new());
    let mut at = start;
    for word in value::ahead(line, start, COMMAND_BYTES_MAX).split(' ').take(WORDS_MAX) {
        if word.starts_with('-') {
            options.push(word);
        } else if !word.is_empty() {
            words.push(at);
        }
        // What ends the command ends its words.
        if word.ends_with(['`', ';']) || ["&&", "||", "|"].contains(&word) {
            break;
        }
        at += word.len() + 1;
    }
    (options, words)
}

fn find(scan: &mut Scan<'_, '_>, known: &str, start: usize) {
    let range = value::range(scan.line, Place::Word(start));
    let text = &scan.line[range.clone()];
    let is_setting = text.contains('=');
    if !is_setting && !value::is_hidden(text) && !value::is_prose(text) {
        scan.find(range, SecretKind::Of(known.to_owned()));
    }
}
