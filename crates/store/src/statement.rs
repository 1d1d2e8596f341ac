//! What is asked of the database for chat: all of it, in one list.
//!
//! Nothing else in `chat` has a text of its own, so that whoever checks a database (`probe`) can't
//! forget one. Each says how it gets to its rows; a statement that reads a whole table has no place
//! here.

use std::borrow::Cow;

use crate::fault::THROWN_OTHER;

/// Names each once, for the type and for the list.
macro_rules! statements {
    ($($name:ident),+ $(,)?) => {
        /// One or two statements that are sent together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Statement { $($name),+ }

        impl Statement {
            /// All of them.
            pub(crate) const ALL: &[Statement] = &[$(Statement::$name),+];

            /// Returns what it is called.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Statement::$name => stringify!($name)),+ }
            }
        }
    };
}

statements! {
    WriteThread,
    ReadThread,
    ListThreads,
    WriteMessages,
    ReadMessages,
    ReadRequests,
    FindRequest,
    FindMessage,
    CountMessages,
    FindLast,
    Amend,
    RemoveAmendments,
    ReadAmendments,
    WriteMember,
    ReadMember,
    ListMembers,
    RemoveMemberFacts,
    WriteReadCursor,
    ReadCursor,
    RemoveReadCursors,
}

/// How a statement gets to its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By their whole ids.
    Ids,
    /// By a range of ids with both ends.
    Range,
    /// By this index.
    Index(&'static str),
}

const THREAD: &str = "thread_id, org_id, scope_id, privacy_level, created_by, created_at_ms";

/// Everything of a message but its id, which the thread and the number are.
const MESSAGE: &str = "thread_id, seq, message_id, author_id, body, attachments, created_at_ms, \
                       request_id, correlation_id";

const MEMBER: &str = "user_id, at_ms, fact, standing, joined_at_ms";

impl Statement {
    /// Returns what it does, for whoever reads an error.
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Statement::WriteThread => "write a thread",
            Statement::ReadThread => "read a thread",
            Statement::ListThreads => "read threads",
            Statement::WriteMessages => "write messages",
            Statement::ReadMessages => "read messages",
            Statement::ReadRequests => "read requests",
            Statement::FindRequest => "find a request's message",
            Statement::FindMessage => "find a message by its id",
            Statement::CountMessages => "count messages",
            Statement::FindLast => "find the last message",
            Statement::Amend | Statement::RemoveAmendments => "amend a message",
            Statement::ReadAmendments => "read amendments",
            Statement::WriteMember | Statement::RemoveMemberFacts => "write a member",
            Statement::ReadMember | Statement::ListMembers => "read members",
            Statement::WriteReadCursor | Statement::ReadCursor | Statement::RemoveReadCursors => {
                "keep a read cursor"
            }
        }
    }

    /// Returns how each of its parts gets to its rows.
    pub(crate) const fn ways(self) -> &'static [Way] {
        match self {
            Statement::WriteThread | Statement::WriteMessages => &[Way::Ids, Way::Ids],
            Statement::ReadThread | Statement::WriteMember | Statement::WriteReadCursor => {
                &[Way::Ids]
            }
            Statement::Amend => &[Way::Ids, Way::Range],
            Statement::ListThreads => &[Way::Index("thread_of_scope")],
            Statement::FindRequest => &[Way::Index("message_of_request")],
            Statement::FindMessage => &[Way::Index("message_of_id")],
            Statement::ListMembers => &[Way::Index("member_of_thread")],
            Statement::ReadMessages
            | Statement::ReadRequests
            | Statement::CountMessages
            | Statement::FindLast
            | Statement::RemoveAmendments
            | Statement::ReadAmendments
            | Statement::ReadMember
            | Statement::RemoveMemberFacts
            | Statement::ReadCursor
            | Statement::RemoveReadCursors => &[Way::Range],
        }
    }

    /// Returns its parts, a statement each.
    pub(crate) fn parts(self) -> Vec<Cow<'static, str>> {
        match self {
            Statement::WriteThread => vec![
                insert("thread", "object::extend($row, { id: $id })"),
                format!("SELECT {THREAD} FROM $id").into(),
            ],
            Statement::WriteMessages => {
                vec![insert("message", "$rows"), format!("RETURN $ids.{{ {MESSAGE} }}").into()]
            }
            Statement::Amend => vec![
                insert("amendment", "{ id: $id, kind: $kind, body: $body }"),
                "SELECT id, body FROM amendment:[$thread, $seq]..[$thread, $seq + 1]".into(),
            ],
            one => vec![one.text()],
        }
    }

    /// Returns the text of one that has a single part.
    fn text(self) -> Cow<'static, str> {
        match self {
            Statement::ReadThread => format!("SELECT {THREAD} FROM $id").into(),
            // The index is read in its order, which is that of ids, and no further than the limit.
            Statement::ListThreads => format!(
                "SELECT {THREAD} FROM thread WITH INDEX thread_of_scope \
                 WHERE org_id = $org AND scope_id = $scope AND thread_id > $after LIMIT $limit"
            )
            .into(),
            Statement::ReadMessages => {
                format!("SELECT {MESSAGE} FROM message:[$thread, $after]>..=[$thread, $last]")
                    .into()
            }
            Statement::ReadRequests => "SELECT author_id, request_id, created_at_ms \
                 FROM message:[$thread, $after]>..=[$thread, $last]"
                .into(),
            Statement::FindRequest => format!(
                "SELECT {MESSAGE} FROM message WITH INDEX message_of_request \
                 WHERE thread_id = $thread AND author_id = $author AND request_id = $request"
            )
            .into(),
            Statement::FindMessage => "SELECT VALUE seq FROM message WITH INDEX message_of_id \
                 WHERE thread_id = $thread AND message_id = $message"
                .into(),
            Statement::CountMessages => {
                "SELECT count() FROM message:[$thread, $seq]>..=[$thread, $end] GROUP ALL".into()
            }
            Statement::FindLast => {
                "SELECT VALUE seq FROM message:[$thread, $seq]>..=[$thread, $end]".into()
            }
            Statement::RemoveAmendments => {
                "DELETE amendment:[$thread, $seq]..[$k[0], $k[1], $k[2], $k[3], $k[4]] RETURN NONE"
                    .into()
            }
            Statement::ReadAmendments => {
                "SELECT id, body FROM amendment:[$thread, $first]..[$thread, $end]".into()
            }
            Statement::WriteMember => {
                insert("membership", "object::extend($row, { id: $id, thread_id: $thread })")
            }
            Statement::ReadMember => {
                format!("SELECT {MEMBER} FROM membership:[$thread, $user]..=[$thread, $user, $end]")
                    .into()
            }
            Statement::ListMembers => format!(
                "SELECT {MEMBER} FROM membership WITH INDEX member_of_thread \
                 WHERE thread_id = $thread AND user_id > $after LIMIT $limit"
            )
            .into(),
            Statement::RemoveMemberFacts => {
                "DELETE membership:[$thread, $user]..[$thread, $user, $at, $fact] RETURN NONE"
                    .into()
            }
            Statement::WriteReadCursor => insert("read_cursor", "{ id: $id }"),
            Statement::ReadCursor => {
                "SELECT VALUE id FROM read_cursor:[$thread, $user]..=[$thread, $user, $end]".into()
            }
            Statement::RemoveReadCursors => {
                "DELETE read_cursor:[$thread, $user]..[$thread, $user, $seq] RETURN NONE".into()
            }
            Statement::WriteThread | Statement::WriteMessages | Statement::Amend => {
                self.parts().join("; ").into()
            }
        }
    }
}

/// Writes rows that are not there yet, into the right database alone.
pub(crate) fn insert(table: &str, rows: &str) -> Cow<'static, str> {
    // An object stands in braces of its own, since these are a block's.
    format!(
        "INSERT IGNORE INTO {table} (IF $found_mark = $mark {{ {rows} }} \
         ELSE {{ THROW '{THROWN_OTHER}' }}) RETURN NONE"
    )
    .into()
}

#[cfg(test)]
mod tests;
