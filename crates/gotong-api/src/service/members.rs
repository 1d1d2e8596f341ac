//! Members: inviting, joining, leaving.

use store::{Member, Standing};
use viz_api::surface::Caller;

use super::{Service, user_of};
use crate::{
    domain::{Act, Who, checked_user},
    error::Failure,
    passes::GivenAt,
};

/// Most members of one page of the database.
const PAGE: usize = 500;

/// Some members of a thread.
pub(crate) struct Members {
    pub(crate) members: Vec<Member>,
    /// After which user there are more.
    pub(crate) next: Option<String>,
}

impl Service {
    /// Returns the members of a thread after a user, by their ids, at most so many.
    pub(crate) async fn members(
        &self,
        caller: &Caller,
        thread: &str,
        after: &str,
        limit: usize,
    ) -> Result<Members, Failure> {
        self.enter(caller, thread).await?.may(Act::Read)?;
        let mut members = Vec::new();
        let mut after = after.to_owned();
        // One more tells whether there are more.
        while members.len() <= limit {
            let page = self.rows().members(thread, &after, PAGE).await?;
            members.extend(page.members.into_iter().filter(|member| member.standing.is_member()));
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        let has_more = members.len() > limit;
        members.truncate(limit);
        let next = members.last().filter(|_| has_more).map(|last| last.user_id.clone());
        Ok(Members { members, next })
    }

    /// Lets a user join; whoever is a member stays one.
    pub(crate) async fn invite(
        &self,
        caller: &Caller,
        thread: &str,
        user: &str,
    ) -> Result<Member, Failure> {
        self.enter(caller, thread).await?.may(Act::Invite)?;
        let user = checked_user(user)?;
        if let Some(member) = self.rows().member(thread, user).await?
            && member.standing != Standing::Left
        {
            return Ok(member);
        }
        self.stand(thread, user, Standing::Invited, self.now_ms()).await
    }

    /// Makes the caller a member.
    pub(crate) async fn join(&self, caller: &Caller, thread: &str) -> Result<Member, Failure> {
        let entered = self.enter(caller, thread).await?;
        entered.may(Act::Join)?;
        let user = user_of(caller)?;
        if let Who::User(Some(standing)) = entered.who
            && standing.is_member()
            && let Some(member) = self.rows().member(thread, user).await?
        {
            return Ok(member);
        }
        self.stand(thread, user, Standing::Member, self.now_ms()).await
    }

    /// Makes the caller a member no longer; what the caller reads that way ends.
    pub(crate) async fn leave(&self, caller: &Caller, thread: &str) -> Result<(), Failure> {
        let entered = self.enter(caller, thread).await?;
        entered.may(Act::Leave)?;
        let user = user_of(caller)?;
        let Who::User(Some(_)) = entered.who else { return Ok(()) };
        let left = self.stand(thread, user, Standing::Left, self.now_ms()).await?;
        if left.standing == Standing::Left {
            self.dismiss(thread, user, entered.privacy(), GivenAt::MAX);
        }
        Ok(())
    }
}
