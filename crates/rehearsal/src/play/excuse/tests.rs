//! What is excused, and what is not.

use super::*;
use crate::OnCanary;

fn verdict(ledger: Ledger, shortfalls: Vec<Shortfall>) -> Verdict {
    Verdict::of(ledger, shortfalls, None, 0)
}

fn lost(all: u64, on_canary: u64) -> Verdict {
    let of = OnCanary { lost: on_canary, ..OnCanary::default() };
    let ledger = Ledger { checked: 9, lost: all, on_canary: of, ..Ledger::default() };
    let reader = "reader-1 (sse)".to_owned();
    let shortfall = Shortfall { reader, lacks: all, told: 0, on_canary, first: Vec::new() };
    verdict(ledger, vec![shortfall])
}

#[test]
fn only_what_the_canary_was_told_to_lose_is_excused() {
    let all = [
        "2 events were lost without a gap".to_owned(),
        "1 readers lack events that were acknowledged".to_owned(),
    ];
    let one = ["1 events were lost without a gap".to_owned(), all[1].clone()];
    for (found, injected, left) in [
        (lost(2, 2), Some("lose=1%"), &[] as &[String]),
        (lost(2, 2), Some("errors=20%, lose=1%"), &[]),
        (lost(2, 2), Some("repeat=1%"), &all),
        (lost(2, 2), None, &all),
        // Elsewhere, or before the canary was there, nobody was told to.
        (lost(2, 0), Some("lose=1%"), &all),
        (lost(2, 1), Some("lose=1%"), &one),
    ] {
        assert_eq!(judge(&found, injected).reasons, left, "{injected:?} {found:?}");
    }
}

#[test]
fn every_kind_is_excused_as_often_as_the_canary_did_it() {
    let wrong = OnCanary { lost: 0, repeated: 1, reordered: 2, double_effects: 3 };
    let ledger = Ledger {
        repeated: 2,
        reordered: 3,
        double_effects: 4,
        on_canary: wrong,
        ..Ledger::default()
    };
    let left = judge(&verdict(ledger, Vec::new()), Some("repeat=1%,reorder=1%,idempotency"));
    assert_eq!(left.reasons.len(), 3);
    assert!(left.reasons.iter().all(|reason| reason.starts_with("1 events ")), "{left:?}");
    let counts: Vec<_> = left.excused.iter().map(|it| it.split(' ').next().unwrap()).collect();
    assert_eq!(counts, ["1", "2", "3"]);
}

#[test]
fn what_lay_in_a_gap_is_no_whole_account() {
    let gaps = [("made_up".to_owned(), 12)].into();
    let ledger = Ledger { checked: 9, gaps, told_missing: 7, ..Ledger::default() };
    let found = verdict(ledger, Vec::new());
    let left = judge(&found, Some("lose=1%"));
    assert_eq!(left.reasons, ["7 events lay in gaps that clients were told of"]);
    assert!(seen(&found, &left).contains("12 made_up with 7 events"), "{}", seen(&found, &left));
}

#[test]
fn what_is_excused_is_never_called_checked_alone() {
    let found = lost(2, 2);
    let text = seen(&found, &judge(&found, Some("lose=1%")));
    assert_eq!(
        text,
        "9 deliveries were checked; NOT whole, but on purpose: 2 lost on the canary, which was told \
         to (lose=1%)"
    );
}

#[test]
fn who_lacks_what_is_told_beside_what_was_lost() {
    let gaps = [("made_up".to_owned(), 1)].into();
    let ledger = Ledger { checked: 9, gaps, told_missing: 3, ..Ledger::default() };
    let of = |n: usize| Shortfall {
        reader: format!("reader-{n}"),
        lacks: 3,
        told: 3,
        on_canary: 0,
        first: Vec::new(),
    };
    let found = verdict(ledger, (0..7).map(of).collect());
    let lines = lines(&found, &judge(&found, None));
    assert_eq!(lines[1], "gaps told: 1 made_up with 3 events in them");
    let lacks = "7 readers lack 21 acknowledged events: reader-0 lacks 3, 3 of them in gaps, ";
    assert!(lines[2].starts_with(lacks) && lines[2].ends_with(", and 2 more"), "{}", lines[2]);
}
