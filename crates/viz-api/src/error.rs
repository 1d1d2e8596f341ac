//! What a client is told when something does not work; one file maps failures to it.
//!
//! Internals never reach a client: they go to the log under the same request id.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use broker::{AppendError, ReadError};
use http::{HeaderValue, StatusCode, header};

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

    pub(crate) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        ApiError::new(Code::ValidationError, message)
    }

    pub(crate) fn unauthorized(message: &'static str) -> Self {
        ApiError::new(Code::Unauthorized, message)
    }

    pub(crate) fn not_found(message: &'static str) -> Self {
        ApiError::new(Code::NotFound, message)
    }

    pub(crate) fn too_large(message: impl Into<Cow<'static, str>>) -> Self {
        ApiError::new(Code::TooLarge, message)
    }

    pub(crate) fn unavailable(message: &'static str) -> Self {
        ApiError::new(Code::Unavailable, message)
    }

    /// Returns what is said outside of a fault inside, whose cause is in the log.
    pub(crate) fn internal() -> Self {
        ApiError::new(Code::Internal, "the server failed; its log has the cause")
    }

    /// Says when it is worth another attempt, in whole seconds.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
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
