//! The cases, on the memory backend and on one whose owner changes under its readers.

use std::sync::Arc;

use broker::conformance::{CASES, Harness, Outcome, not_applicable, run_all};

use crate::support::{memory::MemoryHarness, switchable::SwitchableHarness};

mod memory {
    use crate::support::memory::MemoryHarness;

    broker::conformance_tests!(MemoryHarness);

    /// A process in memory has no owner to change while it runs; the other backend here has.
    #[test]
    fn only_live_changes_of_owner_are_out_of_reach() {
        use broker::conformance::{Harness, not_applicable};

        let out_of_reach = not_applicable(MemoryHarness.abilities());
        assert_eq!(
            out_of_reach,
            [
                "readers_stay_attached_over_a_switch",
                "switching_amid_appends_loses_nothing",
                "a_fail_over_is_told_to_attached_readers",
                "a_reader_ahead_of_the_new_owner_is_told",
            ]
        );
    }
}

mod redis {
    use crate::support::redis::RedisHarness;

    broker::conformance_tests!(RedisHarness);

    #[test]
    fn nothing_is_out_of_reach() {
        use broker::conformance::{Harness, not_applicable};

        assert_eq!(not_applicable(RedisHarness.abilities()), [""; 0]);
    }
}

mod replica {
    use crate::support::replica::ReplicaHarness;

    broker::conformance_tests!(ReplicaHarness);

    /// A server that lost its data is healed, so what the cases of crashes lose is not lost.
    #[test]
    fn only_losses_are_out_of_reach() {
        use broker::conformance::{Ability, CASES, Harness, not_applicable};

        let lossy = |needs: &&[Ability]| {
            needs.contains(&Ability::Crash) || needs.contains(&Ability::FailOver)
        };
        let lossy = CASES.iter().filter(|case| lossy(&case.needs)).map(|case| case.name);
        assert_eq!(not_applicable(ReplicaHarness.abilities()), lossy.collect::<Vec<_>>());
    }
}

mod cut_off {
    use crate::support::replica::CutOffHarness;

    broker::conformance_tests!(CutOffHarness);
}

mod live_in_memory {
    use crate::support::live::{Begins, LiveHarness};

    broker::conformance_tests!(LiveHarness(Begins::InMemory));
}

mod live_in_redis {
    use crate::support::live::{Begins, LiveHarness};

    broker::conformance_tests!(LiveHarness(Begins::InRedis));
}

mod live_to_and_fro {
    use crate::support::live::{Begins, LiveHarness};

    broker::conformance_tests!(LiveHarness(Begins::ToAndFro));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_changes_under_readers_keeps_every_promise() {
    assert_eq!(not_applicable(SwitchableHarness.abilities()), [""; 0]);
    let report = run_all(Arc::new(SwitchableHarness)).await;
    println!("{report}");
    assert_eq!(report.failed(), [""; 0]);
    assert_eq!(report.cases.len(), CASES.len());
}

#[tokio::test]
async fn a_report_tells_passed_failed_and_out_of_reach_apart() {
    let report = run_all(Arc::new(MemoryHarness)).await;
    let out_of_reach = |outcome: &Outcome| matches!(outcome, Outcome::NotApplicable(_));
    let count = report.cases.iter().filter(|(_, outcome)| out_of_reach(outcome)).count();
    assert_eq!(count, not_applicable(MemoryHarness.abilities()).len());
    println!("{} cases, {count} of them out of reach", CASES.len());
}
