//! The house rules that no compiler knows, held by ratchets.
//!
//! Each file of `tidy/` is one family of checks: a pure function from a [`Source`] to its
//! [`Breach`]es. What was there before a rule came is written down in `tidy.toml`; that may
//! only shrink. The models are TigerBeetle's `src/tidy.zig` and rust-analyzer's
//! `xtask/src/tidy.rs`.

mod baseline;
mod breach;
mod hosts;
mod manifest;
mod markdown;
mod rule;
mod rust;
mod script;
mod source;
mod text;

use anyhow::Context;

use self::baseline::Baseline;
use self::breach::Breach;
use self::source::{Source, Tree};
use crate::step::Outcome;
use crate::{console, workspace};

/// Where the breaches that are older than their rule are written down.
const BASELINE: &str = "crates/xtask/tidy.toml";

/// Checks the tree that git knows, with the files that were not added yet.
///
/// # Errors
///
/// Fails where the tree or the baseline cannot be read.
pub(crate) fn step() -> anyhow::Result<Outcome> {
    let tree = Tree::read(workspace::root())?;
    let baseline = tree.text(BASELINE).with_context(|| format!("{BASELINE} is missing"))?;
    let baseline = Baseline::parse(baseline).with_context(|| format!("in {BASELINE}"))?;
    let breaches = tree.sources().flat_map(|source| check(source, &tree)).collect();
    let complaints = baseline.hold_against(breaches);
    complaints.iter().for_each(|complaint| console::say(complaint));
    Ok(match complaints.len() {
        0 => Outcome::Passed(format!("{} files", tree.sources().count())),
        count => Outcome::Failed(format!("complaints: {count}")),
    })
}

/// Runs every family of checks over one file.
fn check(source: &Source, tree: &Tree) -> Vec<Breach> {
    [
        text::check(source),
        hosts::check(source),
        script::check(source),
        markdown::check(source, |path| tree.contains(path)),
        manifest::check(source),
        rust::check(source),
    ]
    .concat()
}
