//! Making threads, and finding them.

use futures_util::{StreamExt, TryStreamExt, stream};
use store::{Member, Privacy, Standing, Thread};
use ulid::Ulid;
use viz_api::surface::Caller;

use super::{Service, user_of};
use crate::{
    domain::{Act, Who, checked_scope, may},
    error::Failure,
};

/// How many threads are looked at at once.
const AT_ONCE: usize = 8;

/// A thread that somebody wants.
pub(crate) struct NewThread<'a> {
    pub(crate) scope_id: &'a str,
    pub(crate) privacy_level: Privacy,
}

/// Some threads of a scope that the caller may know of.
pub(crate) struct ThreadList {
    /// Each with the number of its last message.
    pub(crate) threads: Vec<(Thread, u64)>,
    /// After which thread to go on; nothing at the end.
    pub(crate) next: Option<String>,
}

impl Service {
    /// Makes a thread that its maker owns.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        new: &NewThread<'_>,
    ) -> Result<Thread, Failure> {
        let user = user_of(caller)?;
        let thread = Thread {
            thread_id: format!("thr_{}", Ulid::generate()),
            org_id: caller.org.as_str().to_owned(),
            scope_id: checked_scope(new.scope_id)?.to_owned(),
            privacy_level: new.privacy_level,
            created_by: user.to_owned(),
            created_at_ms: self.now_ms(),
        };
        // First its owner: a thread that is found has one.
        self.stand(&thread.thread_id, user, Standing::Owner, thread.created_at_ms).await?;
        self.rows().create_thread(&thread).await?;
        Ok(thread)
    }

    /// Returns a thread and the number of its last message; a private one to members alone.
    pub(crate) async fn thread(
        &self,
        caller: &Caller,
        thread: &str,
    ) -> Result<(Thread, u64), Failure> {
        let entered = self.enter(caller, thread).await?;
        entered.may(Act::Read)?;
        Ok((entered.cell.thread.clone(), entered.cell.shown()))
    }

    /// Returns threads of a scope: public ones, and private ones of which the caller is a member.
    pub(crate) async fn threads(
        &self,
        caller: &Caller,
        scope: &str,
        after: &str,
        limit: usize,
    ) -> Result<ThreadList, Failure> {
        let scope = checked_scope(scope)?;
        let page = self.rows().threads(caller.org.as_str(), scope, after, limit).await?;
        let last = page.threads.last().map(|thread| thread.thread_id.clone());
        let looks = stream::iter(page.threads).map(async |thread| {
            let head = match self.may_read(caller, &thread).await? {
                true => Some(self.rows().head(&thread.thread_id).await?.seq),
                false => None,
            };
            Ok::<_, Failure>(head.map(|head| (thread, head)))
        });
        let found: Vec<_> = looks.buffered(AT_ONCE).try_collect().await?;
        let threads = found.into_iter().flatten().collect();
        Ok(ThreadList { threads, next: last.filter(|_| page.has_more) })
    }

    async fn may_read(&self, caller: &Caller, thread: &Thread) -> Result<bool, Failure> {
        let who = match user_of(caller) {
            _ if thread.privacy_level == Privacy::Public => return Ok(true),
            Err(_) => Who::Nobody,
            Ok(user) => Who::User(self.standings.of(self.rows(), &thread.thread_id, user).await?),
        };
        Ok(may(Act::Read, thread.privacy_level, who).is_ok())
    }

    /// Writes how a user stands to a thread, and returns what counts now.
    pub(super) async fn stand(
        &self,
        thread: &str,
        user: &str,
        standing: Standing,
        joined_at_ms: u64,
    ) -> Result<Member, Failure> {
        let member = Member { user_id: user.to_owned(), standing, joined_at_ms };
        let written = self.rows().set_member(thread, &member, self.now_ms()).await;
        let counts = written.inspect_err(|_| self.standings.may_have_changed(thread, user))?;
        self.standings.changed(thread, user, counts.standing);
        Ok(counts)
    }
}
