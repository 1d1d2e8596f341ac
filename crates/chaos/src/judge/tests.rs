//! Verdicts over small runs: what is right passes, each thing that is wrong is named, and what the
//! fault model allows passes only where something explains it.

use event::{Epoch, Position, RollingHash, Seq};

use super::*;
use crate::{
    facts::Fate,
    kind::Marks,
    payload::{END, Stamp, TICK},
    settings::{Mode, Settings},
};

const SENT: u64 = 6;

/// A run with one reader and one publisher, who is sticky, of which all was right so far.
struct Small {
    plan: Plan,
    facts: Arc<Facts>,
    history: History,
    record: Arc<Mutex<Record>>,
    trunk: Trunk,
    accounts: Vec<Result<Account, String>>,
}

fn at(seq: u64) -> Position {
    Position::new(Epoch::from_bits(7), Seq(seq))
}

fn json(n: u64, id: u64) -> String {
    let name = if n == SENT - 1 { END } else { TICK };
    let payload = Stamp { by: 0, n, first: n, of: 1 }.payload();
    format!(r#"{{"id":"evt_{id:026}","event":"{name}","payload":{payload}}}"#)
}

fn id(id: u64) -> event::EventId {
    format!("evt_{id:026}").parse().expect("it is an id")
}

fn marks(change: fn(&mut Marks)) -> Marks {
    let mut marks = Marks::default();
    change(&mut marks);
    marks
}

impl Small {
    /// The log has these numbers, with these identities, and the publisher was acknowledged all.
    fn new(mode: Mode, log: &[(u64, u64)]) -> Self {
        let settings = Settings { mode: Some(mode), ..Settings::default() };
        let facts = Arc::new(Facts::new(1));
        for n in 0..SENT {
            let stamp = facts.begin(0, 1)[0];
            facts.end(stamp, 0, Fate::Acknowledged(id(n)));
        }
        let (mut trunk, mut hash) = (Trunk::starting(), RollingHash::default());
        for (seq, (n, id)) in (1..).zip(log) {
            let json = json(*n, *id);
            let event = format!(r#"{{"cursor":"{}",{}"#, at(seq), &json[1..]);
            trunk.add(&event, 0).expect("it is an event");
            hash = hash.and(Seq(seq), json.as_bytes());
        }
        let count = log.len() as u64;
        let (last, hash) = (at(count).to_string(), hash.to_string());
        let account = Account { first: 1, last, count, hash };
        let mut record = Record::new(&facts);
        record.begins("fresh", Some(at(0)));
        Small {
            plan: Plan::from_seed(1, 10, &settings),
            record: Arc::new(Mutex::new(record)),
            facts,
            history: History::default(),
            trunk,
            accounts: vec![Ok(account.clone()), Ok(account)],
        }
    }

    /// The reader gets these numbers, with these identities, one after the other.
    fn reads(self, events: &[(u64, u64)]) -> Self {
        for (n, id) in events {
            let mut record = self.record.lock();
            let next = record.last().map_or(1, |last| last.seq.0 + 1);
            record.event(at(next), json(*n, *id).as_bytes());
        }
        self
    }

    fn with_gap(self, reason: &str, resumes_at: u64) -> Self {
        self.record.lock().gap(0, reason, at(resumes_at));
        self
    }

    fn happened(self, marks: Marks) -> Self {
        // Before anything was acknowledged, however long this thread stood still.
        self.history.begin(0, marks, Some(0), 0);
        self
    }

    fn verdict(&self) -> Verdict {
        Verdict::of(&Evidence {
            plan: &self.plan,
            facts: &self.facts,
            history: &self.history,
            records: std::slice::from_ref(&self.record),
            trunk: &self.trunk,
            accounts: &self.accounts,
            wrong: &[],
        })
    }

    #[track_caller]
    fn check(&self, problem: Option<&str>) -> Verdict {
        let verdict = self.verdict();
        match problem {
            None => assert_eq!(verdict.problems, Vec::<String>::new()),
            Some(problem) => {
                let named = verdict.problems.iter().any(|said| said.contains(problem));
                assert!(named, "no `{problem}` in {:?}", verdict.problems);
            }
        }
        verdict
    }
}

fn all() -> Vec<(u64, u64)> {
    (0..SENT).map(|n| (n, n)).collect()
}

fn without(gone: u64) -> Vec<(u64, u64)> {
    all().into_iter().filter(|(n, _)| *n != gone).collect()
}

#[test]
fn what_is_right_passes() {
    let verdict = Small::new(Mode::Strict, &all()).reads(&all()).check(None);
    assert_eq!((verdict.deliveries, verdict.acknowledged, verdict.logged), (SENT, SENT, SENT));
    assert!(verdict.failing.is_empty());
}

#[test]
fn what_a_reader_did_not_get_is_lost_or_told() {
    let small = Small::new(Mode::Strict, &all()).reads(&without(2));
    assert_eq!(small.check(Some("missing without a gap")).failing, [0]);
    let loses = marks(|marks| marks.loses = true);
    let small = Small::new(Mode::Strict, &all()).happened(loses).reads(&all()[..2]);
    let verdict = small.with_gap("data_loss", 3).reads(&all()[3..]).check(None);
    assert_eq!((verdict.lost, verdict.lost_told), (0, 1));
}

#[test]
fn a_gap_elsewhere_excuses_nothing() {
    let loses = marks(|marks| marks.loses = true);
    let small = Small::new(Mode::Strict, &all()).happened(loses).reads(&[(0, 0), (2, 2)]);
    small.with_gap("data_loss", 3).reads(&all()[3..]).check(Some("missing without a gap"));
}

#[test]
fn a_gap_needs_an_explanation() {
    let told = |mode, reason: &str, marks: Marks| {
        let small = Small::new(mode, &all()).happened(marks).reads(&all()[..3]);
        small.with_gap(reason, 3).reads(&all()[3..]).verdict().holds()
    };
    let (none, cuts) = (Marks::default(), marks(|marks| marks.cuts = true));
    let loses = marks(|marks| marks.loses = true);
    let killed_with_branch = Marks { kills: true, absent: true, ..cuts };
    for (mode, reason, marks, is_fine) in [
        (Mode::Strict, "data_loss", none, false),
        (Mode::Strict, "data_loss", cuts, false),
        (Mode::Strict, "data_loss", killed_with_branch, false),
        (Mode::Strict, "data_loss", loses, true),
        (Mode::Loose, "data_loss", cuts, false),
        (Mode::Loose, "data_loss", killed_with_branch, true),
        (Mode::Strict, "data_loss", Marks { restarts: true, ..cuts }, true),
        (Mode::Strict, "unknown_cursor", cuts, false),
        (Mode::Loose, "unknown_cursor", cuts, true),
        (Mode::Loose, "expired", loses, false),
        (Mode::Loose, "lagged", loses, false),
        (Mode::Strict, "expired", cuts, false),
        (Mode::Loose, "expired", cuts, false),
        (Mode::Loose, "expired", killed_with_branch, true),
        (Mode::Loose, "lagged", killed_with_branch, true),
    ] {
        assert_eq!(told(mode, reason, marks), is_fine, "{mode:?} {reason} {marks:?}");
    }
}

#[test]
fn a_reader_far_behind_comes_to_what_was_lost_long_ago() {
    let told = |read_ms| {
        let small = Small::new(Mode::Strict, &all()).happened(marks(|marks| marks.loses = true));
        small.history.end(0, 1_000);
        let small = small.reads(&all()[..3]).with_gap("data_loss", 3).reads(&all()[3..]);
        small.record.lock().gaps[0].at_ms = 600_000;
        small.record.lock().gaps[0].read_ms = read_ms;
        small.verdict().holds()
    };
    assert!(told(30_000), "what it had read is from then");
    assert!(!told(590_000), "what it had read came long after");
}

#[test]
fn what_was_acknowledged_is_in_the_log_or_explained() {
    let log = without(2);
    let gone = "acknowledged events are not in the log";
    Small::new(Mode::Strict, &log).reads(&log).check(Some(gone));
    let killed = marks(|m| (m.cuts, m.kills, m.absent) = (true, true, true));
    Small::new(Mode::Strict, &log).happened(killed).reads(&log).check(Some(gone));
    let verdict = Small::new(Mode::Loose, &log).happened(killed).reads(&log).check(None);
    assert_eq!(verdict.gone_explained, 1);
}

#[test]
fn what_is_not_in_the_log_was_received_before_a_gap() {
    let log = without(2);
    let killed = marks(|m| (m.cuts, m.kills, m.absent) = (true, true, true));
    let small = Small::new(Mode::Loose, &log).happened(killed).reads(&all());
    small.check(Some("not in the log, without a gap"));
    let small = Small::new(Mode::Loose, &log).happened(killed).reads(&all()[..3]);
    small.with_gap("data_loss", 3).reads(&all()[3..]).check(None);
}

#[test]
fn one_key_takes_effect_once() {
    let mut log = all();
    log.insert(3, (2, 22));
    let twice = "twice under one key";
    Small::new(Mode::Strict, &log).reads(&log).check(Some(twice));
    let loses = marks(|marks| marks.loses = true);
    let verdict = Small::new(Mode::Strict, &log).happened(loses).reads(&log).check(None);
    assert_eq!(verdict.twice_explained, 1);
    let small = Small::new(Mode::Strict, &all()).reads(&all());
    small.facts.answered_twice(Stamp { by: 0, n: 1, first: 1, of: 1 });
    small.check(Some(twice));
}

#[test]
fn an_order_is_kept_where_it_was_acknowledged() {
    let log = [(0, 0), (2, 2), (1, 1), (3, 3), (4, 4), (5, 5)];
    Small::new(Mode::Strict, &log).reads(&log).check(Some("behind a later one"));
    let small = Small::new(Mode::Strict, &log).reads(&log);
    small.facts.end(Stamp { by: 0, n: 1, first: 1, of: 1 }, 0, Fate::Unknown);
    small.check(None);
    let killed = marks(|m| (m.cuts, m.kills, m.absent) = (true, true, true));
    Small::new(Mode::Loose, &log).happened(killed).reads(&log).check(None);
    Small::new(Mode::Strict, &log).happened(killed).reads(&log).check(Some("behind a later one"));
}

#[test]
fn a_second_effect_is_no_late_event() {
    let loses = marks(|marks| marks.loses = true);
    let mut log = all();
    log.insert(5, (2, 22));
    let verdict = Small::new(Mode::Strict, &log).happened(loses).reads(&log).check(None);
    assert_eq!((verdict.reordered, verdict.twice_explained), (0, 1));
}

#[test]
fn a_branch_explains_a_second_effect_where_its_replica_was_killed() {
    let mut log = all();
    log.insert(3, (2, 22));
    let check = |marks, problem| {
        Small::new(Mode::Loose, &log).happened(marks).reads(&log).check(problem);
    };
    check(marks(|m| m.cuts = true), Some("twice under one key"));
    check(marks(|m| (m.cuts, m.kills, m.absent) = (true, true, true)), None);
}

#[test]
fn repeats_jumps_and_accounts_are_seen() {
    let mut events = all();
    events.insert(3, (2, 2));
    Small::new(Mode::Strict, &all()).reads(&events).check(Some("a second time without a gap"));
    let small = Small::new(Mode::Strict, &all()).reads(&all()[..2]);
    small.record.lock().event(at(4), json(2, 2).as_bytes());
    small.check(Some("a number that is not the next"));
    let mut small = Small::new(Mode::Strict, &all()).reads(&all());
    small.accounts[1].as_mut().expect("it is there").hash = "00".into();
    let verdict = small.check(Some("replica 1 has another account"));
    assert!(verdict.problems.iter().any(|said| said.contains("its hash is 00")), "{verdict:?}");
    small.accounts[1] = Err("it is gone".into());
    small.check(Some("gives no account"));
}

#[test]
fn a_log_that_reads_otherwise_again_needs_an_explanation() {
    let mut small = Small::new(Mode::Strict, &all()).reads(&all());
    let last = json(SENT - 1, SENT - 1);
    let event = format!(r#"{{"cursor":"{}",{}"#, at(1), &last[1..]);
    small.trunk.add_again(&event).expect("it is an event");
    small.check(Some("changed behind a cursor"));
    let small = small.happened(marks(|marks| marks.loses = true));
    let verdict = small.verdict();
    assert!(!verdict.problems.iter().any(|said| said.contains("behind a cursor")), "{verdict:?}");
}

#[test]
fn a_list_is_there_as_a_whole() {
    let small = Small::new(Mode::Strict, &all()).reads(&all());
    let list = small.facts.begin(0, 2);
    small.facts.end(list[0], 0, Fate::Unknown);
    small.facts.end(list[1], 0, Fate::Unknown);
    small.check(None);
    let mut log = all();
    log.insert(0, (SENT, SENT));
    let small = Small::new(Mode::Strict, &log);
    small.facts.begin(0, 2);
    small.reads(&log).check(Some("lists are there in part"));
}

#[test]
fn a_reader_comes_to_the_last_event() {
    let small = Small::new(Mode::Strict, &all()).reads(&all()[..3]);
    assert_eq!(small.check(Some("did not come to the last event")).lost, 3);
}

/// Number 3 never comes: either the gap leads beyond it, or it leads back and 3 is left out later.
#[test]
fn a_place_that_is_not_known_tells_of_all_before_the_next_and_of_nothing_behind_it() {
    let told = |mode, resumes_at: u64, rest: &[(u64, u64)]| {
        let small = Small::new(mode, &all()).happened(marks(|marks| marks.cuts = true));
        small.reads(&all()[..3]).with_gap("unknown_cursor", resumes_at).reads(rest).verdict()
    };
    let verdict = told(Mode::Loose, 4, &all()[4..]);
    assert_eq!((verdict.lost, verdict.lost_told), (0, 1));
    // It is led back, reads what it had read, and then jumps over number 3 in silence.
    let verdict = told(Mode::Loose, 1, &[(1, 1), (2, 2), (4, 4), (5, 5)]);
    assert_eq!((verdict.lost, verdict.lost_told), (1, 0));
}
