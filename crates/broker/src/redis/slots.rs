//! Which node of a cluster has a key. Pure.

use redis::Value;

use super::{address::Host, answer};

/// How many slots a cluster has.
const SLOTS: u16 = 16384;

/// Returns a key's slot: CRC16 (XMODEM) of its hash tag, or of all where it has none.
pub(super) fn slot_of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let tag = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    tag.bytes().fold(0, crc16) % SLOTS
}

fn crc16(crc: u16, byte: u8) -> u16 {
    const POLYNOMIAL: u16 = 0x1021;
    let shift = |crc: u16, _| if crc >> 15 == 1 { (crc << 1) ^ POLYNOMIAL } else { crc << 1 };
    (0..8).fold(crc ^ (u16::from(byte) << 8), shift)
}

/// The primaries of a cluster with their slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SlotMap {
    /// First and last slot with the node that has them, in order and without overlap.
    ranges: Vec<(u16, u16, Host)>,
}

impl SlotMap {
    /// Reads what `CLUSTER SLOTS` answers; a node that does not know its own name is `asked`.
    pub(super) fn read(answer: Value, asked: &Host) -> Option<Self> {
        let Value::Array(entries) = answer else { return None };
        let mut ranges =
            entries.into_iter().map(|entry| range(entry, asked)).collect::<Option<Vec<_>>>()?;
        ranges.sort();
        let in_order = ranges.iter().all(|(first, last, _)| first <= last && *last < SLOTS)
            && ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
        in_order.then_some(SlotMap { ranges })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Returns the node that has a slot.
    pub(super) fn node_of(&self, slot: u16) -> Option<&Host> {
        let at = self.ranges.partition_point(|(_, last, _)| *last < slot);
        self.ranges.get(at).filter(|(first, ..)| *first <= slot).map(|(.., host)| host)
    }

    /// Returns all nodes that have slots.
    pub(super) fn nodes(&self) -> Vec<Host> {
        let mut nodes: Vec<_> = self.ranges.iter().map(|(.., host)| host.clone()).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }

    /// Returns how many slots no node has.
    pub(super) fn missing(&self) -> u16 {
        SLOTS - self.ranges.iter().map(|(first, last, _)| last - first + 1).sum::<u16>()
    }

    /// Takes in that one slot is elsewhere.
    pub(super) fn moved(&self, slot: u16, to: &Host) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len() + 2);
        for (first, last, host) in &self.ranges {
            if !(*first..=*last).contains(&slot) {
                ranges.push((*first, *last, host.clone()));
                continue;
            }
            if *first < slot {
                ranges.push((*first, slot - 1, host.clone()));
            }
            if slot < *last {
                ranges.push((slot + 1, *last, host.clone()));
            }
        }
        ranges.push((slot, slot, to.clone()));
        ranges.sort();
        SlotMap { ranges }
    }
}

/// Reads `[first, last, [name, port, …], …]`, whose first node is the primary.
fn range(entry: Value, asked: &Host) -> Option<(u16, u16, Host)> {
    let Value::Array(parts) = entry else { return None };
    let mut parts = parts.into_iter();
    let mut slot = || answer::text(parts.next()?)?.parse().ok();
    let (first, last) = (slot()?, slot()?);
    let Value::Array(node) = parts.next()? else { return None };
    let mut node = node.into_iter();
    let name = match node.next()? {
        Value::Nil => String::new(),
        name => answer::text(name)?,
    };
    let name = if matches!(name.as_str(), "" | "?") { asked.name.clone() } else { name };
    let port = answer::text(node.next()?)?.parse().ok()?;
    Some((first, last, Host { name, port }))
}

#[cfg(test)]
mod tests;
