//! Who reads which thread by a permission that may be taken.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use delivery::Pass;
use parking_lot::Mutex;

type Users = HashMap<Arc<str>, Vec<Weak<Pass>>>;

/// The passes that are out.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    threads: Mutex<HashMap<Arc<str>, Users>>,
}

impl Passes {
    /// Gives a pass; to be called before it is looked whether the user may have it, so that what is
    /// taken meanwhile is taken from it too.
    pub(crate) fn give(&self, thread: &str, user: &str) -> Arc<Pass> {
        let pass = Arc::new(Pass::default());
        let mut threads = self.threads.lock();
        let users = threads.entry(thread.into()).or_default();
        let passes = users.entry(user.into()).or_default();
        passes.retain(|pass| pass.strong_count() > 0);
        passes.push(Arc::downgrade(&pass));
        pass
    }

    /// Takes a user's passes to a thread; returns whether there were any.
    pub(crate) fn take(&self, thread: &str, user: &str) -> bool {
        let taken = self.threads.lock().get_mut(thread).and_then(|users| users.remove(user));
        let passes = taken.unwrap_or_default();
        let live = passes.iter().filter_map(Weak::upgrade);
        live.map(|pass| pass.lose()).count() > 0
    }

    /// Forgets passes that nobody holds any more, and returns who has which.
    pub(crate) fn holders(&self) -> Vec<(Arc<str>, Vec<Arc<str>>)> {
        let mut threads = self.threads.lock();
        threads.retain(|_, users| {
            users.retain(|_, passes| {
                passes.retain(|pass| pass.strong_count() > 0);
                !passes.is_empty()
            });
            !users.is_empty()
        });
        let holders = threads
            .iter()
            .map(|(thread, users)| (Arc::clone(thread), users.keys().map(Arc::clone).collect()));
        holders.collect()
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
        assert!(passes.take("t", "alice") && !passes.take("t", "alice"));
        let lost = [&a, &b, &c, &elsewhere].map(|pass| pass.is_lost());
        assert_eq!(lost, [true, true, false, false]);
        assert!(!passes.give("t", "alice").is_lost(), "a later one is another");
    }

    #[test]
    fn nobody_is_remembered_who_is_gone() {
        let passes = Passes::default();
        let held = passes.give("t", "alice");
        drop(passes.give("t", "bob"));
        drop(passes.give("u", "bob"));
        assert_eq!(passes.holders(), [("t".into(), vec!["alice".into()])]);
        drop(held);
        assert_eq!(passes.holders(), []);
    }
}
