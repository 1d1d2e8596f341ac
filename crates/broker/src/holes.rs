//! Numbers of a log whose events nobody could give back to a Redis that lost them. Pure.
//!
//! Text: `FIRST-LAST` with commas, oldest first; an empty one for none. `redis/heal.lua` writes it.

use event::Seq;

use crate::number_text::number_from;

/// Numbers that have no event, from the first to the last, both of them included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) first: Seq,
    pub(crate) last: Seq,
}

/// Reads holes; `None` where the text is damaged.
pub(crate) fn holes_from(text: &str) -> Option<Vec<Hole>> {
    let hole = |text: &str| {
        let (first, last) = text.split_once('-')?;
        let hole = Hole { first: Seq(number_from(first)?), last: Seq(number_from(last)?) };
        (hole.first <= hole.last).then_some(hole)
    };
    if text.is_empty() { Some(Vec::new()) } else { text.split(',').map(hole).collect() }
}

#[cfg(test)]
mod tests {
    use event::Seq;

    use super::{Hole, holes_from};

    #[test]
    fn holes_are_read_and_what_is_none_is_refused() {
        let hole = |first, last| Hole { first: Seq(first), last: Seq(last) };
        assert_eq!(holes_from(""), Some(vec![]));
        assert_eq!(holes_from("4-6,9-9"), Some(vec![hole(4, 6), hole(9, 9)]));
        for text in [",", "4", "4-", "-4", "6-4", "4-6,", "a-b", "4-6 ", "4-9007199254740993"] {
            assert_eq!(holes_from(text), None, "{text}");
        }
    }
}
