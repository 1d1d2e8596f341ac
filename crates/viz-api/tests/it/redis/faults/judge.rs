//! What readers' records come to.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    Meanwhile, Told,
    clients::Record,
    field::{Mode, Seen},
};

/// How many readers stay where they are.
const STEADY: usize = 2;

/// How many readers there are.
const READERS: usize = 4;

/// What was found, over all readers.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    published: u64,
    delivered: u64,
    during: (u64, u64),
    gaps: Vec<String>,
    /// Acknowledged, and not delivered to a reader that was told of no gap in that place.
    lost: u64,
    /// Acknowledged, and not delivered to one that was told of a gap in that place.
    told: u64,
    /// Delivered a second time, by its id.
    repeated: u64,
    /// Another event that was published under the same key.
    again: u64,
    /// Delivered behind a later one of the same publisher.
    reordered: u64,
    /// How often a reader that stays had to come back.
    broken: u64,
    words: BTreeSet<String>,
    slowest_ms: u128,
}

impl Verdict {
    pub(super) fn of(seen: Seen, meanwhile: Meanwhile) -> Self {
        let mut verdict = Verdict {
            published: seen.published.iter().sum(),
            during: seen.during,
            ..Verdict::default()
        };
        for (index, record) in seen.records.iter().enumerate() {
            verdict.add(record, seen.published);
            if index < STEADY {
                verdict.broken += record.reconnects;
            }
        }
        let affected = if meanwhile == Meanwhile::LostToOne { 1 } else { seen.said.len() };
        for said in &seen.said {
            verdict.slowest_ms = verdict.slowest_ms.max(said.slowest.as_millis());
        }
        verdict.words = seen.said.into_iter().take(affected).flat_map(|said| said.words).collect();
        verdict
    }

    fn add(&mut self, record: &Record, published: [u64; 2]) {
        let (mut ids, mut places) = (HashSet::new(), HashMap::new());
        let mut last: [Option<u64>; 2] = [None, None];
        let mut taken = Vec::new();
        for (index, (id, by, n)) in record.events.iter().enumerate() {
            if !ids.insert(id) {
                self.repeated += 1;
                continue;
            }
            if places.insert((*by, *n), id).is_some() {
                self.again += 1;
                continue;
            }
            let last = &mut last[usize::try_from(*by).expect("there are two")];
            if last.is_some_and(|last| last > *n) {
                self.reordered += 1;
            }
            *last = Some(*n);
            taken.push((index, *by, *n));
        }
        let all = (0..2).flat_map(|by| (0..published[by]).map(move |n| (by as u64, n)));
        for (by, n) in all.filter(|place| !places.contains_key(place)) {
            match record.gaps.iter().any(|(at, _)| covers(&taken, *at, by, n)) {
                true => self.told += 1,
                false => self.lost += 1,
            }
        }
        self.gaps.extend(record.gaps.iter().map(|(_, reason)| reason.clone()));
        self.delivered += record.events.len() as u64;
    }

    /// Returns its line of the table.
    pub(super) fn line(&self, fault: &str, mode: Mode) -> String {
        let mode = if mode == Mode::Strict { "strict" } else { "not strict" };
        let words: Vec<_> = self.words.iter().map(String::as_str).collect();
        let (words, (acknowledged, refused)) = (words.join(", "), self.during);
        let gaps = match self.gaps.len() {
            0 => "0".to_owned(),
            gaps => format!(
                "{gaps} ({})",
                self.gaps
                    .iter()
                    .cloned()
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        let Verdict { published, delivered, lost, told, repeated, reordered, slowest_ms, .. } =
            self;
        format!(
            "| {fault} | {mode} | {words} | {slowest_ms} | {acknowledged} / {refused} | {published} | {delivered} | {gaps} | {told} | {lost} | {repeated} | {reordered} |"
        )
    }

    pub(super) fn check(&self, told: Told, meanwhile: Meanwhile, mode: Mode) {
        assert_eq!((self.lost, self.repeated, self.reordered), (0, 0, 0), "{self:?}");
        assert_eq!(self.broken, 0, "open streams stay: {self:?}");
        match told {
            Told::Nothing => assert!(self.gaps.is_empty() && self.again == 0, "{self:?}"),
            Told::Loss => assert!(self.gaps.len() >= READERS, "all are told: {self:?}"),
            Told::WhoIsBehind => {}
        }
        if mode == Mode::Loose {
            assert!(!self.words.contains("unhealthy"), "{self:?}");
        }
        let must_go_on = mode == Mode::Loose && meanwhile != Meanwhile::Refused;
        assert!(!must_go_on || self.during.0 > 0, "events are taken all the while: {self:?}");
    }
}

/// Returns whether a gap behind so many events covers one that did not come: what its publisher sent
/// before it came before the gap, if anything, and what it sent later behind that.
fn covers(taken: &[(usize, u64, u64)], at: usize, by: u64, n: u64) -> bool {
    let ours = || taken.iter().filter(|(_, publisher, _)| *publisher == by);
    let before = ours().filter(|(index, ..)| *index < at).map(|(.., n)| *n).max();
    let behind = ours().filter(|(index, ..)| *index >= at).map(|(.., n)| *n).min();
    before.is_none_or(|before| before < n) && behind.is_none_or(|behind| n < behind)
}

#[test]
fn a_gap_excuses_what_is_missing_in_its_place_alone() {
    let events = |numbers: &[u64]| -> Vec<_> {
        numbers.iter().map(|n| (format!("id {n}"), 0, *n)).collect()
    };
    for (numbers, gaps, lost, told) in [
        (&[0, 1, 2, 3, 4][..], &[][..], 0, 0),
        (&[0, 1, 4], &[], 2, 0),
        (&[0, 1, 4], &[2], 0, 2),
        (&[0, 1, 4], &[1], 2, 0),
        (&[0, 2, 4], &[2], 1, 1),
        (&[0, 2, 4], &[1, 2], 0, 2),
        (&[1, 2, 3], &[0, 3], 0, 2),
        (&[1, 2, 3], &[3], 1, 1),
        (&[], &[0], 0, 5),
    ] {
        let gaps = gaps.iter().map(|at| (*at, "data_loss".to_owned())).collect();
        let record = Record { events: events(numbers), gaps, ..Record::default() };
        let mut verdict = Verdict::default();
        verdict.add(&record, [5, 0]);
        assert_eq!((verdict.lost, verdict.told), (lost, told), "{record:?}");
    }
}
