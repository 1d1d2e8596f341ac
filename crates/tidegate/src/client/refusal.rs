//! Why a request got no good answer, and what a client makes of it.

use std::{io, time::Duration};

use serde::Deserialize;

use crate::failure::Failure;

/// A request got no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// No connection, or one that broke before the answer.
    #[error("{url} can't be reached")]
    Unreachable {
        /// The server.
        url: String,
        /// What the network said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An answer with an error status.
    #[error("the server answered {status} {code}: {message}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// `error.code` of the answer, or a dash.
        code: String,
        /// `error.message` of the answer, or the beginning of it.
        message: String,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// A WebSocket that the server closed for good.
    #[error("the server closed the connection with {code}: {reason}")]
    Closed {
        /// The code of the close frame.
        code: u16,
        /// Its reason.
        reason: String,
    },
    /// An answer that is not what this server gives.
    #[error("{url} answered with something else than a Tidegate server: {what}")]
    Garbled {
        /// The server.
        url: String,
        /// What is wrong with it.
        what: String,
    },
}

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    code: String,
    message: String,
}

impl Refusal {
    /// Returns the refusal of a server that a network error keeps away.
    pub(crate) fn unreachable(
        url: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Refusal::Unreachable { url: url.to_owned(), source: source.into() }
    }

    /// Returns the refusal of a server that took too long.
    pub(crate) fn timed_out(url: &str) -> Self {
        Refusal::unreachable(url, io::Error::from(io::ErrorKind::TimedOut))
    }

    /// Reads an answer with an error status.
    pub(crate) fn from_answer(status: u16, retry_after: Option<&str>, body: &[u8]) -> Self {
        let retry_after = retry_after.and_then(|text| text.trim().parse().ok());
        let (code, message) = match serde_json::from_slice(body) {
            Ok(Body { error: Detail { code, message } }) => (code, message),
            Err(_) => ("-".to_owned(), String::from_utf8_lossy(body).chars().take(200).collect()),
        };
        Refusal::Status { status, code, message, retry_after: retry_after.map(Duration::from_secs) }
    }

    /// Reads what a server says over a WebSocket in the stead of an answer with an error status.
    pub(crate) fn from_code(code: &str, message: &str) -> Self {
        let status = match code {
            "unauthorized" => 401,
            "forbidden" => 403,
            "not_found" => 404,
            "conflict" | "idempotency_conflict" => 409,
            "too_large" => 413,
            "unprocessable" => 422,
            "rate_limited" => 429,
            "unavailable" => 503,
            "internal" => 500,
            _ => 400,
        };
        let (code, message) = (code.to_owned(), message.to_owned());
        Refusal::Status { status, code, message, retry_after: None }
    }

    /// Returns the refusal of a server that answers as none of ours does.
    pub(crate) fn garbled(url: &str, what: impl Into<String>) -> Self {
        Refusal::Garbled { url: url.to_owned(), what: what.into() }
    }

    /// Returns whether the same request may do later.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Refusal::Unreachable { .. } => true,
            // 409 without the word `idempotency` is a first attempt that is still under way.
            Refusal::Status { status: 409, code, .. } => code == "conflict",
            Refusal::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Refusal::Closed { .. } | Refusal::Garbled { .. } => false,
        }
    }

    /// Returns how long the server asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Refusal::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns the message and what lies behind it on one line.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = std::error::Error::source(self);
        while let Some(error) = next {
            text.push_str(&format!(": {error}"));
            next = error.source();
        }
        text
    }
}

impl From<Refusal> for Failure {
    /// Turns it into the end of a command, with advice where the credential is at fault.
    fn from(refusal: Refusal) -> Self {
        let advice = match &refusal {
            // 502 to 504 are a proxy without a server, and a server that can't serve now.
            Refusal::Unreachable { .. } | Refusal::Status { status: 502..=504, .. } => {
                return Failure::unreachable(refusal.chain());
            }
            Refusal::Status { status: 401, .. } | Refusal::Closed { .. } => {
                "; give a valid --key or TIDEGATE_KEY"
            }
            Refusal::Status { status: 403, .. } => "; this needs a key with another scope",
            _ => "",
        };
        Failure::failed(format!("{}{advice}", refusal.chain()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn statuses_are_told_apart() {
        let check = |status, code: &str, temporary, exit| {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"m","request_id":"r"}}}}"#);
            let refusal = Refusal::from_answer(status, Some("2"), body.as_bytes());
            assert_eq!(refusal.is_temporary(), temporary, "{status} {code}");
            assert_eq!(refusal.retry_after(), Some(Duration::from_secs(2)));
            assert_eq!(Failure::from(refusal).exit, exit, "{status} {code}");
        };
        check(400, "validation_error", false, Exit::Failed);
        check(401, "unauthorized", false, Exit::Failed);
        check(409, "conflict", true, Exit::Failed);
        check(409, "idempotency_conflict", false, Exit::Failed);
        check(429, "rate_limited", true, Exit::Failed);
        check(503, "unavailable", true, Exit::Unreachable);
    }

    #[test]
    fn an_answer_of_a_stranger_is_quoted() {
        let refusal = Refusal::from_answer(502, None, b"<html>bad gateway</html>");
        let expected = "the server answered 502 -: <html>bad gateway</html>";
        assert_eq!(refusal.to_string(), expected);
    }
}
