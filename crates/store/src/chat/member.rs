//! Who stands how to a thread: facts, of which the greatest of each user counts.
//!
//! A fact's time is drawn above those that its writer saw, so that a replica whose clock is behind
//! does not write what is outdated at once.

use surrealdb_types::{RecordId, SurrealValue};
use ulid::Ulid;

use super::{Chat, ChatError, PAGE_MAX, Written};
use crate::{
    error::QueryError,
    query::{Query, id},
    row::{int, natural, number, text},
    statement::Statement,
};

/// How a user stands to a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Made it, and may invite.
    Owner,
    /// May read and write.
    Member,
    /// May join.
    Invited,
    /// Left it, or was removed.
    Left,
}

impl Standing {
    /// Returns the word that the database uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::Owner => "owner",
            Standing::Member => "member",
            Standing::Invited => "invited",
            Standing::Left => "left",
        }
    }

    /// Returns whether it makes somebody a member.
    pub const fn is_member(self) -> bool {
        matches!(self, Standing::Owner | Standing::Member)
    }

    fn read(word: &str) -> Result<Self, QueryError> {
        let all = [Standing::Owner, Standing::Member, Standing::Invited, Standing::Left];
        let damaged = || QueryError::Damaged {
            operation: OPERATION,
            what: "a standing that there is not".into(),
        };
        all.into_iter().find(|standing| standing.as_str() == word).ok_or_else(damaged)
    }
}

/// A user's standing to a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user_id: String,
    /// How.
    pub standing: Standing,
    /// Since when as a member, in milliseconds since 1970; the caller's to carry on.
    pub joined_at_ms: u64,
}

/// Some standings of a thread, by users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPage {
    /// The standings, those who left among them.
    pub members: Vec<Member>,
    /// The user after whom to go on; nobody at the end.
    pub next: Option<String>,
}

#[derive(Clone, Debug, SurrealValue)]
struct Row {
    user_id: String,
    at_ms: i64,
    fact: String,
    standing: String,
    joined_at_ms: i64,
}

const OPERATION: &str = "read members";

/// Returns the time under which a standing is written. An invitation stands above the last leave alone,
/// so that whoever joined meanwhile stays; everything else above all that is there.
fn time_of(standing: Standing, known: &[Row], now_ms: i64) -> i64 {
    let latest = |rows: &mut dyn Iterator<Item = &Row>| rows.map(|row| row.at_ms).max();
    match standing {
        Standing::Invited => {
            let is_left = |row: &&Row| row.standing == Standing::Left.as_str();
            latest(&mut known.iter().filter(is_left)).map_or(0, |left| left.saturating_add(1))
        }
        // By two: above an invitation that another process writes over the same leave.
        _ => latest(&mut known.iter()).map_or(now_ms, |all| now_ms.max(all.saturating_add(2))),
    }
}

impl Chat {
    /// Adds a fact and returns what counts now, which is another's where two were written at once.
    /// Facts that do not count any more are removed.
    ///
    /// # Errors
    /// Fails where the database does not take or keep it.
    pub async fn set_member(
        &self,
        thread: &str,
        member: &Member,
        now_ms: u64,
    ) -> Result<Member, ChatError> {
        let known = self.facts(thread, &member.user_id).await?;
        let at_ms = time_of(member.standing, &known, int(now_ms));
        let row = Row {
            user_id: member.user_id.clone(),
            at_ms,
            fact: Ulid::generate().to_string(),
            standing: member.standing.as_str().to_owned(),
            joined_at_ms: int(member.joined_at_ms),
        };
        self.add_fact(thread, &row).await?;
        let facts = self.facts(thread, &member.user_id).await?;
        let lost = || ChatError::Lost { thread: thread.to_owned(), what: Written::Standing };
        let greatest = facts.iter().max_by_key(|row| row.order()).ok_or_else(lost)?;
        if greatest.order() < row.order() {
            return Err(lost());
        }
        if facts.len() > 1 {
            self.remove_facts_below(thread, greatest).await?;
        }
        Ok(Member::try_from(greatest.clone())?)
    }

    /// Returns a user's standing.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn member(&self, thread: &str, user: &str) -> Result<Option<Member>, ChatError> {
        let facts = self.facts(thread, user).await?;
        let greatest = facts.into_iter().max_by_key(Row::order);
        Ok(greatest.map(Member::try_from).transpose()?)
    }

    /// Returns the standings of users after this one, at most so many.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn members(
        &self,
        thread: &str,
        after: &str,
        limit: usize,
    ) -> Result<MemberPage, ChatError> {
        let limit = limit.clamp(2, PAGE_MAX);
        let query = Query::of(Statement::ListMembers)
            .bind("thread", thread.to_owned())
            .bind("after", after.to_owned())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let mut answer = self.client.run(&query).await?;
        let rows: Vec<Row> = answer.rows(0)?;
        if !rows.is_sorted_by(|a, b| a.user_id <= b.user_id) {
            return Err(answer.damaged("the index is not read in its order").into());
        }
        let is_full = rows.len() == limit;
        let mut greatest: Vec<Row> = Vec::with_capacity(rows.len());
        for row in rows {
            match greatest.last_mut().filter(|last| last.user_id == row.user_id) {
                None => greatest.push(row),
                Some(last) if last.order() < row.order() => *last = row,
                Some(_) => {}
            }
        }
        // Of the last user there may be more; where a page has but one user, that one is asked for.
        let cut = match (is_full, greatest.pop()) {
            (true, Some(last)) if greatest.is_empty() => {
                let whole = self.facts(thread, &last.user_id).await?;
                greatest.extend(whole.into_iter().max_by_key(Row::order));
                true
            }
            (true, _) => true,
            (false, last) => {
                greatest.extend(last);
                false
            }
        };
        let members: Result<Vec<_>, _> = greatest.into_iter().map(Member::try_from).collect();
        let members = members?;
        let next = members.last().filter(|_| cut).map(|member| member.user_id.clone());
        Ok(MemberPage { members, next })
    }

    async fn facts(&self, thread: &str, user: &str) -> Result<Vec<Row>, ChatError> {
        let query = Query::of(Statement::ReadMember)
            .bind("thread", thread.to_owned())
            .bind("user", user.to_owned())
            .bind("end", i64::MAX);
        Ok(self.client.run(&query).await?.rows(0)?)
    }

    async fn add_fact(&self, thread: &str, row: &Row) -> Result<(), ChatError> {
        let query = Query::of(Statement::WriteMember)
            .bind("row", row.clone())
            .bind("id", row.id(thread))
            .bind("thread", thread.to_owned());
        self.client.run(&query).await?;
        Ok(())
    }

    async fn remove_facts_below(&self, thread: &str, row: &Row) -> Result<(), ChatError> {
        let query = Query::of(Statement::RemoveMemberFacts)
            .bind("thread", thread.to_owned())
            .bind("user", row.user_id.clone())
            .bind("at", row.at_ms)
            .bind("fact", row.fact.clone());
        self.client.run(&query).await?;
        Ok(())
    }
}

impl Row {
    fn order(&self) -> (i64, String) {
        (self.at_ms, self.fact.clone())
    }

    fn id(&self, thread: &str) -> RecordId {
        let at = number(u64::try_from(self.at_ms).unwrap_or(0));
        id("membership", vec![text(thread), text(&self.user_id), at, text(&self.fact)])
    }
}

impl TryFrom<Row> for Member {
    type Error = QueryError;

    fn try_from(row: Row) -> Result<Self, QueryError> {
        Ok(Member {
            standing: Standing::read(&row.standing)?,
            joined_at_ms: natural(OPERATION, row.joined_at_ms)?,
            user_id: row.user_id,
        })
    }
}
