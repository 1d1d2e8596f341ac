//! Who is a member of a thread, remembered for a moment: the same members send again and again.
//!
//! That somebody is none is never remembered: another replica may just have let them in.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use store::{Chat, ChatError, Standing};

/// How long a standing is remembered; another replica may have changed it.
const AGE_MAX: Duration = Duration::from_secs(1);

/// Most standings that are remembered.
const STANDINGS_MAX: usize = 100_000;

type Key = (Arc<str>, Arc<str>);

/// Standings that were read lately.
#[derive(Debug, Default)]
pub(crate) struct Standings {
    known: Mutex<HashMap<Key, (Instant, Option<Standing>)>>,
}

impl Standings {
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
        let known = self.known.lock().get(&key).copied();
        if let Some((at, standing)) = known
            && at.elapsed() < AGE_MAX
            && matches!(standing, Some(Standing::Owner | Standing::Member))
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

    fn note(&self, key: Key, at: Instant, standing: Option<Standing>) {
        let mut known = self.known.lock();
        if known.len() >= STANDINGS_MAX {
            known.retain(|_, (at, _)| at.elapsed() < AGE_MAX);
            if known.len() >= STANDINGS_MAX {
                known.clear();
            }
        }
        let is_newer = known.get(&key).is_none_or(|(noted, _)| *noted <= at);
        if is_newer {
            known.insert(key, (at, standing));
        }
    }
}
