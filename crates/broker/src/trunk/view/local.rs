//! A view read from a log of this process, while Redis is lost: a reader that is in the midst of a
//! merged branch goes on through it, also where its replica is cut off again.

use std::sync::Arc;

use event::{After, Event, ForkKind, Position, Seq};

use super::{super::record::BranchRecord, View};
use crate::{Page, PageLimit, memory::log::Log};

/// Reads on after a cursor of a merged branch, where the log has all of its view up to `trunk`, the
/// last number that is the trunk's; `None` otherwise.
pub(crate) fn page(
    record: &BranchRecord,
    log: &Log,
    trunk: Seq,
    cursor: Position,
    limit: PageLimit,
) -> Option<Page> {
    let view = View::of(record);
    let place = record.place_of(cursor)?.ok()?;
    let had = place.seq.count_after(record.parent);
    let later = record.lineage.forks().iter().skip(1);
    let has_holes = later.clone().any(|fork| fork.kind == ForkKind::Lossy);
    let is_here = record.is_complete && view.end() <= trunk && had <= view.len();
    if has_holes || !is_here || view.available_from(had, log.window_after()) > had {
        return None;
    }
    let end = || log.lineage().position_at(view.end());
    let Some(run) = view.stretch(had) else {
        let mut page = log.page(&After::At(end()), limit);
        let after = match &mut page.gap {
            None => place,
            Some(gap) => {
                // The reader's place has another name than the view's end.
                gap.after = Some(cursor.to_string());
                page.after
            }
        };
        return Some(Page { after, ..page });
    };
    let most = usize::try_from(run.count).unwrap_or(usize::MAX).min(limit.get());
    let kept = log.kept_after(run.first.prev()).take(most);
    let events: Vec<_> = kept
        .zip(had + 1..)
        .map(|(kept, place)| {
            let Event { id, name, json, .. } = &*kept.event;
            Arc::new(Event::new(view.position(place), *id, name.clone(), json.clone()))
        })
        .collect();
    let reached = had + events.len() as u64;
    let next = if reached == view.len() { end() } else { view.position(reached) };
    Some(Page {
        gap: None,
        after: place,
        events: events.into(),
        skipped: 0,
        next,
        head: log.head(),
    })
}
