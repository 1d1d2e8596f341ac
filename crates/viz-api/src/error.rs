//! What a client is told when something does not work; one file maps failures to it.
//!
//! Internals never reach a client: they go to the log under the same request id.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use broker::{AppendError, ReadError, live::SwitchError};
use http::{HeaderValue, StatusCode, header};
use node_runtime::SwitchRefusal;

/// The kind of failure, as `error.code` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Syntax or grammar.
    ValidationError,
    /// No credential, or one that can't be accepted.
    Unauthorized,
    /// A good credential that may not do this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// There is, but not with this method.
    MethodNotAllowed,
    /// It contradicts something that is under way.
    Conflict,
    /// The idempotency key was used for something else.
    IdempotencyConflict,
    /// Too many bytes or events.
    TooLarge,
    /// A media type or an encoding that is not supported.
    Unsupported,
    /// A longer address than is supported.
    UriTooLong,
    /// Well formed, and without sense here.
    Unprocessable,
    /// Too often.
    RateLimited,
    /// Not now.
    Unavailable,
    /// A fault of the server.
    Internal,
}

impl Code {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Code::ValidationError => "validation_error",
            Code::Unauthorized => "unauthorized",
            Code::Forbidden => "forbidden",
            Code::NotFound => "not_found",
            Code::MethodNotAllowed => "method_not_allowed",
            Code::Conflict => "conflict",
            Code::IdempotencyConflict => "idempotency_conflict",
            Code::TooLarge => "too_large",
            Code::Unsupported | Code::UriTooLong => "unsupported",
            Code::Unprocessable => "unprocessable",
            Code::RateLimited => "rate_limited",
            Code::Unavailable => "unavailable",
            Code::Internal => "internal",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Code::ValidationError => StatusCode::BAD_REQUEST,
            Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Code::Conflict | Code::IdempotencyConflict => StatusCode::CONFLICT,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::UriTooLong => StatusCode::URI_TOO_LONG,
            Code::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A failure as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    code: Code,
    message: Cow<'static, str>,
    retry_after_s: Option<u32>,
}

/// Most bytes of a message: where it repeats what a client sent, the beginning will do.
const MESSAGE_BYTES_MAX: usize = 512;

impl ApiError {
    /// Returns the failure with this kind and message; a long one is cut.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_s = match code {
            Code::RateLimited | Code::Unavailable => Some(1),
            _ => None,
        };
        let mut message = message.into();
        if message.len() > MESSAGE_BYTES_MAX {
            let cut = message.floor_char_boundary(MESSAGE_BYTES_MAX);
            message = format!("{}…", &message[..cut]).into();
        }
        ApiError { code, message, retry_after_s }
    }

    /// Returns what is said of syntax and grammar.
    pub fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        ApiError::new(Code::ValidationError, message)
    }

    pub(crate) fn unauthorized(message: &'static str) -> Self {
        ApiError::new(Code::Unauthorized, message)
    }

    /// Returns what is said of what there is not.
    pub fn not_found(message: &'static str) -> Self {
        ApiError::new(Code::NotFound, message)
    }

    /// Returns what is said of too much.
    pub fn too_large(message: impl Into<Cow<'static, str>>) -> Self {
        ApiError::new(Code::TooLarge, message)
    }

    /// Returns what is said of what can be had later.
    pub fn unavailable(message: &'static str) -> Self {
        ApiError::new(Code::Unavailable, message)
    }

    /// Returns what is said outside of a fault inside, whose cause is in the log.
    pub fn internal() -> Self {
        ApiError::new(Code::Internal, "the server failed; its log has the cause")
    }

    /// Says when it is worth another attempt, in whole seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Returns the kind of failure.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns what a client is told in words.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    #[cfg(test)]
    pub(crate) fn seconds_until_retry(&self) -> Option<u32> {
        self.retry_after_s
    }

    /// Writes the body.
    pub(crate) fn body(&self, request_id: &str) -> String {
        let error = serde_json::json!({
            "error": {
                "code": self.code.as_str(),
                "message": self.message,
                "request_id": request_id,
            }
        });
        error.to_string()
    }
}

impl IntoResponse for ApiError {
    /// Returns an answer without a body; the outermost layer knows the request's id and adds it.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict => ApiError::new(
                Code::IdempotencyConflict,
                "this Idempotency-Key was used with another body",
            ),
            AppendError::KeysFull => ApiError::new(
                Code::RateLimited,
                "too many idempotency keys within 24 hours; publish without a key or later",
            )
            .retry_after(60),
            AppendError::StreamsFull => ApiError::unavailable("the server has too many streams"),
            AppendError::Unavailable { .. } => {
                tracing::warn!(%error, "an append failed");
                ApiError::unavailable("the backend can't take events now")
            }
        }
    }
}

impl From<SwitchRefusal> for ApiError {
    /// Says why as it is: whoever may switch is an operator, and no reason holds an address.
    fn from(refusal: SwitchRefusal) -> Self {
        let code = match &refusal {
            SwitchRefusal::NoRedis => Code::Unprocessable,
            SwitchRefusal::Strict => Code::Conflict,
            SwitchRefusal::Starting => Code::Unavailable,
            SwitchRefusal::Switch(error) => code_of(error),
        };
        ApiError::new(code, refusal.to_string())
    }
}

/// Tells what contradicts something from what may be otherwise later.
const fn code_of(error: &SwitchError) -> Code {
    match error {
        SwitchError::Underway
        | SwitchError::Elsewhere(_)
        | SwitchError::Overtaken(_)
        | SwitchError::Undone
        | SwitchError::NotSwitched => Code::Conflict,
        SwitchError::NoRedis => Code::Unprocessable,
        SwitchError::Draining
        | SwitchError::Unreachable(_)
        | SwitchError::Full(_)
        | SwitchError::ReadOnly(_)
        | SwitchError::TooOld(_)
        | SwitchError::Refused(_)
        | SwitchError::Differs(_)
        | SwitchError::Restless(_)
        | SwitchError::Busy(_)
        | SwitchError::Disk(_)
        | SwitchError::StreamsFull => Code::Unavailable,
    }
}

/// Names a failure of a switch, for whoever reads it by program.
pub(crate) const fn kind_of(error: &SwitchError) -> &'static str {
    match error {
        SwitchError::Underway => "underway",
        SwitchError::Elsewhere(_) => "elsewhere",
        SwitchError::Overtaken(_) => "overtaken",
        SwitchError::Undone => "undone",
        SwitchError::NotSwitched => "not_switched",
        SwitchError::Draining => "draining",
        SwitchError::NoRedis => "no_redis",
        SwitchError::Unreachable(_) => "unreachable",
        SwitchError::Full(_) => "full",
        SwitchError::ReadOnly(_) => "read_only",
        SwitchError::TooOld(_) => "too_old",
        SwitchError::Refused(_) => "refused",
        SwitchError::Differs(_) => "differs",
        SwitchError::Restless(_) => "restless",
        SwitchError::Busy(_) => "busy",
        SwitchError::Disk(_) => "disk",
        SwitchError::StreamsFull => "streams_full",
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::StreamsFull => ApiError::unavailable("the server has too many streams"),
            ReadError::Unavailable { .. } => {
                tracing::warn!(%error, "a read failed");
                ApiError::unavailable("the backend can't be read now")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use broker::live::SwitchError;
    use node_runtime::SwitchRefusal;

    use super::ApiError;

    #[test]
    fn every_refusal_of_a_switch_has_its_status() {
        let check = |refusal: SwitchRefusal, status: u16, code: &str| {
            let text = refusal.to_string();
            let error = ApiError::from(refusal);
            assert_eq!(
                (error.code.status().as_u16(), error.code.as_str()),
                (status, code),
                "{text}"
            );
            assert_eq!(error.message(), text);
            assert_eq!(error.seconds_until_retry().is_some(), status == 503, "{text}");
        };
        check(SwitchRefusal::NoRedis, 422, "unprocessable");
        check(SwitchRefusal::Strict, 409, "conflict");
        check(SwitchRefusal::Starting, 503, "unavailable");
        let reason = || "why".to_owned();
        for (error, status, code) in [
            (SwitchError::Underway, 409, "conflict"),
            (SwitchError::Elsewhere(reason()), 409, "conflict"),
            (SwitchError::Overtaken(3), 409, "conflict"),
            (SwitchError::Undone, 409, "conflict"),
            (SwitchError::NotSwitched, 409, "conflict"),
            (SwitchError::NoRedis, 422, "unprocessable"),
            (SwitchError::Draining, 503, "unavailable"),
            (SwitchError::Unreachable(reason()), 503, "unavailable"),
            (SwitchError::Full(reason()), 503, "unavailable"),
            (SwitchError::ReadOnly(reason()), 503, "unavailable"),
            (SwitchError::TooOld(reason()), 503, "unavailable"),
            (SwitchError::Refused(reason()), 503, "unavailable"),
            (SwitchError::Differs(reason()), 503, "unavailable"),
            (SwitchError::Restless(reason()), 503, "unavailable"),
            (SwitchError::Busy(reason()), 503, "unavailable"),
            (SwitchError::Disk(reason()), 503, "unavailable"),
            (SwitchError::StreamsFull, 503, "unavailable"),
        ] {
            check(error.into(), status, code);
        }
    }
}
