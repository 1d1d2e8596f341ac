//! How a request becomes a WebSocket (RFC 6455, 4.2), and what of compression is agreed on
//! (RFC 7692, 5 and 7.1).

use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, Method, Version, header, request::Parts};
use sha1::{Digest, Sha1};

use crate::error::ApiError;

/// Joined to the client's key before it is hashed (RFC 6455, 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The window that we send with; a client that asks for a smaller one is sent nothing compressed.
const WINDOW_BITS_MAX: u8 = 15;

/// What was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// Proves that the key was read.
    pub(crate) accept: String,
    /// Compression, where both want it.
    pub(crate) deflate: Option<Deflate>,
}

/// How messages are compressed: each for itself, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deflate {
    /// The window that the client asked us to keep to.
    server_window_bits: Option<u8>,
}

impl Deflate {
    /// Returns whether what we send may be compressed.
    pub(crate) fn sends(self) -> bool {
        self.server_window_bits.is_none_or(|bits| bits == WINDOW_BITS_MAX)
    }

    /// Returns the header's value that agrees.
    pub(crate) fn answer(self) -> String {
        let window = self.server_window_bits;
        let window = window.map(|bits| format!("; server_max_window_bits={bits}"));
        format!(
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover{}",
            window.unwrap_or_default()
        )
    }
}

/// The version of the protocol, the only one there is.
pub(crate) const VERSION: &str = "13";

/// Checks a request for an upgrade.
///
/// `Origin` is not looked at: it guards credentials that a browser sends by itself, and there are
/// none here. A page has only what it was given: a ticket.
pub(crate) fn check(request: &Parts, offers_deflate: bool) -> Result<Handshake, ApiError> {
    let headers = &request.headers;
    let has = |name, token| list(headers, name).any(|item| item.eq_ignore_ascii_case(token));
    let is_upgrade = request.method == Method::GET
        && request.version >= Version::HTTP_11
        && has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket");
    if !is_upgrade {
        return Err(ApiError::validation("this path is for WebSockets (RFC 6455)"));
    }
    if has_body(headers) {
        // Its bytes would be taken for frames.
        return Err(ApiError::validation("a request for a WebSocket has no body"));
    }
    let only = |name| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
    };
    if only(header::SEC_WEBSOCKET_VERSION) != Some(VERSION.as_bytes()) {
        return Err(ApiError::validation(format!("`Sec-WebSocket-Version` has to be {VERSION}")));
    }
    let key = only(header::SEC_WEBSOCKET_KEY).unwrap_or_default();
    if BASE64.decode(key).map(|bytes| bytes.len()) != Ok(16) {
        return Err(ApiError::validation("`Sec-WebSocket-Key` has to be 16 bytes in base64"));
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let deflate = if offers_deflate { deflate(headers) } else { None };
    Ok(Handshake { accept: BASE64.encode(&digest), deflate })
}

fn has_body(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || lengths.iter().any(|length| length != "0")
}

/// Returns the first offer of compression that can be met.
fn deflate(headers: &HeaderMap) -> Option<Deflate> {
    list(headers, header::SEC_WEBSOCKET_EXTENSIONS).find_map(offer)
}

fn offer(text: &str) -> Option<Deflate> {
    let mut parts = text.split(';').map(str::trim);
    parts.next().filter(|name| *name == "permessage-deflate")?;
    let mut seen = Vec::new();
    let mut deflate = Deflate { server_window_bits: None };
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(unquoted(value.trim()))),
            None => (part, None),
        };
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        match (name, value) {
            ("server_no_context_takeover" | "client_no_context_takeover", None)
            | ("client_max_window_bits", None) => {}
            ("client_max_window_bits", Some(bits)) => window_bits(bits).map(|_| ())?,
            ("server_max_window_bits", Some(bits)) => {
                deflate.server_window_bits = Some(window_bits(bits)?);
            }
            _ => return None,
        }
    }
    Some(deflate)
}

/// Returns what a quoted value holds; half a pair of quotes belongs to it.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value)
}

/// Reads 8 to 15, without a leading zero.
fn window_bits(text: &str) -> Option<u8> {
    let bits: u8 = text.parse().ok()?;
    ((8..=WINDOW_BITS_MAX).contains(&bits) && bits.to_string() == text).then_some(bits)
}

/// Returns the items of a header that is a comma list, of all its lines.
fn list(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests;
