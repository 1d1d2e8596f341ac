//! What a client is told when something does not work; one file maps failures to it.
//!
//! Losing the database is 503: never a permission lost, and never the client's fault.

use broker::AppendError;
use store::{ChatError, QueryError};
use viz_api::{ApiError, Code};

use crate::{
    domain::{RecordError, Refusal, Slip},
    order::{OpenError, SendError},
};

/// A failure on its way to a client.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) ApiError);

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Failure(error)
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

impl axum::response::IntoResponse for Failure {
    fn into_response(self) -> axum::response::Response {
        self.0.into_response()
    }
}

impl From<Slip> for Failure {
    fn from(slip: Slip) -> Self {
        Failure(ApiError::validation(slip.0))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::OwnerStays => Code::Conflict,
            _ => Code::Forbidden,
        };
        Failure(ApiError::new(code, refusal.to_string()))
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let is_outage = error.is_outage() || error == QueryError::Closed;
        match error {
            // Everybody who asks is told the same, many times in a second.
            QueryError::Away { .. } => tracing::debug!(%error, "the database is away"),
            _ => tracing::warn!(%error, "the database did not do what it was asked"),
        }
        Failure(match is_outage {
            true => ApiError::unavailable("the database does not answer now"),
            false => ApiError::internal(),
        })
    }
}

/// What is said of a database to which there is no connection.
pub(crate) const AWAY: &str = "the database can't be reached";

/// Returns what anybody may read of an error; the log has the words of the database's client.
pub(crate) const fn outside_words(error: &QueryError) -> &'static str {
    match error {
        QueryError::Unreachable { .. } | QueryError::Away { .. } => AWAY,
        QueryError::Refused => "the database refuses the server's credentials",
        QueryError::Late { .. } => "the database did not answer in time",
        QueryError::Conflict { .. } => "the database met other transactions again and again",
        QueryError::Other => "the database is not the one that was opened, or it was emptied",
        QueryError::Taken => "another process took the database over",
        QueryError::TooLarge { .. } | QueryError::Rejected { .. } | QueryError::Damaged { .. } => {
            "the database does not answer as it should"
        }
        QueryError::Closed => "the server is ending",
    }
}

impl From<ChatError> for Failure {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::Query(error) => error.into(),
            ChatError::Lost { .. } => {
                tracing::warn!(%error, "the database did not keep what it took");
                Failure(ApiError::unavailable("the database does not keep what it takes"))
            }
            ChatError::Differs(_) | ChatError::Hole { .. } | ChatError::Group(_) => fault(&error),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotFound => Failure::not_found(),
            OpenError::Rows(error) => error.into(),
            OpenError::Log(error) => Failure(error.into()),
            OpenError::Fault(_) => fault(&error),
            OpenError::Full => Failure(ApiError::unavailable("too many threads are open")),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Conflict => {
                let message = "this request's id was used with another message";
                Failure(ApiError::new(Code::IdempotencyConflict, message))
            }
            SendError::Log(AppendError::Conflict) => SendError::Conflict.into(),
            SendError::Log(error) => Failure(error.into()),
            SendError::Rows(error) => error.into(),
            SendError::Down => {
                Failure(ApiError::unavailable("messages do not get to the database in time now"))
            }
            SendError::Late => {
                let message = "the message is not in the database yet: ask again with the same \
                               request id";
                Failure(ApiError::unavailable(message))
            }
            SendError::Fault(_) => fault(&error),
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        tracing::error!(%error, "a message can't be shown");
        Failure(ApiError::internal())
    }
}

impl Failure {
    /// Returns what is said of a thread that there is not, or that is another organisation's.
    pub(crate) fn not_found() -> Self {
        Failure(ApiError::not_found("there is no such thread"))
    }
}

/// What somebody has to look at, and no client can help.
fn fault(error: &(dyn std::error::Error + 'static)) -> Failure {
    tracing::error!(error, "a thread can't be used");
    Failure(ApiError::unavailable("this thread can't be used now; the server's log has the cause"))
}
