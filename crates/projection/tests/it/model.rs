//! Random facts, against an account that forgets nothing and shares nothing.

use std::collections::HashMap;

use chain::{DropReason, Fact};
use projection::{KindFilter, Status, TransactionQuery};
use proptest::prelude::*;

use crate::support::{Story, block, hash};

#[derive(Clone, Debug)]
enum Move {
    Seen(u64),
    Included(u64, u64),
    Replaced(u64, u64),
    Dropped(u64),
    Reorged(u64),
    Final(u64),
}

fn moves() -> impl Strategy<Value = Vec<(bool, Move)>> {
    let n = 1..30u64;
    let one = prop_oneof![
        4 => n.clone().prop_map(Move::Seen),
        3 => (n.clone(), 1..5u64).prop_map(|(n, at)| Move::Included(n, at)),
        1 => (n.clone(), 1..30u64).prop_map(|(n, by)| Move::Replaced(n, by)),
        1 => n.clone().prop_map(Move::Dropped),
        1 => n.clone().prop_map(Move::Reorged),
        1 => n.prop_map(Move::Final),
    ];
    prop::collection::vec((any::<bool>(), one), 0..300)
}

fn fact(story: &mut Story, chain: &str, step: &Move) -> Option<(u64, Status)> {
    let (n, status, fact) = match *step {
        Move::Seen(n) => {
            story.seen(chain, n);
            return Some((n, Status::Pending));
        }
        Move::Included(n, at) => {
            story.included(chain, n, at);
            return Some((n, Status::Included));
        }
        Move::Replaced(n, by) => {
            (n, Status::Replaced, Fact::Replaced { transaction: hash(n), by: hash(by) })
        }
        Move::Dropped(n) => {
            let reason = DropReason::Evicted;
            (n, Status::Dropped, Fact::Dropped { transaction: hash(n), reason })
        }
        Move::Reorged(n) => {
            (n, Status::Reorged, Fact::Reorged { transaction: hash(n), block: block(1) })
        }
        Move::Final(n) => (n, Status::Final, Fact::Final { transaction: hash(n), block: block(1) }),
    };
    story.tell(chain, fact);
    Some((n, status))
}

proptest! {
    #[test]
    fn what_is_held_is_as_a_plain_account_says(moves in moves()) {
        let mut story = Story::new(1_000);
        let mut account: HashMap<(&str, u64), Status> = HashMap::new();
        for (is_a, step) in &moves {
            let chain = if *is_a { "a" } else { "b" };
            let Some((n, status)) = fact(&mut story, chain, step) else { continue };
            match status {
                Status::Pending => { account.insert((chain, n), status); }
                _ => { account.entry((chain, n)).and_modify(|known| *known = status); }
            }
        }
        let snapshot = story.view.snapshot();
        for ((chain, n), status) in &account {
            let row = snapshot.transaction(&hash(*n), Some(chain)).unwrap();
            prop_assert_eq!(row.status, *status);
        }
        let waiting = account.values().filter(|status| status.waits()).count();
        prop_assert_eq!(snapshot.pending, waiting as u64);
        let of_chains: u64 = snapshot.chains().map(|chain| chain.pending).sum();
        prop_assert_eq!(of_chains, snapshot.pending);
        let all = TransactionQuery { limit: 1_000, ..Default::default() };
        prop_assert_eq!(snapshot.transactions(&all).transactions.len(), account.len());
        prop_assert_eq!(snapshot.events_after(0, KindFilter::ALL, 1_000).events().count(), moves.len());
    }

    #[test]
    fn reading_on_meets_every_held_event_once(moves in moves(), held in 1..200usize, limit in 1..50usize) {
        let mut story = Story::new(held);
        for (is_a, step) in &moves {
            fact(&mut story, if *is_a { "a" } else { "b" }, step);
        }
        let snapshot = story.view.snapshot();
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let page = snapshot.events_after(after, KindFilter::ALL, limit);
            seen.extend(page.events().map(|event| event.seq));
            prop_assert!(page.next > after || !page.has_more);
            after = page.next;
            if !page.has_more { break }
        }
        let first = story.seq.saturating_sub(held as u64) + 1;
        prop_assert_eq!(seen, (first..=story.seq).collect::<Vec<_>>());
        let mut waiting = 0;
        for chain in snapshot.chains() {
            waiting += chain.pending;
            let events = chain.events_after(chain.number_before(), 1_000);
            prop_assert_eq!(events.len() as u64, chain.number_last() - chain.number_before());
        }
        prop_assert_eq!(waiting, snapshot.pending);
    }
}
