//! Who reads what: how many readers each stream has, and which of them are slow. Pure.

#[cfg(test)]
mod tests;

use rand::{RngExt, rngs::StdRng};

/// Where in the order of sizes the loud streams are, as parts of all: neither the biggest, whose
/// readers would be given gigabytes, nor the smallest, on which hardly a reader is slow.
const LOUD_AT: [f64; 3] = [0.1, 0.2, 0.3];

/// One reader's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) stream: u32,
    /// Whether it stops reading at times, and has a socket that lets the server feel it.
    pub(super) is_slow: bool,
}

/// Returns how many readers each stream has, the biggest first: the stream of rank *n* has the
/// *n*-th part of the first one's (Zipf's law), and none is empty.
pub(super) fn sizes(readers: u32, streams: u32) -> Vec<u32> {
    let spare = f64::from(readers.saturating_sub(streams));
    let weight = |rank: u32| 1.0 / f64::from(rank + 1);
    let all: f64 = (0..streams).map(weight).sum();
    let mut sum = 0.0;
    let mut given = 0;
    let size = |rank: u32| {
        // Rounded by what all up to here have together, so that it adds up.
        sum += weight(rank) / all * spare;
        let here = sum.round() as u32 - given;
        given += here;
        1 + here
    };
    (0..streams).map(size).collect()
}

/// Returns the streams that are loud while readers are slow.
pub(super) fn loud(streams: u32) -> Vec<u32> {
    let mut loud = LOUD_AT.map(|part| (f64::from(streams) * part) as u32).to_vec();
    loud.dedup();
    loud
}

/// Returns the streams that publishes near the limits go to: the smaller half.
pub(super) fn small(streams: u32) -> std::ops::Range<u32> {
    streams / 2..streams
}

/// Gives every reader its part, in a random order; half of the readers of loud streams are slow
/// before any other is.
pub(super) fn parts(sizes: &[u32], slow: usize, rng: &mut StdRng) -> Vec<Part> {
    let of_stream = |(stream, size): (usize, &u32)| {
        let part = Part { stream: stream as u32, is_slow: false };
        std::iter::repeat_n(part, *size as usize)
    };
    let mut parts: Vec<_> = sizes.iter().enumerate().flat_map(of_stream).collect();
    shuffle(&mut parts, rng);
    let loud = loud(sizes.len() as u32);
    let mut room: Vec<_> = sizes.iter().map(|size| size / 2).collect();
    let mut left = slow;
    for part in &mut parts {
        let room = &mut room[part.stream as usize];
        if left > 0 && *room > 0 && loud.contains(&part.stream) {
            part.is_slow = true;
            *room -= 1;
            left -= 1;
        }
    }
    let others = parts.iter_mut().filter(|part| !part.is_slow).take(left);
    others.for_each(|part| part.is_slow = true);
    parts
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], rng: &mut StdRng) {
    for at in (1..items.len()).rev() {
        items.swap(at, rng.random_range(0..=at));
    }
}
