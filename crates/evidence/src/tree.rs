//! The Merkle tree of RFC 6962, section 2.1: roots of all its sizes, and proofs.

use crate::Hash;

/// A tree that only grows. It keeps the hash of each complete subtree, so that a root or a proof of
/// any earlier size takes a logarithm of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// `levels[k][i]` is the root of leaves `i·2^k .. (i+1)·2^k`.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Returns the number of leaves.
    pub fn len(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Returns whether there is no leaf.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a leaf.
    pub fn push(&mut self, data: &[u8]) {
        let mut hash = Hash::leaf(data);
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if !hashes.len().is_multiple_of(2) {
                return;
            }
            hash = Hash::node(hashes[hashes.len() - 2], hash);
        }
    }

    /// Returns the root.
    pub fn root(&self) -> Hash {
        self.range(0, self.len())
    }

    /// Returns the root that the tree had at this size; nothing where it never had so many leaves.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        (size <= self.len()).then(|| self.range(0, size))
    }

    /// Returns the audit path of a leaf in the tree of this size (section 2.1.1).
    pub fn inclusion(&self, leaf: u64, size: u64) -> Option<Vec<Hash>> {
        if leaf >= size || size > self.len() {
            return None;
        }
        let mut path = Vec::new();
        let (mut from, mut to) = (0, size);
        while to - from > 1 {
            let middle = from + split(to - from);
            if leaf < middle {
                path.push(self.range(middle, to));
                to = middle;
            } else {
                path.push(self.range(from, middle));
                from = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// Returns the proof that the tree of the greater size begins with that of the smaller one
    /// (section 2.1.2).
    pub fn consistency(&self, smaller: u64, greater: u64) -> Option<Vec<Hash>> {
        if smaller > greater || greater > self.len() {
            return None;
        }
        if smaller == 0 || smaller == greater {
            return Some(Vec::new());
        }
        let mut path = Vec::new();
        let (mut from, mut to) = (0, greater);
        let mut is_known = true;
        while to != smaller {
            let middle = from + split(to - from);
            if smaller <= middle {
                path.push(self.range(middle, to));
                to = middle;
            } else {
                path.push(self.range(from, middle));
                from = middle;
                is_known = false;
            }
        }
        if !is_known {
            path.push(self.range(from, to));
        }
        path.reverse();
        Some(path)
    }

    /// Returns the root over leaves that begin at a multiple of the power of two that holds them.
    fn range(&self, from: u64, to: u64) -> Hash {
        let size = to - from;
        if size == 0 {
            return Hash::of(b"");
        }
        if size.is_power_of_two() {
            let level = size.trailing_zeros();
            return self.levels[level as usize][(from >> level) as usize];
        }
        let middle = from + split(size);
        Hash::node(self.range(from, middle), self.range(middle, to))
    }
}

/// Returns the greatest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
