//! One reader of a story: it polls, forgets its polls, leaves, and comes back with its cursor.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use broker::{
    Attachment, Broker, Item,
    conformance::{Start, broken_promise},
};
use event::{After, EventId, Position, StreamName};
use futures_util::FutureExt;

use super::{From, Reference};

#[derive(Default)]
pub(crate) struct Reader {
    attached: Option<Attached>,
    cursor: Option<Cursor>,
}

/// What a reader keeps when it goes.
#[derive(Clone, Copy)]
struct Cursor {
    place: Position,
    id: Option<EventId>,
    /// How many of the acknowledged events lie before it, where that is certain.
    had: Option<usize>,
    /// How many crashes there had been when the log reached it: a later one lies ahead of it.
    crashes: usize,
}

struct Attached {
    attachment: Attachment,
    start: Start,
    items: Vec<Item>,
    /// The place that the items have led to.
    place: Position,
}

impl Reader {
    pub(crate) fn attach(
        &mut self,
        broker: &Arc<dyn Broker>,
        stream: &StreamName,
        from: From,
        reference: &Reference,
    ) -> Result<String, String> {
        self.leave(reference)?;
        let after = self.after(from);
        let attached = broker.attach(stream, &after).now_or_never();
        let (opening, attachment) =
            attached.ok_or("attaching waits")?.map_err(|e| e.to_string())?;
        let had = match from {
            From::Head => Some(reference.receipts.len()),
            From::LastCursor | From::LastId => self.cursor.and_then(|cursor| cursor.had),
            From::Oldest | From::Garbage => None,
        };
        if let (Some(gap), Some(cursor), After::At(_)) = (&opening.gap, self.cursor, &after) {
            reference.check_cause(gap, cursor.had, cursor.crashes)?;
        }
        let start = match (had, &opening.gap) {
            (Some(had), None) => Start::After(had),
            _ => Start::Gap,
        };
        let place = opening.after;
        let had = if let Start::After(had) = start { Some(had) } else { None };
        let crashes = match (from, self.cursor) {
            (From::LastCursor | From::LastId, Some(cursor)) if had.is_some() => cursor.crashes,
            (From::Head, _) => reference.crashes,
            _ => 0,
        };
        self.cursor = Some(Cursor { place, id: None, had, crashes });
        self.attached = Some(Attached { attachment, start, items: Vec::new(), place });
        Ok(format!("{opening:?}"))
    }

    fn after(&self, from: From) -> After {
        match (from, self.cursor) {
            (From::Head, _) => After::Head,
            (From::LastCursor, Some(cursor)) => After::At(cursor.place),
            (From::LastId, Some(Cursor { id: Some(id), .. })) => After::Id(id),
            (From::LastId, Some(cursor)) => After::At(cursor.place),
            (From::Garbage, _) => After::Unreadable("garbage".to_owned()),
            _ => After::Oldest,
        }
    }

    /// Polls until so many items came or none is there; each poll is a future of its own.
    pub(crate) fn poll(&mut self, items: usize, reference: &Reference) -> Result<String, String> {
        let Some(attached) = &mut self.attached else { return Ok("away".to_owned()) };
        let mut got = Vec::new();
        while got.len() < items {
            let Some(place) = attached.poll()? else { break };
            if let (Some(Item::Gap(gap)), Some(cursor)) = (attached.items.last(), self.cursor) {
                reference.check_cause(gap, cursor.had, cursor.crashes)?;
            }
            got.push(place.to_string());
            self.cursor = attached.cursor(reference).or(self.cursor);
        }
        Ok(got.join(" "))
    }

    /// Ends the attachment, and checks what it gave.
    pub(crate) fn leave(&mut self, reference: &Reference) -> Result<(), String> {
        let Some(attached) = self.attached.take() else { return Ok(()) };
        let index = attached.index_of_last(reference);
        // What it has not read yet it does not miss.
        let known = index.map_or(0, |index| index + 1);
        let start = match attached.start {
            Start::After(had) if had > known => return Ok(()),
            start => start,
        };
        broken_promise(&reference.receipts[..known], start, &attached.items).map_or(Ok(()), Err)
    }

    pub(crate) fn read_to_the_end(
        &mut self,
        reference: &Reference,
        head: Position,
    ) -> Result<(), String> {
        let Some(attached) = &mut self.attached else { return Ok(()) };
        while attached.poll()?.is_some() {}
        if attached.place != head {
            return Err(format!("a reader rests at {} and the head is {head}", attached.place));
        }
        let items = &attached.items;
        broken_promise(&reference.receipts, attached.start, items).map_or(Ok(()), Err)
    }
}

impl Attached {
    /// Polls once; returns the place that the item led to.
    fn poll(&mut self) -> Result<Option<Position>, String> {
        let polled = {
            let next = pin!(self.attachment.next());
            next.poll(&mut Context::from_waker(Waker::noop()))
        };
        let Poll::Ready(item) = polled else { return Ok(None) };
        let Some(item) = item.map_err(|error| error.to_string())? else { return Ok(None) };
        let place = match &item {
            Item::Gap(gap) => gap.resumes_at,
            Item::Event(event) if event.position.seq == self.place.seq.next() => event.position,
            Item::Event(event) => {
                return Err(format!("{} came after {}", event.position, self.place));
            }
        };
        self.place = place;
        self.items.push(item);
        Ok(Some(place))
    }

    fn index_of_last(&self, reference: &Reference) -> Option<usize> {
        let last = self.items.iter().rev().find_map(|item| match item {
            Item::Event(event) => Some(event.id),
            Item::Gap(_) => None,
        })?;
        reference.receipts.iter().position(|receipt| receipt.id == last)
    }

    /// Returns the cursor that the last item gave.
    fn cursor(&self, reference: &Reference) -> Option<Cursor> {
        let place = self.place;
        Some(match self.items.last()? {
            Item::Event(event) => {
                let index = self.index_of_last(reference)?;
                let crashes = reference.crashes_before[index];
                Cursor { place, id: Some(event.id), had: Some(index + 1), crashes }
            }
            Item::Gap(_) => Cursor { place, id: None, had: None, crashes: 0 },
        })
    }
}
