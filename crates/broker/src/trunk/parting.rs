//! Where two histories of one stream part. Pure.

use event::{Lineage, Position, Seq, Standing};

/// Returns the last number that a log's history shares with the trunk's; `None` where the trunk has
/// all of it.
pub(crate) fn parting(trunk: (&Lineage, Seq), ours: (&Lineage, Seq)) -> Option<Seq> {
    let (lineage, head) = ours;
    if trunk.0.standing(lineage.position_at(head), trunk.1) == Standing::Good {
        return None;
    }
    let forks = lineage.forks();
    let ends = forks.iter().skip(1).map(|fork| fork.after).chain([head]);
    let ended: Vec<_> = forks.iter().zip(ends).collect();
    let shared = ended.into_iter().rev().find_map(|(fork, end)| {
        match trunk.0.standing(Position::new(fork.epoch, end), trunk.1) {
            Standing::Good => Some(end),
            Standing::PastEnd { shared, .. } => Some(shared.seq.min(end)),
            Standing::Unknown => None,
        }
    });
    Some(shared.unwrap_or(Seq::ZERO))
}

#[cfg(test)]
mod tests {
    use event::{Epoch, Fork, ForkKind, Lineage, Seq};

    use super::parting;

    fn lineage(forks: &[(u64, u64)]) -> Lineage {
        let fork = |&(epoch, after): &(u64, u64)| Fork {
            epoch: Epoch::from_bits(epoch),
            after: Seq(after),
            kind: ForkKind::Whole,
        };
        Lineage::from_forks(forks.iter().map(fork).collect()).unwrap()
    }

    #[test]
    fn histories_part_at_the_last_place_that_both_have() {
        type Case<'a> = (&'a [(u64, u64)], u64, &'a [(u64, u64)], u64, Option<u64>);
        let cases: [Case<'_>; 7] = [
            (&[(1, 0)], 9, &[(1, 0)], 5, None),
            (&[(1, 0), (2, 5)], 9, &[(1, 0)], 5, None),
            (&[(1, 0), (2, 5)], 9, &[(1, 0)], 8, Some(5)),
            (&[(1, 0)], 4, &[(1, 0)], 8, Some(4)),
            (&[(1, 0), (2, 5)], 9, &[(1, 0), (3, 4)], 8, Some(4)),
            (&[(1, 0), (2, 3)], 9, &[(1, 0), (3, 4)], 8, Some(3)),
            (&[(2, 0)], 9, &[(1, 0)], 8, Some(0)),
        ];
        for (trunk, head, ours, our_head, shared) in cases {
            let (trunk, ours) = (lineage(trunk), lineage(ours));
            let found = parting((&trunk, Seq(head)), (&ours, Seq(our_head)));
            assert_eq!(found, shared.map(Seq), "{trunk:?} {head} {ours:?} {our_head}");
        }
    }
}
