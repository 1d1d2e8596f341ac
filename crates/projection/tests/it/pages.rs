//! Cursors always advance, and a hole is told.

use chain::{DropReason, Fact};
use projection::{KindFilter, Status, TransactionQuery};

use crate::support::{Story, block, hash};

fn seqs(story: &Story, after: u64, kinds: &str, limit: usize) -> (Vec<u64>, u64, bool) {
    let kinds = kinds.parse().expect("the tests name kinds that there are");
    let page = story.view.snapshot().events_after(after, kinds, limit);
    assert_eq!(page.gap, None);
    (page.events().map(|event| event.seq).collect(), page.next, page.has_more)
}

#[test]
fn pages_of_events_follow_each_other() {
    let mut story = Story::new(100);
    for n in 1..=5 {
        story.seen("a", n);
        story.committed("b", n);
    }
    assert_eq!(seqs(&story, 0, "*", 4), (vec![1, 2, 3, 4], 4, true));
    assert_eq!(seqs(&story, 4, "*", 100), (vec![5, 6, 7, 8, 9, 10], 10, false));
    assert_eq!(seqs(&story, 0, "block.*", 2), (vec![2, 4], 4, true));
    assert_eq!(seqs(&story, 10, "*", 5), (vec![], 10, false));
    // What is passed over moves the cursor too.
    assert_eq!(seqs(&story, 0, "chain.broken", 5), (vec![], 10, false));
}

#[test]
fn kinds_are_names_or_their_beginnings() {
    let takes = |text: &str| {
        let filter: KindFilter = text.parse().unwrap();
        projection::EventKind::ALL.into_iter().filter(|kind| filter.takes(*kind)).count()
    };
    assert_eq!((takes("*"), takes("block.*"), takes("transaction.seen")), (15, 2, 1));
    assert_eq!((takes("feature.*"), takes("opportunity.*"), takes("sim.*")), (1, 4, 1));
    assert_eq!(takes("transaction.seen, transaction.*"), 6);
    for wrong in ["", "seen", "transaction.seen,,", "Transaction.seen", "x*"] {
        let error = wrong.parse::<KindFilter>().unwrap_err().to_string();
        assert!(error.contains("is none of transaction.seen"), "{error}");
    }
}

#[test]
fn what_was_forgotten_or_lost_is_told_and_the_cursor_advances() {
    let mut story = Story::new(4);
    for n in 1..=10 {
        story.seen("a", n);
    }
    let page = story.view.snapshot().events_after(2, KindFilter::ALL, 2);
    let gap = page.gap.clone().unwrap();
    assert_eq!((gap.reason, gap.after, gap.resumes_at, gap.missed), ("expired", 2, 6, Some(4)));
    assert_eq!(page.events().map(|e| e.seq).collect::<Vec<_>>(), [7, 8]);
    assert_eq!((page.next, page.has_more), (8, true));

    let ahead = story.view.snapshot().events_after(99, KindFilter::ALL, 2);
    let gap = ahead.gap.clone().unwrap();
    assert_eq!((gap.reason, gap.resumes_at, gap.missed), ("unknown_cursor", 6, None));

    story.lose("a", 3);
    story.seen("a", 20);
    let before = story.view.snapshot().events_after(9, KindFilter::ALL, 10);
    assert_eq!((before.next, before.has_more, before.gap.is_none()), (10, true, true));
    let behind = story.view.snapshot().events_after(10, KindFilter::ALL, 10);
    let gap = behind.gap.clone().unwrap();
    assert_eq!((gap.reason, gap.resumes_at, gap.missed), ("data_loss", 13, Some(3)));
    assert_eq!(behind.events().map(|e| e.seq).collect::<Vec<_>>(), [14]);
    // The same of the chain's own numbers.
    let snapshot = story.view.snapshot();
    let chain = snapshot.chain("a").unwrap();
    assert_eq!(chain.events_after(9, 10).len(), 1);
    assert_eq!((chain.events_after(10, 10).len(), chain.resumes_after(10)), (0, 13));
    assert_eq!((chain.number_before(), chain.number_last()), (7, 14));
}

#[test]
fn transactions_come_newest_first_and_follow_each_other() {
    let mut story = Story::new(100);
    for n in 1..=6 {
        story.seen(if n % 2 == 0 { "b" } else { "a" }, n);
    }
    let drop = |transaction| Fact::Dropped { transaction, reason: DropReason::Expired };
    story.tell("a", drop(hash(3)));
    let page = |query: TransactionQuery| {
        let page = story.view.snapshot().transactions(&query);
        let found: Vec<_> = page.transactions.iter().map(|row| row.transaction.nonce).collect();
        (found, page.next, page.has_more)
    };
    let all = TransactionQuery { limit: 4, ..Default::default() };
    assert_eq!(page(all.clone()), (vec![6, 5, 4, 3], 3, true));
    assert_eq!(page(TransactionQuery { before: Some(3), ..all.clone() }), (vec![2, 1], 1, false));
    assert_eq!(page(TransactionQuery { before: Some(1), ..all.clone() }), (vec![], 1, false));
    let of_a = TransactionQuery { chain: Some("a".into()), ..all.clone() };
    assert_eq!(page(of_a.clone()).0, [5, 3, 1]);
    let waiting = TransactionQuery { status: Some(Status::Pending), ..of_a.clone() };
    assert_eq!(page(waiting).0, [5, 1]);
    let sender = story.view.snapshot().transaction(&hash(5), None).unwrap().transaction.sender;
    assert_eq!(page(TransactionQuery { sender: Some(sender), ..all }).0, [5]);
    assert_eq!(page(TransactionQuery { chain: Some("none".into()), ..of_a }), (vec![], 0, false));
}

#[test]
fn the_same_hash_on_two_chains_is_two_transactions() {
    let mut story = Story::new(100);
    story.seen("a", 1);
    story.seen("b", 1);
    story.included("b", 1, 5);
    let snapshot = story.view.snapshot();
    let status = |chain| snapshot.transaction(&hash(1), Some(chain)).unwrap().status;
    assert_eq!((status("a"), status("b")), (Status::Pending, Status::Included));
    assert_eq!(snapshot.pending, 1);
}

#[test]
fn a_stretch_is_drawn_in_points() {
    let mut story = Story::new(100);
    for n in 1..=10 {
        story.seen("a", n);
    }
    story.included("a", 1, 1);
    let snapshot = story.view.snapshot();
    let replay = snapshot.replay(2, 11, Some(4), 10).unwrap();
    let points: Vec<_> = replay.frames.iter().map(|f| (f.seq_hi, f.pending_count)).collect();
    assert_eq!(points, [(2, 2), (6, 6), (10, 10), (11, 9)]);
    assert_eq!((replay.from_seq_id, replay.to_seq_id, replay.stride), (2, 11, 4));
    let summary = replay.summary.unwrap();
    assert_eq!((summary.from_pending_count, summary.to_pending_count, summary.events), (2, 9, 10));
    assert_eq!(snapshot.replay(1, 11, Some(1), 10), None, "more points than may be");
    let few = snapshot.replay(0, u64::MAX, None, 5).unwrap();
    assert!((2..=5).contains(&few.frames.len()), "{few:?}");
    assert_eq!(few.frames.last().unwrap().seq_hi, 11);
    let none = snapshot.replay(50, 60, None, 5).unwrap();
    assert_eq!((none.frames.len(), none.summary), (0, None));
}

#[test]
fn blocks_are_the_canonical_ones() {
    let mut story = Story::new(100);
    story.committed("a", 1);
    story.committed("a", 2);
    story.tell("a", Fact::Reverted { block: block(2) });
    assert_eq!(story.view.snapshot().chain("a").unwrap().head(), Some(block(1)));
    story.tell("a", Fact::Broken { last: block(1), resumes_at: block(9) });
    assert_eq!(story.view.snapshot().chain("a").unwrap().head(), None);
    story.committed("a", 9);
    let snapshot = story.view.snapshot();
    let chain = snapshot.chain("a").unwrap();
    assert_eq!((chain.head(), chain.head_timestamp()), (Some(block(9)), Some(1_700_000_009)));
    assert_eq!((chain.counts.blocks_committed, chain.counts.broken), (3, 1));
}
