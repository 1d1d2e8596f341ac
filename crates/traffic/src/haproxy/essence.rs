//! What a HAProxy configuration says whatever the machine: the rules by which clients are told apart and
//! put on an arm, checks, and times. A rehearsal's and a deployment's are compared by this.
//!
//! Left out are comments, addresses, paths, names of replicas, and how many replicas, connections and
//! clients there may be. Pure.

use std::collections::BTreeMap;

/// What begins a section of a configuration.
const SECTIONS: [&str; 14] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "peers",
    "resolvers",
    "userlist",
    "mailers",
    "cache",
    "program",
    "http-errors",
    "ring",
    "fcgi-app",
];

/// Lines that say where a process runs and how much it may take, and no rule.
const OF_THE_MACHINE: [&str; 22] = [
    "bind",
    "maxconn",
    "log",
    "chroot",
    "user",
    "group",
    "uid",
    "gid",
    "daemon",
    "pidfile",
    "nbproc",
    "nbthread",
    "cpu-map",
    "ulimit-n",
    "ca-base",
    "crt-base",
    "node",
    "description",
    "master-worker",
    "set-dumpable",
    "localpeer",
    "server-state-file",
];

/// A text that is no HAProxy configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EssenceError {
    /// A line before any section.
    #[error("line {0} of HAProxy's configuration stands in no section; is it the right file?")]
    NoSection(usize),
    /// Nothing that gets requests, or nothing that they go to.
    #[error("HAProxy's configuration has no {0}; is it the right file?")]
    Lacks(&'static str),
    /// A quote that is open.
    #[error("line {0} of HAProxy's configuration has a quote that is not closed")]
    Quote(usize),
}

/// Returns what a configuration says whatever the machine, a line each. What differs in that, differs in
/// what happens to requests.
///
/// # Errors
/// Fails on a text that is no configuration.
pub fn essence(config: &str) -> Result<String, EssenceError> {
    let mut lines: Vec<String> = Vec::new();
    let mut paths = Paths::default();
    let (mut section, mut has) = (String::new(), BTreeMap::from([("frontend", 0), ("backend", 0)]));
    for (number, line) in (1..).zip(config.lines()) {
        let words = words(line).ok_or(EssenceError::Quote(number))?;
        let Some(first) = words.first() else { continue };
        if SECTIONS.contains(&first.as_str()) {
            section.clone_from(first);
            if let Some(count) = has.get_mut(first.as_str()) {
                *count += 1;
            }
            lines.push(words.join(" "));
            continue;
        }
        if section.is_empty() {
            return Err(EssenceError::NoSection(number));
        }
        let Some(line) = essential(&words, &section, &mut paths) else { continue };
        // However many replicas there are: of those that are told the same, one counts.
        if line.starts_with("  server") && lines.last() == Some(&line) {
            continue;
        }
        lines.push(line);
    }
    match has.into_iter().find(|(_, count)| *count == 0) {
        Some((name, _)) => Err(EssenceError::Lacks(name)),
        None => Ok(lines.join("\n") + "\n"),
    }
}

/// Returns what counts of a line.
fn essential(words: &[String], section: &str, paths: &mut Paths) -> Option<String> {
    let first = words[0].as_str();
    let is_stats_of_process = section == "global" && first == "stats";
    let is_log_place = first == "log" && words.get(1).is_some_and(|word| word != "global");
    let is_of_machine = first != "log" && OF_THE_MACHINE.contains(&first);
    if is_stats_of_process || is_log_place || is_of_machine {
        return None;
    }
    let kept: Vec<String> = match first {
        // Its name and where it listens.
        "server" => [first.to_owned()].into_iter().chain(words.iter().skip(3).cloned()).collect(),
        "stick-table" => without_value(words, "size"),
        _ => words.to_vec(),
    };
    let mut before = "";
    let kept: Vec<_> = kept
        .iter()
        .map(|word| {
            let is_file = std::mem::replace(&mut before, word) == "-f";
            let named =
                |paths: &mut Paths| if is_file { paths.file(word) } else { paths.named(word) };
            time(word).filter(|_| !is_file).unwrap_or_else(|| named(paths))
        })
        .collect();
    Some(format!("  {}", kept.join(" ")))
}

/// Returns the words without one and what stands behind it.
fn without_value(words: &[String], name: &str) -> Vec<String> {
    let place = words.iter().position(|word| word == name);
    let is_left_out = |index: usize| place.is_some_and(|at| index == at || index == at + 1);
    let kept = words.iter().enumerate().filter(|(index, _)| !is_left_out(*index));
    kept.map(|(_, word)| word.clone()).collect()
}

/// Returns a time in milliseconds: `1s` is `1000ms`.
fn time(word: &str) -> Option<String> {
    let at = word.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
    let number: u64 = word[..at].parse().ok()?;
    let factor = match &word[at..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(format!("{}ms", number.checked_mul(factor)?))
}

/// Files that are named, by numbers: which of them is meant counts, and not where it is.
#[derive(Default)]
struct Paths(BTreeMap<String, usize>);

impl Paths {
    /// Returns a file by its number.
    fn file(&mut self, name: &str) -> String {
        let next = self.0.len() + 1;
        format!("<file {}>", self.0.entry(name.to_owned()).or_insert(next))
    }

    /// Returns a word with its files by their numbers: the first argument of a converter that looks
    /// something up in a map.
    fn named(&mut self, word: &str) -> String {
        let mut rest = word;
        let mut named = String::new();
        while let Some(at) = rest.find("map") {
            let behind = &rest[at..];
            let Some(open) = behind.find('(') else { break };
            let is_name = behind[..open].bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            let end = behind[open..].find([',', ')']).map(|end| open + end);
            let Some(end) = end.filter(|_| is_name) else {
                named.push_str(&rest[..at + 3]);
                rest = &rest[at + 3..];
                continue;
            };
            named.push_str(&rest[..=at + open]);
            named.push_str(&self.file(&behind[open + 1..end]));
            rest = &behind[end..];
        }
        named.push_str(rest);
        named
    }
}

/// Splits a line as HAProxy does: at whitespace outside of quotes, until a comment begins. Quotes stay.
/// Nothing where one is not closed.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote, mut is_escaped) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        let is_plain = !std::mem::take(&mut is_escaped);
        match (quote, c) {
            (_, _) if !is_plain => word.push(c),
            (None | Some('"'), '\\') => {
                is_escaped = true;
                word.push(c);
            }
            (None, '#') => break,
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                word.push(c);
            }
            (Some(open), c) if open == c => {
                quote = None;
                word.push(c);
            }
            (_, c) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests;
