//! Who is a member of a thread, remembered for a moment, or for a while where no other process can
//! change it: the same members send again and again.
//!
//! That somebody is none is never remembered: another replica may just have let them in.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use store::{Chat, ChatError, Standing};

/// How long a standing is remembered that another replica may have changed.
const SHARED_AGE_MAX: Duration = Duration::from_secs(1);

/// How long one is remembered that only this process changes: a change that had no answer may still take
/// effect.
const ALONE_AGE_MAX: Duration = Duration::from_secs(60);

/// Most standings that are remembered.
const STANDINGS_MAX: usize = 100_000;

type Key = (Arc<str>, Arc<str>);

/// Standings that were read lately.
#[derive(Debug)]
pub(crate) struct Standings {
    /// How long one is remembered.
    age_max: Duration,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Each with the moment from which on it held.
    of: HashMap<Key, (Instant, Option<Standing>)>,
    /// When some were last forgotten.
    thinned: Option<Instant>,
}

impl Standings {
    /// Returns an empty memory of a process that is alone on its database, or not.
    pub(crate) fn new(is_alone: bool) -> Self {
        let age_max = if is_alone { ALONE_AGE_MAX } else { SHARED_AGE_MAX };
        Standings { age_max, known: Mutex::default() }
    }

    /// Returns a user's standing.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub(crate) async fn of(
        &self,
        rows: &Chat,
        thread: &str,
        user: &str,
    ) -> Result<Option<Standing>, ChatError> {
        let key = (Arc::from(thread), Arc::from(user));
        let known = self.known.lock().of.get(&key).copied();
        if let Some((at, standing)) = known
            && at.elapsed() < self.age_max
            && standing.is_some_and(Standing::is_member)
        {
            return Ok(standing);
        }
        // What is changed while this is read is newer than what comes of it.
        let began = Instant::now();
        let standing = rows.member(thread, user).await?.map(|member| member.standing);
        self.note(key, began, standing);
        Ok(standing)
    }

    /// Notes a standing that was just written.
    pub(crate) fn changed(&self, thread: &str, user: &str, standing: Standing) {
        self.note((thread.into(), user.into()), Instant::now(), Some(standing));
    }

    /// Notes that a change had no answer.
    pub(crate) fn may_have_changed(&self, thread: &str, user: &str) {
        self.note((thread.into(), user.into()), Instant::now(), None);
    }

    fn note(&self, key: Key, at: Instant, standing: Option<Standing>) {
        let mut known = self.known.lock();
        if known.of.len() >= STANDINGS_MAX {
            known.of.retain(|_, (at, _)| at.elapsed() < self.age_max);
            if known.of.len() >= STANDINGS_MAX {
                known.of.clear();
            }
            known.thinned = Some(Instant::now());
        }
        // What was forgotten may have been newer.
        let noted = known.of.get(&key).map(|(noted, _)| *noted).max(known.thinned);
        if noted.is_none_or(|noted| noted <= at) {
            known.of.insert(key, (at, standing));
        }
    }
}
