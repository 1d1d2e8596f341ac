//! Totals of replicas that only grow, as what happened between two looks.

use std::collections::BTreeMap;

use conductor::{NoSight, Sighting};
use guard::{Arm, At, Counter, Look, Reading, ReadingError};

use crate::Replica;

/// What each replica had counted at the last look.
#[derive(Clone, Debug)]
pub(super) struct ArmTotals {
    counters: BTreeMap<String, Counter>,
    /// What a replica begins with that was not there before.
    fresh: Counter,
}

/// What a replica has counted.
pub(super) struct Total {
    pub(super) replica: Replica,
    pub(super) exposure: f64,
    pub(super) errors: f64,
}

impl ArmTotals {
    pub(super) fn new(fresh: Counter) -> Self {
        ArmTotals { counters: BTreeMap::new(), fresh }
    }

    /// Takes what all replicas have counted; returns what happened on both arms since the last look.
    ///
    /// # Errors
    /// Fails where one can't be trusted; then nothing counts, for either arm, and the next look is over
    /// the time since the last good one.
    pub(super) fn take(&mut self, at: At, totals: &[Total]) -> Result<Sighting, NoSight> {
        let mut next = self.clone();
        let (mut look, mut is_first) = (Look::default(), true);
        for Total { replica, exposure, errors } in totals {
            let counter = next.counters.entry(replica.name.clone());
            let counter = counter.or_insert_with(|| self.fresh.clone());
            let taken = counter.take(Reading { at, exposure: *exposure, errors: *errors });
            let counts = match taken {
                Ok(counts) => counts,
                Err(error) => {
                    if error == ReadingError::HalfReset {
                        // It began anew; what it had before is not known any more.
                        *self = next;
                    }
                    let text = format!("the replica {} ({}): {error}", replica.name, replica.arm);
                    return Err(NoSight(text));
                }
            };
            is_first &= counts.is_none();
            let counts = counts.unwrap_or_default();
            match replica.arm {
                Arm::Canary => look.canary = look.canary + counts,
                Arm::Stable => look.stable = look.stable + counts,
            }
        }
        // Replicas that are gone are forgotten.
        next.counters.retain(|name, _| totals.iter().any(|total| total.replica.name == *name));
        *self = next;
        Ok(if is_first { Sighting::First } else { Sighting::Arms(look) })
    }
}

/// What a total grew by since the last look: after a fall, all of it.
pub(super) fn grown(last: Option<f64>, now: f64) -> f64 {
    match last {
        Some(last) if now >= last => now - last,
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use conductor::Sighting;
    use guard::{Arm, At, Counter};

    use super::{ArmTotals, Total, grown};
    use crate::Replica;

    fn total(name: &str, arm: Arm, exposure: f64, errors: f64) -> Total {
        let replica = Replica { name: name.into(), arm, url: String::new() };
        Total { replica, exposure, errors }
    }

    fn arms(sighting: &Sighting) -> [(f64, f64); 2] {
        let Sighting::Arms(look) = sighting else { panic!("{sighting:?}") };
        [look.canary, look.stable].map(|counts| (counts.exposure(), counts.errors()))
    }

    #[test]
    fn what_happened_is_added_up_by_arm() {
        let mut totals = ArmTotals::new(Counter::of_requests());
        let (c, s) = (Arm::Canary, Arm::Stable);
        let first = [total("a", s, 100.0, 1.0), total("b", s, 50.0, 0.0), total("c", c, 5.0, 5.0)];
        assert_eq!(totals.take(At(0), &first).unwrap(), Sighting::First);
        let second = [total("a", s, 110.0, 2.0), total("b", s, 51.0, 0.0), total("c", c, 8.0, 6.0)];
        assert_eq!(arms(&totals.take(At(1), &second).unwrap()), [(3.0, 1.0), (11.0, 1.0)]);
        // One is started again, and another one comes.
        let third = [total("a", s, 4.0, 1.0), total("c", c, 8.0, 6.0), total("d", s, 9.0, 9.0)];
        assert_eq!(arms(&totals.take(At(2), &third).unwrap()), [(0.0, 0.0), (4.0, 1.0)]);
    }

    #[test]
    fn one_that_can_t_be_trusted_keeps_all_from_counting() {
        let mut totals = ArmTotals::new(Counter::of_requests());
        let at = |a: f64, c: (f64, f64)| {
            [total("a", Arm::Stable, a, 0.0), total("c", Arm::Canary, c.0, c.1)]
        };
        totals.take(At(0), &at(10.0, (10.0, 2.0))).unwrap();
        assert!(totals.take(At(1), &at(20.0, (f64::NAN, 2.0))).is_err());
        assert_eq!(arms(&totals.take(At(2), &at(30.0, (11.0, 2.0))).unwrap())[1], (20.0, 0.0));
        // Half a reset: the time around it counts for neither.
        let half = totals.take(At(3), &at(40.0, (12.0, 1.0))).unwrap_err();
        assert!(half.0.contains("the replica c (canary)"), "{half}");
        assert_eq!(
            arms(&totals.take(At(4), &at(45.0, (15.0, 2.0))).unwrap()),
            [(3.0, 1.0), (5.0, 0.0)]
        );
    }

    #[test]
    fn a_total_that_falls_began_anew() {
        assert_eq!(
            [grown(None, 3.0), grown(Some(1.0), 3.0), grown(Some(9.0), 3.0)],
            [3.0, 2.0, 3.0]
        );
    }
}
