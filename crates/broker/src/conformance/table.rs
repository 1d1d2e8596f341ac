//! The list of all cases, written once: the table for programs and the tests are made from it.

use super::{Ability, Harness};
use crate::BoxFuture;

/// One case.
pub struct Case {
    /// Its name, that of its function.
    pub name: &'static str,
    /// What the backend has to be able to do.
    pub needs: &'static [Ability],
    /// The case itself; it panics where a promise is broken.
    pub run: for<'a> fn(&'a dyn Harness) -> BoxFuture<'a, ()>,
}

/// Gives the list of all cases to a macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_conformance_case {
    ($with:ident, $($extra:tt)*) => {
        $crate::$with! { $($extra)* ;
            order::all_readers_see_one_order [];
            order::receipts_ascend_by_one [];
            order::a_list_lies_together [];
            order::streams_do_not_mix [];
            order::the_ledger_is_the_chain_of_what_was_read [];
            order::an_empty_log_has_an_empty_ledger [];
            attach::a_fresh_reader_gets_what_follows [];
            attach::every_position_resumes_after_itself [];
            attach::attaching_amid_appends_misses_nothing [];
            attach::more_than_the_live_buffer_arrives [];
            attach::a_slow_reader_is_told_that_it_lagged [];
            attach::hints_cover_the_last_append [];
            cancel::next_can_be_dropped_at_any_time [];
            pages::pages_walk_the_whole_log [];
            pages::a_page_keeps_its_limit [];
            pages::a_page_at_the_head_is_empty_and_goes_on [];
            pages::an_empty_log_pages_without_a_gap [];
            cursors::an_event_id_is_a_cursor [];
            cursors::an_old_id_has_expired [];
            cursors::an_unknown_id_is_unknown [];
            cursors::an_expired_position_says_how_many_it_missed [];
            cursors::a_position_past_the_head_diverged [];
            foreign::an_unreadable_cursor_is_unknown [];
            foreign::a_cursor_of_another_stream_is_unknown [];
            foreign::no_gap_is_met_twice [];
            window::the_count_is_bounded [];
            window::a_list_longer_than_the_window_is_bounded_too [];
            window::the_age_is_bounded [Clock];
            window::the_account_outlives_the_window [];
            keys::a_retry_gets_the_first_answer [];
            keys::another_body_is_a_conflict [];
            keys::concurrent_attempts_take_effect_once [];
            keys::a_list_is_retried_whole [];
            keys::a_key_outlives_its_events [];
            keys::a_key_belongs_to_its_stream [];
            key_age::a_key_is_kept_for_a_day [Clock];
            key_age::keys_are_forgotten_in_the_end [Clock];
            restart::cursors_survive_restarts [Restart];
            restart::an_empty_log_survives_a_restart [Restart];
            restart::the_account_goes_on [Restart];
            restart::keys_survive_a_restart [Restart];
            restart::a_log_older_than_its_lineage_is_read_through [Restart];
            restart::age_counts_on_over_a_restart [Restart, Clock];
            crash::what_was_saved_is_read_and_the_rest_is_told [Crash];
            crash::a_log_that_was_never_saved_is_told [Crash];
            crash::crash_upon_crash_is_told [Crash];
            crash::a_gap_of_a_crash_is_met_once [Crash, Restart];
            crash::keys_follow_their_events [Crash];
            switch::readers_stay_attached_over_a_switch [Switch];
            switch::switching_amid_appends_loses_nothing [Switch];
            switch::a_fail_over_is_told_to_attached_readers [FailOver];
            switch::a_reader_ahead_of_the_new_owner_is_told [FailOver];
        }
    };
}

/// Makes [`CASES`].
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_table {
    ($(#[$doc:meta])* ; $($module:ident :: $name:ident [$($need:ident),*];)*) => {
        $(#[$doc])*
        pub const CASES: &[Case] = &[$(Case {
            name: stringify!($name),
            needs: &[$(Ability::$need),*],
            run: |harness| Box::pin(super::$module::$name(harness)),
        }),*];
    };
}

/// Makes one test of each case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_test_fns {
    ($harness:expr ; $($module:ident :: $name:ident [$($need:ident),*];)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let harness = ::std::sync::Arc::new($harness);
            $crate::conformance::run_one(stringify!($name), harness).await;
        }
    )*};
}

/// Makes one `#[tokio::test]` of each case for a harness; the caller depends on `tokio`.
#[macro_export]
macro_rules! conformance_tests {
    ($harness:expr) => {
        $crate::for_each_conformance_case!(conformance_test_fns, $harness);
    };
}

for_each_conformance_case!(conformance_table, #[doc = "All cases."]);
