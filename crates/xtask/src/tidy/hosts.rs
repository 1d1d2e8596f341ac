//! Names that belong to one machine: developers' folders, and hosts of package registries.
//!
//! A checkout works anywhere and a package client has its own settings; a folder or a host
//! that is written down works in one place. The patterns are put together from pieces, else
//! this file would break its own rule.

use super::breach::Breach;
use super::rule::Rule;
use super::source::Source;

/// Starts of absolute paths that are one machine's.
const FOLDERS: &[&str] =
    &[concat!("/", "work/"), concat!("/", "farm/"), concat!("/", "root/"), concat!("/", "home/")];

/// Hosts of package registries.
const HOSTS: &[&str] = &[
    concat!("registry.npm", "js.org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("crates", ".io"),
    concat!("deb.debian", ".org"),
    concat!("proxy.go", "lang.org"),
    concat!("repo.maven.apache", ".org"),
];

/// Checks every line of a file that is not a package client's own.
pub(super) fn check(source: &Source) -> Vec<Breach> {
    if source.is_as_given() {
        return Vec::new();
    }
    source.lines().flat_map(|(number, line)| check_line(source, number, line)).collect()
}

fn check_line(source: &Source, number: usize, line: &str) -> Vec<Breach> {
    let folders = FOLDERS.iter().filter(|folder| names_folder(line, folder)).map(|folder| {
        Breach::new(Rule::MachinePath, source, number, format!("a machine's folder, `{folder}…`"))
    });
    let hosts = HOSTS.iter().filter(|host| line.contains(**host)).map(|host| {
        Breach::new(Rule::RegistryHost, source, number, format!("a registry's host, `{host}`"))
    });
    folders.chain(hosts).collect()
}

/// Tells whether the path starts there: not in the middle of a longer one, and with a name
/// after it, so that the bare word in a list of folders passes.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let starts = !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}$*".contains(c));
        let goes_on =
            line[at + folder.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '.');
        starts && goes_on
    })
}

#[cfg(test)]
mod tests;
