//! A lineage that was taken judges every place, and keeps its invariants when it forks.

#![no_main]

use event::{Epoch, Fork, ForkKind, Lineage, Position, Seq, Standing};
use libfuzzer_sys::fuzz_target;

type Fields = (u8, u8, bool);

fuzz_target!(|input: (Vec<Fields>, Vec<Fields>, Vec<(u8, u8)>)| {
    let (forks, more, places) = input;
    let kind = |lossy| if lossy { ForkKind::Lossy } else { ForkKind::Whole };
    let forks: Vec<_> = forks
        .into_iter()
        .map(|(epoch, after, lossy)| Fork {
            epoch: Epoch::from_bits(epoch.into()),
            after: Seq(after.into()),
            kind: kind(lossy),
        })
        .collect();
    let Ok(mut lineage) = Lineage::from_forks(forks) else { return };
    let mut head = lineage.forks().last().expect("it is not empty").after;
    for (epoch, grows, lossy) in more {
        let epoch = Epoch::from_bits(u64::from(epoch) | 1 << 32);
        if lineage.forks().iter().any(|fork| fork.epoch == epoch) {
            continue;
        }
        head = Seq(head.0 + u64::from(grows));
        lineage.fork(epoch, head, kind(lossy));
        Lineage::from_forks(lineage.forks().to_vec()).expect("a fork keeps the invariants");
    }
    for (epoch, seq) in places {
        let place = Position::new(Epoch::from_bits(epoch.into()), Seq(seq.into()));
        if let Standing::PastEnd { shared, .. } = lineage.standing(place, head) {
            assert!(shared.seq < place.seq, "what is shared lies before the place");
            assert_eq!(lineage.standing(shared, head), Standing::Good);
        }
        let owned = lineage.position_at(place.seq.min(head));
        assert_eq!(owned.seq, place.seq.min(head));
        let _hole = lineage.hole_after(place);
    }
});
