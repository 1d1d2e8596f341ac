//! The checker: what a reader received against what was acknowledged.

use std::collections::HashMap;

use event::{EventId, Position};

use crate::{Item, Receipt};

/// Where a reader began, against the acknowledged events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It had, or did not want, so many of them; the next one follows.
    After(usize),
    /// Its opening told of a gap, so any of them may follow.
    Gap,
}

/// Returns the first promise that a reader saw broken, in words; `None` where all were kept.
///
/// `acknowledged` is in the order in which it was stored, and what a crash took away stands in it.
/// The rule: two events that follow each other without a gap between them follow each other there;
/// nothing comes twice or unasked; at the end either the last one was received or a gap came after
/// what was. It covers order, repeats, silent holes and silent losses at once.
pub fn broken_promise(acknowledged: &[Receipt], start: Start, items: &[Item]) -> Option<String> {
    let by_id = acknowledged.iter().enumerate().map(|(i, receipt)| (receipt.id, (i, receipt)));
    let mut walk = Walk { by_id: by_id.collect(), next: 0, gap: start == Start::Gap };
    if let Start::After(count) = start {
        walk.next = count;
    }
    for item in items {
        match item {
            Item::Gap(_) => walk.gap = true,
            Item::Event(event) => {
                if let Err(broken) = walk.event(event.id, event.position) {
                    return Some(broken);
                }
            }
        }
    }
    let missing = acknowledged.len() - walk.next;
    (missing > 0 && !walk.gap).then(|| format!("{missing} acknowledged events at the end, no gap"))
}

struct Walk<'a> {
    by_id: HashMap<EventId, (usize, &'a Receipt)>,
    /// The index of the acknowledged event that is next without a gap.
    next: usize,
    gap: bool,
}

impl Walk<'_> {
    fn event(&mut self, id: EventId, position: Position) -> Result<(), String> {
        let Some(&(index, receipt)) = self.by_id.get(&id) else {
            return Err(format!("{id} at {position} was never acknowledged"));
        };
        if receipt.position != position {
            return Err(format!("{id} was acknowledged at {} and came at {position}", {
                receipt.position
            }));
        }
        if index < self.next {
            return Err(format!("{id} at {position} came twice or out of order"));
        }
        if index > self.next && !self.gap {
            let missed = index - self.next;
            return Err(format!("{missed} events before {id} at {position} are missing, no gap"));
        }
        self.next = index + 1;
        self.gap = false;
        Ok(())
    }
}
