//! JSON-RPC 2.0 as bytes: calls, and answers that are read without being decoded.

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use url::Url;

use super::{RpcError, redact};

/// One call: a method and its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// What is called.
    pub(crate) method: &'static str,
    /// What with, a list.
    pub(crate) params: Value,
}

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: &'a str,
    params: &'a Value,
}

/// An answer, or something that a subscription tells of.
#[derive(Deserialize)]
pub(crate) struct Reply<'a> {
    pub(crate) id: Option<u64>,
    #[serde(borrow)]
    pub(crate) result: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) params: Option<Notification<'a>>,
}

/// What a subscription tells of.
#[derive(Deserialize)]
pub(crate) struct Notification<'a> {
    pub(crate) subscription: Value,
    #[serde(borrow)]
    pub(crate) result: &'a RawValue,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

/// Writes one call.
pub(crate) fn one(id: u64, call: &Call) -> String {
    let request = Request { jsonrpc: "2.0", id, method: call.method, params: &call.params };
    serde_json::to_string(&request).expect("its keys are texts")
}

/// Writes calls as a batch, numbered from 0.
pub(crate) fn batch(calls: &[Call]) -> String {
    let requests: Vec<_> = (0..)
        .zip(calls)
        .map(|(id, call)| Request { jsonrpc: "2.0", id, method: call.method, params: &call.params })
        .collect();
    serde_json::to_string(&requests).expect("its keys are texts")
}

/// Returns the result of each call of a batch, in the order of the calls.
///
/// # Errors
///
/// Fails where the batch was refused as a whole, or an answer is missing.
pub(crate) fn results<'a>(
    body: &'a str,
    calls: &[Call],
    address: &Url,
) -> Result<Vec<Result<&'a RawValue, RpcError>>, RpcError> {
    let method = calls.first().map_or("batch", |call| call.method);
    if !body.trim_start().starts_with('[') {
        let reply = reply(body, method)?;
        return Err(match result(&reply, method, address) {
            Ok(_) => RpcError::malformed(method, "one answer to many calls"),
            Err(error) => error,
        });
    }
    let replies: Vec<Reply<'a>> =
        serde_json::from_str(body).map_err(|error| json_error(method, &error))?;
    let mut results: Vec<Option<_>> = calls.iter().map(|_| None).collect();
    for reply in &replies {
        let at = reply.id.and_then(|id| usize::try_from(id).ok());
        if let Some((slot, call)) = at.and_then(|at| results.get_mut(at).zip(calls.get(at))) {
            *slot = Some(result(reply, call.method, address));
        }
    }
    let missing = || RpcError::malformed(method, "a call of the batch has no answer");
    results.into_iter().map(|result| result.ok_or_else(missing)).collect()
}

/// Reads one answer.
///
/// # Errors
///
/// Fails where it is none.
pub(crate) fn reply<'a>(body: &'a str, method: &'static str) -> Result<Reply<'a>, RpcError> {
    serde_json::from_str(body).map_err(|error| json_error(method, &error))
}

/// Returns the result of an answer; `null` where it has neither result nor error.
///
/// # Errors
///
/// Fails where the node refused.
pub(crate) fn result<'a>(
    reply: &Reply<'a>,
    method: &'static str,
    address: &Url,
) -> Result<&'a RawValue, RpcError> {
    if let Some(error) = reply.error {
        let refusal = serde_json::from_str(error.get());
        let Refusal { code, message } = refusal.map_err(|error| json_error(method, &error))?;
        return Err(RpcError::Node { method, code, message: redact::words(&message, address) });
    }
    Ok(reply.result.unwrap_or(RawValue::NULL))
}

/// Says where JSON is wrong, without what stands there.
pub(crate) fn json_error(method: &'static str, error: &serde_json::Error) -> RpcError {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "it was cut",
        serde_json::error::Category::Data => "a field is missing or has another type",
        _ => "it is no JSON",
    };
    RpcError::malformed(
        method,
        &format!("{kind} (line {}, column {})", error.line(), error.column()),
    )
}
