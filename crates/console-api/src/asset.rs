//! The files of the page, and what a browser may do with them.

use std::sync::LazyLock;

use axum::{body::Body, response::Response};
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

/// A file of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its name under `/console/`.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// What it is.
    pub bytes: &'static [u8],
}

/// Every file; the first one is the page.
pub const ASSETS: [Asset; 4] = [
    Asset {
        name: "index.html",
        media_type: "text/html; charset=utf-8",
        bytes: include_bytes!("../dist/index.html"),
    },
    Asset {
        name: "console.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../dist/console.js"),
    },
    Asset {
        name: "console.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../dist/console.css"),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../dist/icon.svg"),
    },
];

/// What the page may load and run: its own files, and requests to its own server. Markup that comes
/// from anywhere else stays text, also where a fault of the page would hand it to the browser.
/// Source: W3C Content Security Policy Level 3; W3C Trusted Types.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'";

const GUARDS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // A server that is replaced has another page: a browser asks, and is told that nothing changed.
    (header::CACHE_CONTROL, "no-cache"),
];

/// The entity tag of each file, in the order of [`ASSETS`].
static TAGS: LazyLock<[HeaderValue; ASSETS.len()]> = LazyLock::new(|| {
    ASSETS.map(|asset| {
        let digest = HEXLOWER.encode(&Sha256::digest(asset.bytes)[..16]);
        HeaderValue::from_str(&format!("\"{digest}\"")).expect("hexadecimal digits are visible")
    })
});

/// Answers a request for a file; nothing where there is none of that name.
pub(crate) fn answer(name: &str, headers: &HeaderMap) -> Option<Response> {
    let place = ASSETS.iter().position(|asset| asset.name == name)?;
    let (asset, tag) = (&ASSETS[place], &TAGS[place]);
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(|given| names(given, tag));
    let mut response =
        Response::new(if is_known { Body::empty() } else { Body::from(asset.bytes) });
    let answered = response.headers_mut();
    for (name, value) in GUARDS {
        answered.insert(name, HeaderValue::from_static(value));
    }
    answered.insert(header::ETAG, tag.clone());
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        answered.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    }
    Some(response)
}

/// Returns whether a list of entity tags has this one (RFC 9110, 13.1.2).
fn names(given: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(given), Ok(tag)) = (given.to_str(), tag.to_str()) else { return false };
    given.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests;
