//! Reading a stretch: a page is cut from one answer, so that it is of one moment.

use std::sync::Arc;

use event::{After, Event, EventId, GapReason, Position, Seq, Standing, StreamName};

use super::{
    RedisBroker, TRIES_MAX,
    answer::{self, Entry, Words, foreign},
    envelope::head_of,
    failure::Failure,
    library::Function,
    names::Names,
    restless,
    state::State,
};
use crate::{
    Page, PageLimit,
    standing::{Standings, gap},
};

/// How many entries one call looks at for an event by its id.
const FIND_BATCH: u64 = 500;

/// The largest number that is sent: Lua counts in doubles.
const SEQ_SENT_MAX: u64 = 1 << 53;

/// From where a stretch is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Oldest,
    After(Seq),
}

/// One moment of a log, with the stretch that was asked for.
pub(super) struct Snapshot {
    pub(super) state: State,
    pub(super) window_after: Seq,
    /// Up to where the server has lost all that lay in the window.
    pub(super) lost_to: Seq,
    oldest_id: Option<EventId>,
    /// The number after which the entries begin.
    read_after: Seq,
    pub(super) entries: Vec<Entry>,
}

impl RedisBroker {
    pub(crate) async fn page_now(
        &self,
        stream: &StreamName,
        after: &After,
        limit: PageLimit,
    ) -> Result<Page, Failure> {
        let page = self.read_page(stream, after, limit).await;
        self.noting(stream, page).await
    }

    async fn read_page(
        &self,
        stream: &StreamName,
        after: &After,
        limit: PageLimit,
    ) -> Result<Page, Failure> {
        let names = self.naming.of(stream);
        let found = match after {
            After::Id(id) => self.find(&names, *id).await?,
            _ => None,
        };
        let mut from = match (after, found) {
            (After::At(place), _) => From::After(place.seq),
            (_, Some(seq)) => From::After(seq),
            (After::Head, _) => From::After(Seq(SEQ_SENT_MAX)),
            _ => From::Oldest,
        };
        for _ in 0..TRIES_MAX {
            let snapshot = self.snapshot(stream, &names, from, limit).await?;
            if let After::At(place) = after
                && !snapshot.is_good(*place)
                && let Some(page) = self.view_page(stream, &names, *place, limit).await?
            {
                return Ok(page);
            }
            match snapshot.cut(after, found, limit, &names)? {
                Ok(page) => return Ok(page),
                Err(elsewhere) => from = From::After(elsewhere),
            }
        }
        Err(restless())
    }

    pub(super) async fn snapshot(
        &self,
        stream: &StreamName,
        names: &Names,
        from: From,
        limit: PageLimit,
    ) -> Result<Snapshot, Failure> {
        for _ in 0..TRIES_MAX {
            let seen = self.known(stream);
            let keys = [names.stream.as_str(), &names.meta, &names.ages];
            let answered = self
                .call(names, Function::Page, &keys, &|command, _| {
                    match from {
                        From::Oldest => command.arg("oldest"),
                        From::After(seq) => command.arg(seq.0.min(SEQ_SENT_MAX)),
                    };
                    command.arg(limit.get()).arg(self.age_max_ms()).arg(self.clock_ahead_ms());
                })
                .await?;
            let words = Words::read(answered.value)?;
            match words.word() {
                "page" => {
                    let snapshot = Snapshot::read(words, from, names)?;
                    let state = &snapshot.state;
                    if self.settle(stream, names, state, seen.as_ref(), &answered.run).await? {
                        return Ok(snapshot);
                    }
                }
                "absent" | "orphan" => {
                    self.begin(stream, names, seen.as_ref(), words, &answered.run).await?
                }
                _ => return Err(words.unexpected()),
            }
        }
        Err(restless())
    }

    /// Looks for an event in the window, from the newest back.
    async fn find(&self, names: &Names, id: EventId) -> Result<Option<Seq>, Failure> {
        let (mut before, id) = (None::<Seq>, id.to_string());
        loop {
            let answered = self
                .call(names, Function::Find, &[&names.stream], &|command, _| {
                    match before {
                        None => command.arg("newest"),
                        Some(seq) => command.arg(seq.0),
                    };
                    command.arg(FIND_BATCH).arg(&id);
                })
                .await?;
            let mut words = Words::read(answered.value)?;
            match words.word() {
                "found" => return words.seq().map(Some),
                "none" => return Ok(None),
                "more" => before = Some(words.seq()?),
                _ => return Err(words.unexpected()),
            }
        }
    }
}

impl Snapshot {
    fn read(mut words: Words, from: From, names: &Names) -> Result<Self, Failure> {
        let state = words.state()?;
        let window_after = words.seq()?;
        let oldest_id = words.text()?;
        let oldest_id = match oldest_id.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| foreign(&names.stream))?),
        };
        let entries = words.list()?.into_iter().map(answer::entry).collect::<Option<Vec<_>>>();
        let entries = entries.ok_or_else(|| foreign(&names.stream))?;
        let lost_to = words.seq()?;
        if entries.last().is_some_and(|last| last.seq > state.head) {
            return Err(foreign(&names.stream));
        }
        let read_after = match from {
            From::Oldest => window_after,
            From::After(seq) => seq.max(window_after),
        };
        Ok(Snapshot { state, window_after, lost_to, oldest_id, read_after, entries })
    }

    /// Returns whether reading can go on after a place of the trunk.
    fn is_good(&self, place: Position) -> bool {
        self.state.lineage.standing(place, self.state.head) == Standing::Good
    }

    /// Cuts the page; the inner error is the number after which it has to be read instead.
    fn cut(
        &self,
        after: &After,
        found: Option<Seq>,
        limit: PageLimit,
        names: &Names,
    ) -> Result<Result<Page, Seq>, Failure> {
        let State { lineage, head, .. } = &self.state;
        let standings = Standings {
            lineage,
            head: *head,
            window_after: self.window_after,
            lost_to: self.lost_to,
            oldest_id_at: self.oldest_id.map(EventId::unix_ms),
        };
        let (mut start, mut gap_before) = standings.resolve(after, found);
        let end = standings.page_end(start);
        let want = limit.get().min(end.count_after(start.seq) as usize);
        if want > 0 && start.seq != self.read_after {
            return Ok(Err(start.seq));
        }
        let first = self.entries.first().map_or(*head, |entry| entry.seq.prev()).min(end);
        if want > 0 && first > start.seq {
            // Entries that Redis had are gone from the window's midst: a hand, not a limit.
            let missed = first.count_after(start.seq);
            start = lineage.last_at(first);
            gap_before = Some(gap(GapReason::DataLoss, after, start, Some(missed)));
        }
        let mut events = Vec::new();
        for (entry, seq) in self.entries.iter().zip(start.seq.0 + 1..).take(want) {
            if entry.seq.0 != seq || entry.seq > end {
                break;
            }
            let event = self.event(entry).ok_or_else(|| foreign(&names.stream))?;
            events.push(Arc::new(event));
        }
        let next = events.last().map_or(start, |event| lineage.position_at(event.position.seq));
        let page = Page {
            gap: gap_before,
            after: start,
            events: events.into(),
            skipped: 0,
            next,
            head: standings.head(),
        };
        Ok(Ok(page))
    }

    pub(super) fn event(&self, entry: &Entry) -> Option<Event> {
        let (id, name) = head_of(&entry.envelope)?;
        let position = Position::new(entry.epoch.parse().ok()?, entry.seq);
        let lineage = &self.state.lineage;
        // Epochs older than the lineage remembers can't be checked.
        let remembered = entry.seq > lineage.forks()[0].after;
        if remembered && lineage.position_at(entry.seq) != position {
            return None;
        }
        Some(Event::new(position, id, name, entry.envelope.clone()))
    }
}
