//! Members: inviting, joining, leaving.

use store::{Member, Standing};
use viz_api::surface::Caller;

use super::{Service, user_of};
use crate::{
    domain::{Act, Who, checked_user},
    error::Failure,
};

/// Most members of one page of the database.
const PAGE: usize = 500;

/// Most members that are listed.
const MEMBERS_MAX: usize = 10_000;

impl Service {
    /// Returns the members of a thread.
    pub(crate) async fn members(
        &self,
        caller: &Caller,
        thread: &str,
    ) -> Result<Vec<Member>, Failure> {
        self.enter(caller, thread).await?.may(Act::Read)?;
        let is_member = |m: &Member| matches!(m.standing, Standing::Owner | Standing::Member);
        let mut members = Vec::new();
        let mut after = String::new();
        while members.len() < MEMBERS_MAX {
            let page = self.rows().members(thread, &after, PAGE).await?;
            members.extend(page.members.into_iter().filter(is_member));
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(members)
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
        if let Who::User(Some(Standing::Owner | Standing::Member)) = entered.who
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
            self.dismiss(thread, user, entered.privacy());
        }
        Ok(())
    }
}
