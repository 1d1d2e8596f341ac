//! Checks of the crates' manifests: one place for versions and lints, and the direction of
//! dependencies between our own crates.

mod direction;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::breach::Breach;
use super::rule::Rule;
use super::source::Source;

/// The tables that name dependencies, at the top or below `target.….`.
const KINDS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Checks the manifest of a crate; the workspace's own is no crate's.
pub(super) fn check(source: &Source) -> Vec<Breach> {
    let Some(crate_name) = crate_of(source) else { return Vec::new() };
    let manifest = match DeTable::parse(&source.text) {
        Ok(manifest) => manifest.into_inner(),
        Err(error) => return vec![Breach::new(Rule::Unreadable, source, 1, error.message())],
    };
    let dependencies = dependencies(&source.text, &manifest);
    let mut breaches = direction::check(source, crate_name, &dependencies);
    let outside = dependencies.iter().filter(|dependency| !dependency.from_workspace);
    breaches.extend(outside.map(|dependency| dependency.outside(source)));
    if !takes_workspace(manifest.get("lints")) {
        breaches.push(Breach::new(Rule::WorkspaceLints, source, 1, "lints of its own"));
    }
    breaches
}

/// Returns the crate's folder, which is its name.
fn crate_of(source: &Source) -> Option<&str> {
    let name = source.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
    (!name.contains('/')).then_some(name)
}

/// A dependency that a manifest names.
#[derive(Debug)]
struct Dependency {
    name: String,
    line: usize,
    from_workspace: bool,
}

impl Dependency {
    fn outside(&self, source: &Source) -> Breach {
        let what = format!("`{}` does not come from the workspace", self.name);
        Breach::new(Rule::WorkspaceDependency, source, self.line, what)
    }
}

fn dependencies(text: &str, manifest: &DeTable<'_>) -> Vec<Dependency> {
    let targets = table(manifest.get("target")).into_iter().flat_map(DeTable::values);
    let places = targets.filter_map(|target| table(Some(target))).chain([manifest]);
    places
        .flat_map(|place| KINDS.iter().filter_map(|kind| table(place.get(*kind))))
        .flat_map(|named| named.iter())
        .map(|(name, value)| Dependency {
            name: name.get_ref().to_string(),
            line: line_of(text, name.span().start),
            from_workspace: takes_workspace(Some(value)),
        })
        .collect()
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

fn takes_workspace(value: Option<&Spanned<DeValue<'_>>>) -> bool {
    let workspace = table(value).and_then(|table| table.get("workspace"));
    workspace.is_some_and(|value| value.get_ref().as_bool() == Some(true))
}

fn table<'t, 'i>(value: Option<&'t Spanned<DeValue<'i>>>) -> Option<&'t DeTable<'i>> {
    value?.get_ref().as_table()
}

#[cfg(test)]
mod tests;
