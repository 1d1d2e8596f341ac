//! What a reader meets, and what is made of it.

use super::*;
use crate::load::stamp::Identity;

/// A reader of one publisher, whose event `n` has the number `n + 1`.
struct Reader {
    record: Record,
    now_ms: u64,
}

impl Reader {
    fn new() -> Self {
        let mut record = Record::default();
        record.begins(Some(place(0)));
        Reader { record, now_ms: 0 }
    }

    /// Reads the event with this number in the place with that one.
    fn read_at(&mut self, n: u64, seq: u64) -> &mut Self {
        let said = Said::Ours { stamp: Stamp { lane: 0, n }, id: Identity::of(&n.to_string()) };
        self.record.event(place(seq), said, Origin::Sent, self.now_ms);
        self
    }

    fn read(&mut self, numbers: impl IntoIterator<Item = u64>) -> &mut Self {
        for n in numbers {
            self.read_at(n, n + 1);
        }
        self
    }

    fn gap(&mut self, resumes_at: u64) -> &mut Self {
        self.gap_after(resumes_at, resumes_at)
    }

    /// Tells of a gap when so many were begun.
    fn gap_after(&mut self, resumes_at: u64, begun: u64) -> &mut Self {
        self.record.gap("expired", place(resumes_at), [(0, begun)]);
        self
    }

    fn later(&mut self) -> &mut Self {
        self.now_ms += HOLE_MS_MAX;
        self.record.look(self.now_ms);
        self
    }

    fn ended(&mut self) -> &mut Self {
        self.record.ended();
        self
    }

    /// Lost, repeated, out of order, altered.
    #[track_caller]
    fn check(&self, expected: [u64; 4]) {
        let Counts { lost, repeated, reordered, altered, .. } = self.record.counts;
        assert_eq!([lost, repeated, reordered, altered], expected, "{:?}", self.record);
    }

    fn lacks(&self, acknowledged: u64) -> Lack {
        self.record.lacks(&sent(acknowledged), 0)
    }
}

fn place(seq: u64) -> Place {
    Place { cursor: format!("epoch-{seq}"), seq }
}

/// Facts of so many acknowledged events.
fn sent(count: u64) -> Facts {
    let mut facts = Facts::new([0]);
    for _ in 0..count {
        let stamp = facts.begin(0);
        facts.acknowledge(stamp, Identity::of(&stamp.n.to_string()));
    }
    facts
}

#[test]
fn what_comes_in_order_is_well() {
    let mut reader = Reader::new();
    reader.read(0..100).ended().read(100..110).later();
    reader.check([0; 4]);
    assert_eq!((reader.record.counts.checked, reader.record.cursor()), (110, Some("epoch-110")));
    assert_eq!(reader.lacks(110), Lack::default());
}

#[test]
fn a_hole_is_a_loss_in_time_or_at_the_end() {
    let mut reader = Reader::new();
    reader.read([0, 1, 4]).check([0; 4]);
    reader.later().check([2, 0, 0, 0]);
    reader.read([5, 7]).ended().check([3, 0, 0, 0]);
    let lack = reader.lacks(8);
    assert_eq!((lack.count, lack.told), (3, 0));
    assert_eq!(lack.first.iter().map(|stamp| stamp.n).collect::<Vec<_>>(), [2, 3, 6]);
}

#[test]
fn what_fills_a_hole_came_out_of_order() {
    let mut reader = Reader::new();
    reader.read([0, 2, 1, 3]).later().check([0, 0, 1, 0]);
    assert_eq!(reader.lacks(4), Lack::default());
    // It stays where it is.
    assert_eq!(reader.record.cursor(), Some("epoch-4"));
}

#[test]
fn what_comes_again_is_repeated() {
    let mut reader = Reader::new();
    reader.read([0, 1, 1, 2, 0]).check([0, 2, 0, 0]);
    // In a place of its own too.
    reader.read_at(2, 4).check([0, 3, 0, 0]);
    reader.read_at(3, 5).check([0, 3, 0, 0]);
}

#[test]
fn a_gap_that_is_told_is_no_loss() {
    let mut reader = Reader::new();
    reader.read(0..3).gap(10).read(10..12).later().check([0; 4]);
    assert_eq!((reader.record.counts.told_missing, reader.lacks(12)), (7, Lack::default()));
    assert_eq!(reader.record.counts.gaps, BTreeMap::from([("expired".to_owned(), 1)]));
    // Nothing came behind it yet.
    reader.gap(20);
    let lack = reader.lacks(20);
    assert_eq!((lack.count, lack.told), (8, 8));
}

#[test]
fn a_gap_excuses_nothing_behind_where_it_resumes() {
    // Nothing more came, or not all of it; the first event that ever was, or a later one.
    for (had, then, acknowledged, expected) in [
        (3, None, 20, (17, 7)),
        (0, None, 20, (20, 10)),
        (3, Some(15), 16, (5, 0)),
        (3, Some(10), 11, (0, 0)),
        (10, None, 10, (0, 0)),
    ] {
        let mut reader = Reader::new();
        reader.read(0..had).gap_after(10, 10).read(then);
        let lack = reader.lacks(acknowledged);
        assert_eq!((lack.count, lack.told), expected, "{had} {then:?} {acknowledged}");
    }
}

#[test]
fn what_comes_again_behind_a_gap_is_not_repeated_unless_twice() {
    let mut reader = Reader::new();
    reader.read(0..5).gap(2).read(2..8).check([0; 4]);
    assert_eq!((reader.record.counts.told_again, reader.record.counts.told_missing), (3, 0));
    reader.read([3]).check([0, 1, 0, 0]);
}

#[test]
fn holes_before_a_gap_stay_losses() {
    let mut reader = Reader::new();
    reader.read([0, 2]).gap(5).check([1, 0, 0, 0]);
}

#[test]
fn what_goes_wrong_is_the_canarys_while_the_stream_is_there_alone() {
    let mut reader = Reader::new();
    reader.read([0, 2]).later().read([2, 1]).check([1, 1, 1, 0]);
    assert_eq!(reader.record.counts.on_canary, OnCanary::default());
    reader.record.is_on_canary = true;
    reader.read([4, 4, 6, 5, 8]).ended().check([3, 2, 2, 0]);
    reader.record.is_on_canary = false;
    reader.read([10, 10]).ended().check([4, 3, 2, 0]);
    let expected = OnCanary { lost: 2, repeated: 1, reordered: 1, double_effects: 0 };
    assert_eq!(reader.record.counts.on_canary, expected);
}

#[test]
fn what_is_not_as_sent_and_what_nobody_sent_is_altered() {
    let mut record = Record::default();
    record.begins(Some(place(0)));
    record.event(place(1), Said::Altered, Origin::Nobody, 0);
    let stamp = Stamp { lane: 0, n: 0 };
    record.event(place(2), Said::Ours { stamp, id: Identity::of("a") }, Origin::Nobody, 0);
    record.event(place(3), Said::Foreign, Origin::Nobody, 0);
    assert_eq!((record.counts.altered, record.counts.foreign, record.counts.checked), (2, 1, 3));
}

#[test]
fn what_is_kept_is_bounded() {
    let mut reader = Reader::new();
    let far = 3 * MISSING_MAX as u64;
    reader.read([0, far]).check([2 * MISSING_MAX as u64 - 1, 0, 0, 0]);
    assert_eq!(reader.record.holes.len(), MISSING_MAX);
    assert_eq!(reader.lacks(far + 1).count, far - 1);
    for n in 0..100 {
        reader.record.gap(&n.to_string(), place(far + 1), []);
    }
    assert_eq!(reader.record.counts.gaps.len(), REASONS_MAX + 1);
    assert_eq!(reader.record.counts.gaps.values().sum::<u64>(), 100);
}

#[test]
fn a_hole_is_one_until_it_is_filled_or_lost() {
    let mut reader = Reader::new();
    assert!(!reader.read([0, 1]).record.has_holes(0));
    assert!(reader.read([3]).record.has_holes(HOLE_MS_MAX - 1));
    assert!(!reader.read([2]).record.has_holes(0));
    assert!(!reader.read([6]).record.has_holes(HOLE_MS_MAX));
    reader.check([2, 0, 1, 0]);
}
