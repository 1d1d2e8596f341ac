//! What is written is read back, whatever the log has been through.

use broker::memory::window_file::{self, Moment};
use event::{MonoMs, UnixMs};
use proptest::prelude::*;

use crate::support::logs::{MOMENT, assert_same, deeds, golden_stream, log_after};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_log_is_read_back(deeds in deeds()) {
        let parts = log_after(&deeds).parts();
        let bytes = window_file::encode(&golden_stream(), &parts, MOMENT);
        let (stream, log) = window_file::decode(&bytes, MOMENT).expect("it was just written");
        prop_assert_eq!(stream, golden_stream());
        assert_same(&log.parts(), &parts);
    }

    /// Ages are what outlives a process: the other one's clocks may show anything.
    #[test]
    fn ages_outlive_the_process(deeds in deeds(), mono in 20_000_000..u64::MAX / 2, later in 0..9_000_u64) {
        let parts = log_after(&deeds).parts();
        let bytes = window_file::encode(&golden_stream(), &parts, MOMENT);
        let now = Moment { mono: MonoMs(mono), unix: UnixMs(MOMENT.unix.0 + later) };
        let (_, log) = window_file::decode(&bytes, now).expect("it was just written");
        for (before, after) in parts.window.iter().zip(&log.parts().window) {
            let age = MOMENT.mono.since(before.at).as_millis() + u128::from(later);
            prop_assert_eq!(now.mono.since(after.at).as_millis(), age);
        }
    }

    /// A wall clock that went back makes nothing younger than now, nor disorders it.
    #[test]
    fn a_wall_clock_that_went_back_keeps_the_order(deeds in deeds(), back in 0..u64::MAX) {
        let parts = log_after(&deeds).parts();
        let bytes = window_file::encode(&golden_stream(), &parts, MOMENT);
        let unix = UnixMs(MOMENT.unix.0.saturating_sub(back));
        let now = Moment { mono: MOMENT.mono, unix };
        let (_, log) = window_file::decode(&bytes, now).expect("it was just written");
        let window = log.parts().window;
        prop_assert!(window.is_sorted_by_key(|kept| kept.at));
        prop_assert!(window.iter().all(|kept| kept.at <= now.mono));
    }
}
