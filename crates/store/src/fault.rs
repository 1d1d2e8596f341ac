//! What an error of the client library means for us.

use surrealdb::types::{
    Error, ErrorDetails, NotAllowedError, NotFoundError, QueryError as Details,
};

/// How much of a refusal's text is kept.
const TEXT_MAX: usize = 160;

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is of no use any more.
    Broken(String),
    /// Another transaction was in the way; the same again may succeed.
    Conflict,
    /// Our credentials are not, or no longer, good.
    Refused,
    /// A table that we made is not there, or the mark of the database is another one.
    Other,
    /// Another process took the database over.
    Taken,
    /// The statement is refused.
    Rejected { kind: &'static str, what: String },
}

/// The text that our own statements throw where the database is another one.
pub(crate) const THROWN_OTHER: &str = "tidegate: another database";

impl Fault {
    /// Tells what an error is.
    pub(crate) fn of(error: &Error) -> Fault {
        let text = error.message();
        if text.contains("can be retried") || text.contains("Transaction conflict") {
            return Fault::Conflict;
        }
        match error.details() {
            ErrorDetails::Connection(_) => Fault::Broken(cut(text)),
            ErrorDetails::NotFound(Some(NotFoundError::Session { .. })) => Fault::Broken(cut(text)),
            ErrorDetails::Query(Some(Details::TimedOut { .. })) => Fault::Broken(cut(text)),
            ErrorDetails::NotAllowed(Some(NotAllowedError::Auth(_))) => Fault::Refused,
            ErrorDetails::NotFound(Some(
                NotFoundError::Table { .. }
                | NotFoundError::Namespace { .. }
                | NotFoundError::Database { .. },
            )) => Fault::Other,
            // A server does not send the details along.
            ErrorDetails::NotFound(None) if is_of_what_we_made(text) => Fault::Other,
            ErrorDetails::Thrown if text.contains(THROWN_OTHER) => Fault::Other,
            ErrorDetails::Internal if is_of_connection(text) => Fault::Broken(cut(text)),
            details => Fault::Rejected { kind: details.kind_str(), what: without_values(text) },
        }
    }

    /// Tells what an error in connecting is; the client has no kind for most of them.
    pub(crate) fn of_connecting(error: &Error) -> Fault {
        // No row has anything to do with it.
        let what = cut(error.message());
        match Fault::of(error) {
            Fault::Rejected { kind: "Internal", .. } => Fault::Broken(what),
            Fault::Rejected { kind, .. } => Fault::Rejected { kind, what },
            fault => fault,
        }
    }

    /// Tells which of the errors of one request says most: where one statement of a transaction
    /// fails, the others only say that they were not executed.
    pub(crate) fn of_all<'a>(errors: impl IntoIterator<Item = &'a Error>) -> Option<Fault> {
        errors.into_iter().map(Fault::of).min_by_key(Fault::rank)
    }

    fn rank(&self) -> u8 {
        match self {
            Fault::Other | Fault::Taken => 0,
            Fault::Conflict => 1,
            Fault::Refused => 2,
            Fault::Broken(_) => 3,
            Fault::Rejected { kind: "Query", .. } => 5,
            Fault::Rejected { .. } => 4,
        }
    }
}

/// The client has no kind of its own for what happens to its socket.
fn is_of_connection(text: &str) -> bool {
    const MARKS: [&str; 9] = [
        // What the server's own storage does not answer, as where TiKV is lost.
        "There was a problem with the key-value store",
        "WebSocket error",
        "IO error",
        "connection reset",
        "connection refused",
        "Connection refused",
        "Connection reset",
        "Failed to send command",
        "Session not found",
    ];
    MARKS.iter().any(|mark| text.contains(mark))
}

fn is_of_what_we_made(text: &str) -> bool {
    let kinds = ["The table '", "The namespace '", "The database '"];
    kinds.iter().any(|kind| text.starts_with(kind)) && text.ends_with("does not exist")
}

/// Returns the beginning of a text up to the first value: what a row holds, or was to hold, stands in
/// quotes, brackets or digits.
pub(crate) fn without_values(text: &str) -> String {
    let is_of_value = |c: char| "'\"`[{(⟨".contains(c) || c.is_ascii_digit();
    match text.find(is_of_value) {
        Some(end) => cut(&format!("{}…", text[..end].trim_end())),
        None => cut(text),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests;
