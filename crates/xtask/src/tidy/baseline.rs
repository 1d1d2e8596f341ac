//! The ratchet: what may still be wrong, by rule and file.
//!
//! ```toml
//! [function-length]
//! "crates/broker/src/switch.rs" = 12   # lines over the limit, in the file as a whole
//! ```
//!
//! More than that fails as a new breach; less fails too, until the entry is lowered.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

use super::breach::Breach;
use super::rule::Rule;

/// The excess that a file may have under a rule.
#[derive(Debug, Default)]
pub(super) struct Baseline(BTreeMap<(Rule, String), usize>);

impl Baseline {
    /// Reads the baseline file.
    ///
    /// # Errors
    ///
    /// Fails on what is no table of numbers by rule and file, and on a rule that is not there.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let rules: BTreeMap<String, BTreeMap<String, usize>> = toml::from_str(text)?;
        let mut excess = BTreeMap::new();
        for (name, files) in rules {
            let rule = Rule::ALL.iter().copied().find(|rule| rule.name() == name);
            let rule = rule.with_context(|| format!("there is no rule `{name}`"))?;
            for (path, allowed) in files {
                ensure!(allowed > 0, "`{path}` under `{name}` allows nothing: remove it");
                excess.insert((rule, path), allowed);
            }
        }
        Ok(Self(excess))
    }

    /// Returns what to complain of: breaches beyond the baseline, and entries beyond the need.
    pub(super) fn hold_against(mut self, breaches: Vec<Breach>) -> Vec<String> {
        let mut groups: BTreeMap<(Rule, String), Vec<Breach>> = BTreeMap::new();
        for breach in breaches {
            groups.entry((breach.rule, breach.path.clone())).or_default().push(breach);
        }
        let mut complaints = Vec::new();
        for (key, group) in groups {
            let allowed = self.0.remove(&key).unwrap_or(0);
            complaints.extend(compare(&key, &group, allowed));
        }
        let unneeded = self.0.iter().map(|((rule, path), _)| {
            format!("{}: no breach of `{}` is left; remove it", entry(path), rule.name())
        });
        complaints.extend(unneeded);
        complaints
    }
}

fn compare((rule, path): &(Rule, String), group: &[Breach], allowed: usize) -> Vec<String> {
    let found: usize = group.iter().map(|breach| breach.excess).sum();
    if found < allowed {
        let name = rule.name();
        return vec![format!("{}: lower `{name}` from {allowed} to {found}", entry(path))];
    }
    if found == allowed {
        return Vec::new();
    }
    let grown = match allowed {
        0 => String::new(),
        _ => format!(" (the baseline allows {allowed}, found {found})"),
    };
    group.iter().map(|breach| format!("{breach}{grown}")).collect()
}

fn entry(path: &str) -> String {
    format!("{}: `{path}`", super::BASELINE)
}

#[cfg(test)]
mod tests;
