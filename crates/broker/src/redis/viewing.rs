//! Pages for cursors of merged branches: the trunk's events in the order of the branch's view.

use std::sync::Arc;

use event::{After, Event, Gap, GapReason, Position, Seq, StreamName};

use super::{
    RedisBroker, TRIES_MAX,
    answer::{Entry, foreign},
    failure::Failure,
    names::Names,
    paging::{From, Snapshot},
    restless,
};
use crate::{
    Events, Page, PageLimit,
    standing::{Standings, gap},
    trunk::{
        record::{BranchRecord, Run},
        view::View,
    },
};

/// What is asked of a view.
struct Asked<'a> {
    stream: &'a StreamName,
    names: &'a Names,
    record: &'a BranchRecord,
    view: View<'a>,
    after: After,
    limit: PageLimit,
}

/// Where in a view reading goes on.
#[derive(Clone)]
struct Start {
    position: Position,
    gap: Option<Gap>,
}

impl RedisBroker {
    /// Reads on after a cursor that the trunk does not know; `None` where no branch knows it.
    pub(super) async fn view_page(
        &self,
        stream: &StreamName,
        names: &Names,
        cursor: Position,
        limit: PageLimit,
    ) -> Result<Option<Page>, Failure> {
        let records = self.records(names, self.age_max_ms()).await?;
        let knowing = |(_, record)| Some((record, BranchRecord::place_of(record, cursor)?));
        let mut known: Vec<_> = records.iter().map(|(n, r)| (n, r)).filter_map(knowing).collect();
        // One that is closed says more than one that may never be.
        known.sort_by_key(|(record, place)| (!record.is_complete, place.is_err()));
        let Some((record, place)) = known.into_iter().next() else { return Ok(None) };
        let (view, after) = (View::of(record), After::At(cursor));
        let asked = Asked { stream, names, record, view, after, limit };
        let start = match place {
            Ok(place) if !record.is_complete && place.seq > asked.end() => {
                return Ok(Some(asked.named(nothing_yet(place), cursor)));
            }
            Ok(place) => asked.start_at(place),
            Err(gone) => asked.expired(asked.view.position(0), gone.count_after(cursor.seq)),
        };
        for _ in 0..TRIES_MAX {
            if let Some(page) = self.cut_view(&asked, start.clone()).await? {
                return Ok(Some(asked.named(page, cursor)));
            }
        }
        Err(restless())
    }

    /// Cuts a page of a view; `None` where the window moved meanwhile.
    async fn cut_view(&self, asked: &Asked<'_>, mut start: Start) -> Result<Option<Page>, Failure> {
        let Some(run) = asked.stretch(&start) else {
            return self.behind_view(asked, start).await.map(Some);
        };
        let mut snapshot = self.snapshot_from(asked, run).await?;
        let place = asked.place(&start);
        let available = asked.view.available_from(place, snapshot.window_after);
        if available > place {
            let (position, missed) = (asked.position(available), available - place);
            start = if snapshot.lost_to >= run.first {
                asked.lost(position, Some(missed))
            } else {
                asked.expired(position, missed)
            };
            let Some(run) = asked.stretch(&start) else {
                return self.behind_view(asked, start).await.map(Some);
            };
            snapshot = self.snapshot_from(asked, run).await?;
        }
        asked.cut(&snapshot, start)
    }

    async fn snapshot_from(&self, asked: &Asked<'_>, run: Run) -> Result<Snapshot, Failure> {
        let from = From::After(run.first.prev());
        self.snapshot(asked.stream, asked.names, from, asked.limit).await
    }

    /// Reads on at the end of a view, where it is the trunk.
    async fn behind_view(&self, asked: &Asked<'_>, start: Start) -> Result<Page, Failure> {
        let Start { position, gap } = start;
        if !asked.record.is_complete {
            return Ok(Page { gap, ..nothing_yet(position) });
        }
        let state = self.state(asked.stream, asked.names).await?;
        let end = After::At(state.lineage.position_at(asked.view.end()));
        let page = Box::pin(self.page_now(asked.stream, &end, asked.limit)).await?;
        Ok(match (&page.gap, gap) {
            // The same place under its name in the view, since that is the one that was asked for.
            (None, None) => Page { after: position, ..page },
            (None, Some(gap)) => Page { gap: Some(Gap { resumes_at: page.after, ..gap }), ..page },
            (Some(behind), before) => {
                let gap = asked.joined(before, behind);
                Page { gap: Some(gap), ..page }
            }
        })
    }
}

/// Returns the page of a reader that has had all of a branch that is still being merged.
fn nothing_yet(at: Position) -> Page {
    Page { gap: None, after: at, events: Events::default(), skipped: 0, next: at, head: at }
}

impl Asked<'_> {
    /// Returns the number of the view's last place.
    fn end(&self) -> Seq {
        Seq(self.record.parent.0 + self.view.len())
    }

    /// Lets a page begin at the place by the name that it was asked for, where both have one number.
    fn named(&self, page: Page, cursor: Position) -> Page {
        let is_same = page.gap.is_none() && page.after.seq == cursor.seq;
        let after = if is_same { cursor } else { page.after };
        Page { after, ..page }
    }

    fn standings(&self) -> Standings<'_> {
        Standings {
            lineage: &self.record.lineage,
            head: self.end(),
            window_after: self.record.parent,
            lost_to: Seq::ZERO,
            oldest_id_at: None,
        }
    }

    fn start_at(&self, place: Position) -> Start {
        let (position, gap) = self.standings().resolve(&After::At(place), None);
        let gap = gap.map(|gap| Gap { after: Some(self.after.to_string()), ..gap });
        Start { position, gap }
    }

    fn expired(&self, position: Position, missed: u64) -> Start {
        let gap = gap(GapReason::Expired, &self.after, position, Some(missed));
        Start { position, gap: Some(gap) }
    }

    fn lost(&self, position: Position, missed: Option<u64>) -> Start {
        let gap = gap(GapReason::DataLoss, &self.after, position, missed);
        Start { position, gap: Some(gap) }
    }

    /// Returns the one gap of a reader who lacks the rest of the view and what the trunk has lost
    /// behind it: it begins where the reader is, not at the view's end.
    fn joined(&self, before: Option<Gap>, behind: &Gap) -> Gap {
        let after = Some(self.after.to_string());
        let Some(before) = before else { return Gap { after, ..behind.clone() } };
        let missed = before.missed.zip(behind.missed).map(|(before, behind)| before + behind);
        let is_loss = before.reason == GapReason::DataLoss;
        let reason = if is_loss { before.reason } else { behind.reason };
        Gap { reason, after, missed, resumes_at: behind.resumes_at }
    }

    fn place(&self, start: &Start) -> u64 {
        start.position.seq.count_after(self.record.parent)
    }

    /// Returns a place's name: the one beyond a hole that lies there.
    fn position(&self, place: u64) -> Position {
        self.record.lineage.last_at(Seq(self.record.parent.0 + place))
    }

    /// Returns the events that follow, as far as they lie next to each other on the trunk and no
    /// hole of the branch lies between them.
    fn stretch(&self, start: &Start) -> Option<Run> {
        let run = self.view.stretch(self.place(start))?;
        let up_to_hole = self.standings().page_end(start.position).count_after(start.position.seq);
        Some(Run { count: run.count.min(up_to_hole), ..run }).filter(|run| run.count > 0)
    }

    /// Cuts a page of one moment of the trunk; `None` where its window has moved.
    fn cut(&self, snapshot: &Snapshot, mut start: Start) -> Result<Option<Page>, Failure> {
        let Some(run) = self.stretch(&start) else { return Ok(None) };
        if snapshot.window_after >= run.first {
            return Ok(None);
        }
        let (last, at_hole) = up_to_hole(snapshot, run);
        if at_hole && start.gap.is_none() {
            start = self.lost(start.position, None);
        }
        let within = |entry: &&Entry| entry.seq <= last;
        let mut entries = snapshot.entries.iter().take_while(within).peekable();
        // Entries that Redis had are gone from the window's midst: a hand, not a limit.
        let first = entries.peek().map_or(last.next(), |entry| entry.seq);
        let missing = first.count_after(run.first);
        if missing > 0 {
            start = self.lost(self.position(self.place(&start) + missing), Some(missing));
        }
        let place = self.place(&start);
        let mut events = Vec::new();
        for (entry, seq) in entries.zip(first.0..).take(self.limit.get()) {
            if entry.seq.0 != seq {
                break;
            }
            let event = snapshot.event(entry).ok_or_else(|| foreign(&self.names.stream))?;
            let at = self.view.position(place + 1 + events.len() as u64);
            events.push(Arc::new(Event::new(at, event.id, event.name, event.json)));
        }
        let reached = place + events.len() as u64;
        let lineage = &snapshot.state.lineage;
        let is_complete = self.record.is_complete;
        let next = match events.last() {
            _ if is_complete && reached == self.view.len() => lineage.position_at(self.view.end()),
            Some(event) => event.position,
            None => start.position,
        };
        let head = match is_complete {
            true => snapshot.state.place(),
            false => self.position(self.view.len()),
        };
        let Start { position, gap } = start;
        Ok(Some(Page { gap, after: position, events: events.into(), skipped: 0, next, head }))
    }
}

/// Returns the last number of a stretch before which the trunk has no hole, and whether there is
/// one right before the stretch.
fn up_to_hole(snapshot: &Snapshot, run: Run) -> (Seq, bool) {
    let lineage = &snapshot.state.lineage;
    let before = lineage.position_at(run.first.prev());
    let hole = lineage.hole_after(before);
    let at_hole = hole == Some(before.seq);
    let next = if at_hole { lineage.hole_after(lineage.last_at(before.seq)) } else { hole };
    (next.map_or(run.last(), |hole| hole.min(run.last())), at_hole)
}
