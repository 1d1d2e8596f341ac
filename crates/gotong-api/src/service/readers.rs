//! Readers of streams: let in, and let go once they may not read any more, and only then.

use std::sync::Arc;

use delivery::Pass;
use event::StreamName;
use futures_util::{StreamExt, stream};
use store::{Privacy, Standing};
use viz_api::surface::Caller;

use super::{Service, user_of};
use crate::{
    domain::{Act, Who, may},
    error::Failure,
    passes::GivenAt,
};

/// How many threads are looked at at once.
const AT_ONCE: usize = 8;

/// Most readers of a thread that are looked at one by one.
const ONE_BY_ONE_MAX: usize = 8;

impl Service {
    /// Lets a caller read a thread's stream.
    pub(crate) async fn admit(&self, caller: &Caller, thread: &str) -> Result<Arc<Pass>, Failure> {
        // Before it is looked whether it may: what is taken meanwhile is taken from this one too.
        let pass = self.passes.give(thread, user_of(caller).unwrap_or_default());
        self.enter(caller, thread).await?.may(Act::Read)?;
        Ok(pass)
    }

    /// Ends what a user reads of a thread without being a member, by passes that were given before.
    pub(super) fn dismiss(&self, thread: &str, user: &str, privacy: Privacy, before: GivenAt) {
        let who = Who::User(Some(Standing::Left));
        if may(Act::Read, privacy, who).is_ok() || !self.passes.take(thread, user, before) {
            return;
        }
        tracing::info!(thread, "a reader lost the permission to read");
        if let (Some(delivery), Ok(stream)) = (self.state.delivery(), StreamName::thread(thread)) {
            delivery.look_at_passes(&stream);
        }
    }

    /// Looks whether readers still may: another replica may have let them go. Where the database has
    /// no answer, nobody is let go.
    pub(crate) async fn look_at_readers(&self) {
        let (before, holders) = self.passes.holders();
        let looks = stream::iter(holders);
        looks
            .for_each_concurrent(AT_ONCE, async |(thread, users)| {
                self.look_at_readers_of(&thread, &users, before).await;
            })
            .await;
    }

    async fn look_at_readers_of(&self, thread: &str, users: &[Arc<str>], before: GivenAt) {
        let Ok(cell) = self.sequencer.open(thread).await else { return };
        let privacy = cell.thread.privacy_level;
        if privacy == Privacy::Public {
            return;
        }
        let gone = match users.len() {
            ..=ONE_BY_ONE_MAX => self.gone_one_by_one(thread, users).await,
            _ => self.gone_of_all(thread, users).await,
        };
        for user in gone.unwrap_or_default() {
            // Whoever came back since has another one.
            self.dismiss(thread, &user, privacy, before);
        }
    }

    async fn gone_one_by_one(
        &self,
        thread: &str,
        users: &[Arc<str>],
    ) -> Result<Vec<Arc<str>>, store::ChatError> {
        let mut gone = Vec::new();
        for user in users {
            let member = self.rows().member(thread, user).await?;
            if !member.is_some_and(|member| member.standing.is_member()) {
                gone.push(Arc::clone(user));
            }
        }
        Ok(gone)
    }

    async fn gone_of_all(
        &self,
        thread: &str,
        users: &[Arc<str>],
    ) -> Result<Vec<Arc<str>>, store::ChatError> {
        let mut members = std::collections::HashSet::new();
        let mut after = String::new();
        loop {
            let page = self.rows().members(thread, &after, store::PAGE_MAX).await?;
            let those = page.members.into_iter().filter(|member| member.standing.is_member());
            members.extend(those.map(|member| member.user_id));
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(users.iter().filter(|user| !members.contains(&***user)).cloned().collect())
    }
}
