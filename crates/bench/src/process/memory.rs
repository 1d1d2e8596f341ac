//! Memory of processes: resident, and proportional (what is shared counted by its share).
//!
//! What the kernel keeps for sockets belongs to no process, and is not in it.

use std::{fs, ops::Sub};

use super::tree;

/// What processes and all their descendants hold, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident set.
    pub(crate) rss: i64,
    /// Proportional set.
    pub(crate) pss: i64,
}

impl Memory {
    /// Reads it.
    pub(crate) fn of(roots: &[u32]) -> Self {
        let mut sum = Memory::default();
        for pid in tree::with_descendants(roots) {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            sum.rss += field(&text, "Rss:");
            sum.pss += field(&text, "Pss:");
        }
        sum
    }
}

impl Sub for Memory {
    type Output = Memory;

    fn sub(self, other: Memory) -> Memory {
        Memory { rss: self.rss - other.rss, pss: self.pss - other.pss }
    }
}

fn field(text: &str, name: &str) -> i64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<i64>().ok());
    kib.unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_kibibytes() {
        let text = "00-ff ---p [rollup]\nRss:     884 kB\nPss:     385 kB\nPss_Dirty: 9 kB\n";
        assert_eq!((field(text, "Rss:"), field(text, "Pss:")), (884 << 10, 385 << 10));
        assert_eq!(field("", "Rss:"), 0);
        assert!(Memory::of(&[std::process::id()]).rss > 0);
    }
}
