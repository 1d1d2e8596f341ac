//! What can happen in a story.

use proptest::prelude::*;

use super::READERS;
use crate::support::clock::SeededEpochs;

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Head,
    Oldest,
    LastCursor,
    LastId,
    Garbage,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Append { events: usize, key: Option<u8> },
    Attach { reader: usize, from: From },
    Poll { reader: usize, items: usize },
    Leave { reader: usize },
    Advance { seconds: u64 },
    JumpWall { seconds: i64 },
    Trim,
    Save,
    Restart,
    Crash,
}

const FROM: [From; 7] = [
    From::Head,
    From::Oldest,
    From::LastCursor,
    From::LastCursor,
    From::LastCursor,
    From::LastId,
    From::Garbage,
];

/// Generates steps for a story whose failing case is to be shrunk.
pub(crate) fn steps() -> impl Strategy<Value = Step> {
    let append = (1..5_usize, proptest::option::weighted(0.3, 0..4_u8))
        .prop_map(|(events, key)| Step::Append { events, key });
    let attach = (0..READERS, 0..FROM.len())
        .prop_map(|(reader, from)| Step::Attach { reader, from: FROM[from] });
    let poll = (0..READERS, 1..8_usize).prop_map(|(reader, items)| Step::Poll { reader, items });
    prop_oneof![
        8 => append,
        4 => attach,
        8 => poll,
        1 => (0..READERS).prop_map(|reader| Step::Leave { reader }),
        1 => (1..700_u64).prop_map(|seconds| Step::Advance { seconds }),
        1 => Just(Step::Trim),
        2 => Just(Step::Save),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

/// Draws a step from a seeded source.
pub(crate) fn drawn(source: &SeededEpochs) -> Step {
    let reader = source.below(READERS as u64) as usize;
    match source.below(32) {
        0..8 => Step::Append {
            events: 1 + source.below(4) as usize,
            key: (source.below(3) == 0).then(|| source.below(4) as u8),
        },
        8..13 => Step::Attach { reader, from: FROM[source.below(FROM.len() as u64) as usize] },
        13..23 => Step::Poll { reader, items: 1 + source.below(7) as usize },
        23 => Step::Leave { reader },
        24 => Step::Advance { seconds: 1 + source.below(400) },
        25 => Step::JumpWall { seconds: if source.below(2) == 0 { -3600 } else { 3600 } },
        26 => Step::Trim,
        27 | 28 => Step::Save,
        29 | 30 => Step::Restart,
        _ => Step::Crash,
    }
}
