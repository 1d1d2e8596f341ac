//! A map within a limit of bytes, in two generations: the older one is dropped as a whole once the
//! younger one has half of the limit. What is used moves to the younger one. So each step costs the
//! same, and what goes was not used since at least a quarter of the limit was read anew.

use std::{hash::Hash, mem};

use alloy_primitives::map::HashMap;

/// What is kept, and how many bytes it needs.
pub(super) trait Kept: Clone {
    /// Returns the bytes that an entry of it needs, its key included.
    fn bytes(&self) -> usize;
}

#[derive(Debug)]
pub(super) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    young_bytes: usize,
    old_bytes: usize,
    bytes_max: usize,
    evictions: u64,
}

impl<K: Eq + Hash + Clone, V: Kept> Generations<K, V> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Generations {
            young: HashMap::default(),
            old: HashMap::default(),
            young_bytes: 0,
            old_bytes: 0,
            bytes_max,
            evictions: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.young_bytes + self.old_bytes
    }

    pub(super) fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Returns a copy of a value, which is kept longer from now on.
    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.old_bytes -= value.bytes();
        self.put(key.clone(), value.clone());
        Some(value)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if let Some(before) = self.old.remove(&key) {
            self.old_bytes -= before.bytes();
        }
        self.put(key, value);
    }

    fn put(&mut self, key: K, value: V) {
        let bytes = value.bytes();
        if self.young_bytes + bytes > self.bytes_max / 2 {
            self.evictions += self.old.len() as u64;
            self.old = mem::take(&mut self.young);
            self.old_bytes = mem::take(&mut self.young_bytes);
        }
        self.young_bytes += bytes;
        if let Some(before) = self.young.insert(key, value) {
            self.young_bytes -= before.bytes();
        }
    }
}
