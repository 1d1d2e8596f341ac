//! Options of programs: `--password value`, `-u user:password`, and short ones of known programs.

use super::{
    Scan, SecretKind, name,
    value::{self, Place},
};

/// Options that take a user with a password behind a colon.
const USERS: [&str; 4] = ["-u", "--user", "--proxy-user", "-U"];

/// Programs of whose users' groups a colon tells, or whose `-u` is something else.
const NO_USERS: [&str; 4] = ["docker", "podman", "chown", "kubectl"];

/// Short options that take a password, each with what its program is called by.
const SHORT: &[(&str, &str)] = &[
    ("redis-cli", "-a"),
    ("valkey-cli", "-a"),
    ("sshpass", "-p"),
    ("docker login", "-p"),
    ("podman login", "-p"),
    ("helm registry login", "-p"),
    ("az login", "-p"),
    ("mongosh", "-p"),
    ("mongodump", "-p"),
    ("mongorestore", "-p"),
    ("ldapsearch", "-w"),
    ("ldapmodify", "-w"),
    ("zip", "-P"),
    ("openssl enc", "-k"),
    ("tidegate", "--key"),
];

/// Options that take a user with a password, each with the programs and the sign between the two.
const PAIRS: [(&[&str], &[&str], char); 2] = [
    (&["http", "https"], &["-a", "--auth"], ':'),
    (&["smbclient", "rpcclient"], &["-U", "--user"], '%'),
];

/// Programs that take a password right behind `-p`.
const ATTACHED: [&str; 5] = ["mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump"];

pub(super) fn scan(scan: &mut Scan<'_, '_>) {
    let line = scan.line;
    let mut start = 0;
    for word in line.split_inclusive([' ', '\t']) {
        let at = start;
        start += word.len();
        let word = word.trim_end();
        let bare = word.trim_start_matches(['`', '"', '\'', '(', '[']);
        let is_followed = start < line.len() && !line[start..].starts_with(' ');
        if let Some(password) =
            bare.strip_prefix("pass:").filter(|_| value::behind(line, at).contains("-pass"))
        {
            let from = at + word.len() - password.len();
            find(scan, "-pass", value::range(line, Place::Word(from)));
        }
        if !bare.starts_with('-') || bare.len() < 2 {
            continue;
        }
        let is_attached =
            || ATTACHED.iter().any(|program| has_program(value::behind(line, at), program));
        if let Some(password) = bare.strip_prefix("-p").filter(|it| !it.is_empty() && is_attached())
        {
            let from = at + word.len() - password.len();
            find(scan, "-p", value::range(line, Place::Word(from)));
            continue;
        }
        if let Some((option, user)) =
            bare.split_once('=').filter(|(option, _)| USERS.contains(option))
        {
            user_with_password(scan, option, at + word.len() - user.len());
        }
        if let Some((option, password)) =
            bare.split_once('=').filter(|(o, _)| is_short(line, at, o))
        {
            let range = value::range(line, Place::Word(at + word.len() - password.len()));
            find(scan, option.trim_start_matches("--"), range);
        }
        if is_followed {
            with_value(scan, bare, (at, start));
        }
    }
}

/// Looks at an option whose value is the next word.
fn with_value(scan: &mut Scan<'_, '_>, option: &str, (at, start): (usize, usize)) {
    let line = scan.line;
    let before = value::behind(line, at);
    let known = option.trim_start_matches('-');
    for (programs, options, sign) in PAIRS {
        let mut words = before.split([' ', '`']);
        if options.contains(&option) && words.any(|word| programs.contains(&word)) {
            return pair(scan, option, start, sign);
        }
    }
    if USERS.contains(&option) {
        if !NO_USERS.iter().any(|program| has_program(before, program)) {
            user_with_password(scan, option, start);
        }
        return;
    }
    let is_short = is_short(line, at, option);
    let is_long = known.len() > 1 && name::last(known) == known && name::is_secret(known);
    if (is_short || is_long) && !line[start..].starts_with('-') {
        let range = value::range(line, Place::Word(start));
        if !value::is_prose(&line[range.clone()]) {
            find(scan, if is_short { option.trim_start_matches("--") } else { known }, range);
        }
    }
}

/// Returns whether a program before a place takes a password under an option.
fn is_short(line: &str, at: usize, option: &str) -> bool {
    let before = value::behind(line, at);
    SHORT.iter().any(|(program, short)| *short == option && has_program(before, program))
}

/// Looks at a user with a password behind a sign.
fn pair(scan: &mut Scan<'_, '_>, option: &str, start: usize, sign: char) {
    let whole = value::range(scan.line, Place::Word(start));
    if let Some((_, password)) = scan.line[whole.clone()].split_once(sign) {
        find(scan, option.trim_start_matches("--"), whole.end - password.len()..whole.end);
    }
}

fn user_with_password(scan: &mut Scan<'_, '_>, option: &str, start: usize) {
    let line = scan.line;
    let whole = value::range(line, Place::Word(start));
    let Some((user, password)) = line[whole.clone()].split_once(':') else { return };
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if password.starts_with("//") || (is_number(user) && is_number(password)) {
        return;
    }
    find(scan, option, whole.end - password.len()..whole.end);
}

fn find(scan: &mut Scan<'_, '_>, known: &str, range: std::ops::Range<usize>) {
    let text = &scan.line[range.clone()];
    if !value::is_hidden(text) {
        scan.find(range, SecretKind::Of(known.to_owned()));
    }
}

/// Returns whether a program stands among words, with a path before it or not.
fn has_program(before: &str, program: &str) -> bool {
    before.match_indices(program).any(|(at, _)| {
        let is_edge = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
        before[..at].chars().next_back().is_none_or(is_edge)
            && before[at + program.len()..].chars().next().is_none_or(is_edge)
    })
}
