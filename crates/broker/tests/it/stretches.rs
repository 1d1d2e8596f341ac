//! Stretches of a log that readers share, and how long they are kept.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use broker::{
    Append, Events, NewEvent, PageLimit,
    memory::log::{Log, WindowLimits},
};
use event::{
    After, Epoch, Event, EventId, ForkKind, Lineage, MonoMs, Position, limits::LINEAGE_EPOCHS_MAX,
};

const LIMITS: WindowLimits = WindowLimits { events_max: 40, age_max: Duration::from_secs(60) };
const BEGAN: MonoMs = MonoMs(1);

/// A log, and the place before its first event.
struct Shared {
    log: Log,
    origin: Position,
    next: u128,
}

impl Shared {
    fn with_events(count: usize) -> Self {
        let log = Log::begin(Lineage::origin(Epoch::from_bits(1)));
        let mut shared = Shared { origin: log.head(), log, next: 1 };
        shared.append(count, BEGAN);
        shared
    }

    fn append(&mut self, count: usize, now: MonoMs) {
        for _ in 0..count {
            let name = "n".parse().expect("a name");
            let new = NewEvent { id: EventId::from_bits(self.next), name, json: "{}".into() };
            let append = Append { events: vec![new], idempotency: None };
            self.log.append(append, now, &LIMITS).expect("there is room");
            self.next += 1;
        }
    }

    fn read_after(&mut self, after: Position) -> Events {
        self.log.page(&After::At(after), PageLimit::MAX).events
    }

    fn read(&mut self) -> Events {
        self.read_after(self.origin)
    }
}

fn watched(events: &Events) -> Vec<Weak<Event>> {
    events.iter().map(Arc::downgrade).collect()
}

fn alive(events: &[Weak<Event>]) -> usize {
    events.iter().filter(|event| event.strong_count() > 0).count()
}

#[test]
fn who_reads_the_same_stretch_shares_it() {
    let mut shared = Shared::with_events(20);
    let first = shared.read();
    assert_eq!(first.len(), 20);
    assert!(Arc::ptr_eq(&first, &shared.read()));
    let later = shared.read_after(first[1].position);
    assert_eq!(later.len(), 18, "another place is another stretch");
    shared.append(1, BEGAN);
    let longer = shared.read();
    assert_eq!(longer.len(), 21, "it has the event that came since");
    assert!(Arc::ptr_eq(&longer, &shared.read()));
}

#[test]
fn a_short_stretch_is_not_kept() {
    let mut shared = Shared::with_events(15);
    let first = shared.read();
    assert!(!Arc::ptr_eq(&first, &shared.read()));
    shared.append(1, BEGAN);
    let first = shared.read();
    assert!(Arc::ptr_eq(&first, &shared.read()));
}

#[test]
fn what_the_window_forgets_is_kept_by_nobody() {
    let mut shared = Shared::with_events(20);
    let old = watched(&shared.read());
    assert_eq!(alive(&old), 20);
    let later = BEGAN.plus(LIMITS.age_max + Duration::from_millis(1));
    assert!(shared.log.trim(later, &LIMITS), "they are too old");
    assert_eq!(alive(&old), 0);
    // The same by count, of which one is enough: the stretch is no longer whole.
    let mut shared = Shared::with_events(40);
    let stretch = shared.read();
    let old = watched(&stretch);
    drop(stretch);
    shared.append(1, BEGAN);
    assert_eq!(alive(&old), 39);
}

#[test]
fn what_a_fork_forgets_is_kept_by_nobody() {
    let mut shared = Shared::with_events(20);
    let old = watched(&shared.read());
    // So many lossy forks that the lineage no longer knows of the hole behind the events.
    for epoch in 0..LINEAGE_EPOCHS_MAX as u64 {
        shared.log.fork(Epoch::from_bits(2 + epoch), ForkKind::Lossy);
    }
    assert_eq!((shared.log.window_len(), alive(&old)), (0, 0));
}
