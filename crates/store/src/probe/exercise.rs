//! Everything that chat asks of the database, on rows that are known.

use super::Synthetic;
use crate::chat::{Amendment, Chat, ChatError, Head, Member, Message, Privacy, Standing, Thread};

const USER: &str = "gates-user";

/// One question with a known answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was asked.
    pub question: &'static str,
    /// Whether the answer is the known one.
    pub is_right: bool,
}

struct Exercise<'a> {
    chat: &'a Chat,
    on: &'a Synthetic,
    answers: Vec<Answer>,
}

pub(super) async fn run(chat: &Chat, on: &Synthetic) -> Result<Vec<Answer>, ChatError> {
    let mut exercise = Exercise { chat, on, answers: Vec::new() };
    exercise.threads().await?;
    exercise.messages().await?;
    exercise.amendments().await?;
    exercise.members().await?;
    exercise.read_cursors().await?;
    Ok(exercise.answers)
}

impl Exercise<'_> {
    fn note(&mut self, question: &'static str, is_right: bool) {
        self.answers.push(Answer { question, is_right });
    }

    async fn threads(&mut self) -> Result<(), ChatError> {
        let Synthetic { org, thread, neighbour } = self.on;
        let (ours, other) = (thread_of(org, thread), thread_of(org, neighbour));
        for thread in [&ours, &other, &ours] {
            self.chat.create_thread(thread).await?;
        }
        let found = self.chat.thread(thread).await?;
        self.note("a thread by its id", found.as_ref() == Some(&ours));
        let mut both = [ours, other];
        both.sort_by(|a, b| a.thread_id.cmp(&b.thread_id));
        let page = self.chat.threads(org, org, "", 1).await?;
        self.note("the first thread of a scope", page.threads == both[..1] && page.has_more);
        let page = self.chat.threads(org, org, &both[0].thread_id, 1).await?;
        self.note("the threads after it", page.threads == both[1..] && !page.has_more);
        Ok(())
    }

    async fn messages(&mut self) -> Result<(), ChatError> {
        let Synthetic { thread, neighbour, .. } = self.on;
        let sent: Vec<_> = (1..=8).map(|seq| message_of(thread, seq)).collect();
        let others: Vec<_> = (1..=3).map(|seq| message_of(neighbour, seq)).collect();
        for group in [&sent, &others, &sent] {
            self.chat.write(group).await?;
        }
        let read = self.chat.read(thread, 2, 3).await?;
        let read: Vec<_> = read.into_iter().map(|amended| amended.message).collect();
        self.note("three messages after the second", read == sent[2..5]);
        let head = self.chat.head(thread).await?;
        self.note("the head of a thread", head == Head { seq: 8, missing: 0 });
        let found = self.chat.requests(thread, 6, 4).await?;
        let found: Vec<_> = found.into_iter().map(|of| (of.author_id, of.request_id)).collect();
        let wanted = sent[6..].iter().map(|m| (m.author_id.clone(), m.request_id.clone()));
        self.note("the requests of the last messages", wanted.eq(found));
        let found = self.chat.of_request(thread, USER, "request 3").await?;
        self.note("the message of a request", found == sent[2..3]);
        let found = self.chat.seq_of(thread, &sent[4].message_id).await?;
        self.note("the number of a message by its id", found == Some(5));
        let found = self.chat.seq_of(neighbour, &sent[4].message_id).await?;
        self.note("none of another thread", found.is_none());
        self.chat.write(&[message_of(neighbour, 5)]).await?;
        let head = self.chat.head(neighbour).await?;
        self.note("the head above a hole", head == Head { seq: 5, missing: 1 });
        Ok(())
    }

    async fn amendments(&mut self) -> Result<(), ChatError> {
        let thread = &self.on.thread;
        let edit = |at_ms| Amendment::Edited { body: format!("edit {at_ms}"), at_ms };
        for at_ms in [5, 6] {
            self.chat.amend(thread, 3, &edit(at_ms)).await?;
        }
        let read = self.chat.read(thread, 2, 2).await?;
        let amended: Vec<_> = read.into_iter().map(|amended| amended.amendment).collect();
        self.note("the last edit of a message", amended == [Some(edit(6)), None]);
        Ok(())
    }

    async fn members(&mut self) -> Result<(), ChatError> {
        let thread = &self.on.thread;
        let member =
            |user: &str, standing| Member { user_id: user.to_owned(), standing, joined_at_ms: 1 };
        let (left, stays) = (member(USER, Standing::Left), member("gates-other", Standing::Member));
        for member in [&member(USER, Standing::Owner), &left, &stays] {
            self.chat.set_member(thread, member, 1).await?;
        }
        let found = self.chat.member(thread, USER).await?;
        self.note("the standing of a user", found.as_ref() == Some(&left));
        let page = self.chat.members(thread, "", 10).await?;
        self.note(
            "the standings of a thread",
            page.members == [stays, left] && page.next.is_none(),
        );
        Ok(())
    }

    async fn read_cursors(&mut self) -> Result<(), ChatError> {
        let thread = &self.on.thread;
        for (to, is_at) in [(2, 2), (4, 4), (3, 4)] {
            let at = self.chat.advance_read_cursor(thread, USER, to).await?;
            self.note("a read cursor moves forward alone", at == is_at);
        }
        let at = self.chat.read_cursor(thread, USER).await?;
        self.note("a read cursor", at == 4);
        Ok(())
    }
}

fn thread_of(org: &str, thread: &str) -> Thread {
    Thread {
        thread_id: thread.to_owned(),
        org_id: org.to_owned(),
        scope_id: org.to_owned(),
        privacy_level: Privacy::Private,
        created_by: USER.to_owned(),
        created_at_ms: 1,
    }
}

/// Returns a message as the gates write it; the same thread and number give the same one.
fn message_of(thread: &str, seq: u64) -> Message {
    Message {
        thread_id: thread.to_owned(),
        seq,
        message_id: format!("msg_{thread}_{seq}"),
        author_id: USER.to_owned(),
        body: format!("synthetic message {seq} of a release gate"),
        attachments: Vec::new(),
        created_at_ms: seq,
        request_id: Some(format!("request {seq}")),
        correlation_id: None,
    }
}
