//! Which processes a server consists of: the first one and all its descendants.

use std::fs;

/// Returns the processes and everything that descends from them.
pub(super) fn with_descendants(roots: &[u32]) -> Vec<u32> {
    let parents = parents();
    let mut tree = roots.to_vec();
    let mut at = 0;
    while let Some(pid) = tree.get(at).copied() {
        let children = parents.iter().filter(|(_, parent)| *parent == pid).map(|(child, _)| *child);
        let new: Vec<_> = children.filter(|child| !tree.contains(child)).collect();
        tree.extend(new);
        at += 1;
    }
    tree
}

/// Returns every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pid = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let pids = entries.filter_map(|entry| pid(entry.ok()?));
    pids.filter_map(|pid| Some((pid, parent(&fs::read_to_string(stat(pid)).ok()?)?))).collect()
}

/// Returns the file of a process's state.
pub(super) fn stat(pid: u32) -> String {
    format!("/proc/{pid}/stat")
}

/// Returns the fields after the name, which may itself hold spaces and parentheses; the first one is
/// the state, the third of proc(5).
pub(super) fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace()
}

fn parent(stat: &str) -> Option<u32> {
    fields(stat).nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_fields() {
        assert_eq!(parent("7 (a) S 9 (b) R 3 7 7 0"), Some(3));
        assert_eq!(parent("7 (x) S 1 7"), Some(1));
        assert_eq!(parent(""), None);
    }

    #[test]
    fn this_process_is_in_its_parents_tree() {
        let own = std::process::id();
        let parent = parent(&fs::read_to_string(stat(own)).unwrap()).unwrap();
        assert!(with_descendants(&[parent]).contains(&own));
    }
}
