//! Checks of shell scripts: they run, and they stop at the first error.

use super::breach::Breach;
use super::rule::Rule;
use super::source::Source;

const SHEBANG: &str = "#!/usr/bin/env bash";
const STRICT: &str = "set -euo pipefail";

/// Checks run bit, first line and first command.
pub(super) fn check(source: &Source) -> Vec<Breach> {
    if !is_script(source) {
        return Vec::new();
    }
    let mode = (!source.executable)
        .then(|| Breach::new(Rule::ScriptMode, source, 1, "a script without its run bit"));
    mode.into_iter().chain(check_header(source)).collect()
}

fn is_script(source: &Source) -> bool {
    source.path.ends_with(".sh") || source.path == ".ci/run"
}

fn check_header(source: &Source) -> Option<Breach> {
    let mut lines = source.lines();
    if lines.next().is_none_or(|(_, first)| first != SHEBANG) {
        return Some(Breach::new(Rule::ScriptHeader, source, 1, format!("no `{SHEBANG}`")));
    }
    let (line, first) = lines.find(|(_, line)| !is_quiet(line)).unwrap_or((1, ""));
    (first != STRICT).then(|| {
        Breach::new(
            Rule::ScriptHeader,
            source,
            line,
            format!("the first command is not `{STRICT}`"),
        )
    })
}

fn is_quiet(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

#[cfg(test)]
mod tests;
