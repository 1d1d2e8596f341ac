//! Who reads which thread by a permission that may be taken.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use delivery::Pass;
use parking_lot::Mutex;

type Users = HashMap<Arc<str>, Vec<(GivenAt, Weak<Pass>)>>;

/// A thread, and who reads it by a pass.
pub(crate) type Holders = (Arc<str>, Vec<Arc<str>>);

/// The passes that are out.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    threads: Mutex<HashMap<Arc<str>, Users>>,
    given: AtomicU64,
}

/// When a pass was given, among all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GivenAt(u64);

impl GivenAt {
    /// After all of them.
    pub(crate) const MAX: Self = GivenAt(u64::MAX);
}

impl Passes {
    /// Gives a pass; to be called before it is looked whether the user may have it, so that what is
    /// taken meanwhile is taken from it too.
    pub(crate) fn give(&self, thread: &str, user: &str) -> Arc<Pass> {
        let pass = Arc::new(Pass::default());
        let mut threads = self.threads.lock();
        let users = threads.entry(thread.into()).or_default();
        let passes = users.entry(user.into()).or_default();
        passes.retain(|(_, pass)| pass.strong_count() > 0);
        passes.push((GivenAt(self.given.fetch_add(1, Ordering::Relaxed)), Arc::downgrade(&pass)));
        pass
    }

    /// Takes the passes of a user to a thread that were given before; returns whether there were any.
    pub(crate) fn take(&self, thread: &str, user: &str, before: GivenAt) -> bool {
        let mut threads = self.threads.lock();
        let Some(passes) = threads.get_mut(thread).and_then(|users| users.get_mut(user)) else {
            return false;
        };
        let taken = passes.extract_if(.., |(given, _)| *given < before);
        let live = taken.filter_map(|(_, pass)| pass.upgrade());
        live.map(|pass| pass.lose()).count() > 0
    }

    /// Forgets passes that nobody holds any more, and returns who has which, and a moment after which
    /// others are given.
    pub(crate) fn holders(&self) -> (GivenAt, Vec<Holders>) {
        let mut threads = self.threads.lock();
        threads.retain(|_, users| {
            users.retain(|_, passes| {
                passes.retain(|(_, pass)| pass.strong_count() > 0);
                !passes.is_empty()
            });
            !users.is_empty()
        });
        let holders = threads
            .iter()
            .map(|(thread, users)| (Arc::clone(thread), users.keys().map(Arc::clone).collect()));
        (GivenAt(self.given.load(Ordering::Relaxed)), holders.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_taken_from_all_of_one_user() {
        let passes = Passes::default();
        let [a, b, c] = ["alice", "alice", "bob"].map(|user| passes.give("t", user));
        let elsewhere = passes.give("u", "alice");
        let take = || passes.take("t", "alice", GivenAt::MAX);
        assert!(take() && !take());
        let lost = [&a, &b, &c, &elsewhere].map(|pass| pass.is_lost());
        assert_eq!(lost, [true, true, false, false]);
        assert!(!passes.give("t", "alice").is_lost(), "a later one is another");
    }

    #[test]
    fn what_is_given_after_a_look_stays() {
        let passes = Passes::default();
        let early = passes.give("t", "alice");
        let (before, _) = passes.holders();
        let late = passes.give("t", "alice");
        assert!(passes.take("t", "alice", before));
        assert_eq!([early.is_lost(), late.is_lost()], [true, false]);
        assert!(passes.take("t", "alice", GivenAt::MAX) && late.is_lost());
    }

    #[test]
    fn nobody_is_remembered_who_is_gone() {
        let passes = Passes::default();
        let held = passes.give("t", "alice");
        drop(passes.give("t", "bob"));
        drop(passes.give("u", "bob"));
        assert_eq!(passes.holders().1, [("t".into(), vec!["alice".into()])]);
        drop(held);
        assert_eq!(passes.holders().1, []);
    }
}
