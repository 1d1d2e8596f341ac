//! Generated schedules of everything that can happen, against a plain list; a failing one is
//! shrunk to the few steps that matter.

use proptest::prelude::*;

use crate::support::story::{Story, steps};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_schedule_keeps_the_promises(
        steps in proptest::collection::vec(steps(), 1..60),
        seed in any::<u64>(),
    ) {
        let mut story = Story::begin(seed);
        for step in &steps {
            story.step(step).map_err(TestCaseError::fail)?;
        }
        story.end().map_err(TestCaseError::fail)?;
    }
}
