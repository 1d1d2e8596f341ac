//! Checks of Markdown: links to files of this tree lead somewhere.

use super::breach::Breach;
use super::rule::Rule;
use super::source::Source;

/// Checks the relative links of a Markdown file; `exists` knows the tree's files and folders.
pub(super) fn check(source: &Source, exists: impl Fn(&str) -> bool) -> Vec<Breach> {
    if !source.path.ends_with(".md") {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for (number, line) in prose(source) {
        for target in targets(&without_code(line)) {
            let leads = resolve(source.folder(), &target).is_some_and(|path| exists(&path));
            if is_relative(&target) && !leads {
                let what = format!("the link `{target}` leads nowhere");
                breaches.push(Breach::new(Rule::Link, source, number, what));
            }
        }
    }
    breaches
}

/// Returns the lines outside of fenced code.
fn prose(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    source.lines().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Blanks `code` in a line; what follows an odd backtick is text.
fn without_code(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    let last = parts.len() - 1;
    let is_text = |at: usize| at.is_multiple_of(2) || at == last;
    parts.iter().enumerate().filter(|(at, _)| is_text(*at)).map(|(_, part)| *part).collect()
}

/// Returns the targets of `[text](target)` and `[label]: target`.
fn targets(line: &str) -> Vec<String> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let label = line.starts_with('[').then(|| line.split_once("]: ")).flatten();
    inline
        .chain(label.map(|(_, target)| target))
        .filter_map(|target| target.split_whitespace().next())
        .map(ToOwned::to_owned)
        .collect()
}

fn is_relative(target: &str) -> bool {
    !target.starts_with('#') && !target.contains("://") && !target.starts_with("mailto:")
}

/// Returns the path from the root, or nothing where the link leaves the tree.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let path = target.split('#').next().unwrap_or_default();
    let (base, path) = match path.strip_prefix('/') {
        Some(absolute) => ("", absolute),
        None => (folder, path),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests;
