//! What a cursor of a branch names, and the record's text.

use event::{Epoch, Fork, ForkKind, Lineage, Position, Seq};

use super::{Before, BranchRecord, Run};

fn lineage(forks: &[(u64, u64)]) -> Lineage {
    let fork = |&(epoch, after): &(u64, u64)| Fork {
        epoch: Epoch::from_bits(epoch),
        after: Seq(after),
        kind: ForkKind::Whole,
    };
    Lineage::from_forks(forks.iter().map(fork).collect()).unwrap()
}

fn at(epoch: u64, seq: u64) -> Position {
    Position::new(Epoch::from_bits(epoch), Seq(seq))
}

fn record() -> BranchRecord {
    BranchRecord {
        parent: Seq(5),
        lineage: lineage(&[(7, 5), (8, 9)]),
        before: None,
        runs: vec![Run { first: Seq(9), count: 2 }, Run { first: Seq(6), count: 1 }],
        is_complete: true,
    }
}

#[test]
fn a_record_round_trips() {
    for before in [None, Some(Before { after: Seq(8), last: Seq(11), lineage: lineage(&[(3, 5)]) })]
    {
        let record = BranchRecord { before, ..record() };
        let text = format!("3 done 17 {} 9x2,6x1", record.head_text());
        assert_eq!(BranchRecord::from_text(&text), Some(record));
    }
    let open = BranchRecord { runs: Vec::new(), is_complete: false, ..record() };
    assert_eq!(BranchRecord::from_text(&format!("0 open 17 {} -", open.head_text())), Some(open));
}

#[test]
fn what_contradicts_itself_is_no_record() {
    let head = record().head_text();
    for text in [
        String::new(),
        format!("4 done 17 {head} 9x2,6x1"),
        format!("3 lost 17 {head} 9x2,6x1"),
        format!("3 done 17 {head} 9x2,5x1"),
        format!("3 done 17 {head} 9x2,6x1,7x0"),
        format!("2 done 17 {head} 9x2,"),
        format!("0 done 17 {head} 9x9007199254740992,6x1,7x9223372036854775807"),
        format!("9007199254740993 done 17 {head} 9x9007199254740983,6x10"),
        format!("1 done 17 {head} 18446744073709551614x1"),
        "0 open 17 9007199254740993 0000000000007:9007199254740993:w - -".to_owned(),
        "0 open 17 4 0000000000007:5:w - -".to_owned(),
    ] {
        assert_eq!(BranchRecord::from_text(&text), None, "{text}");
    }
}

#[test]
fn a_cursor_of_the_branch_is_a_place_in_its_view() {
    let record = record();
    assert_eq!(record.place_of(at(7, 6)), Some(Ok(at(7, 6))));
    assert_eq!(record.place_of(at(8, 10)), Some(Ok(at(8, 10))));
    assert_eq!(record.place_of(at(7, 4)), None, "it is not the branch's");
    assert_eq!(record.place_of(at(9, 6)), None, "nobody knows it");
}

#[test]
fn a_cursor_of_a_branch_without_its_oldest_events_is_renamed() {
    let before = Some(Before { after: Seq(105), last: Seq(108), lineage: lineage(&[(3, 5)]) });
    let record = BranchRecord { before, lineage: lineage(&[(7, 5)]), ..record() };
    assert_eq!(record.place_of(at(3, 107)), Some(Ok(at(7, 7))));
    assert_eq!(record.place_of(at(3, 105)), Some(Ok(at(7, 5))));
    assert_eq!(record.place_of(at(3, 60)), Some(Err(Seq(105))));
    assert_eq!(record.place_of(at(3, 109)), None, "it was not merged with the others");
    assert_eq!(record.place_of(at(7, 7)), Some(Ok(at(7, 7))));
}

#[test]
fn a_place_behind_the_end_of_its_epoch_is_another_records() {
    let lineage = lineage(&[(3, 5), (4, 107)]);
    let before = Some(Before { after: Seq(105), last: Seq(109), lineage });
    let record = BranchRecord { before, lineage: self::lineage(&[(7, 5)]), ..record() };
    assert_eq!(record.place_of(at(3, 107)), Some(Ok(at(7, 7))));
    assert_eq!(record.place_of(at(4, 108)), Some(Ok(at(7, 8))));
    assert_eq!(record.place_of(at(3, 108)), None, "it was one of a view that Redis has lost");
    assert!(record.gave(at(4, 108)) && !record.gave(at(3, 108)));
}
