//! Secrets are taken out of outputs before anything is hashed or stored.
//!
//! Known secrets are found as they are, in base64 of either alphabet and percent-encoded; beside them
//! passwords in addresses and what follows `Bearer `, whatever they are. What was taken out is
//! named, never shown. A secret that a program changed in another way is not found: this is a net
//! below the rule that secrets do not belong in outputs.

use std::fmt::Write;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};

/// Shorter secrets would be found in every text.
const SECRET_BYTES_MIN: usize = 6;

/// Takes secrets out of bytes.
#[derive(Clone, Default)]
pub struct Redactor {
    /// What is looked for, the longest first, with what stands in its place.
    needles: Vec<(Vec<u8>, String)>,
}

/// A secret that can't be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret {name} is shorter than {SECRET_BYTES_MIN} bytes and can't be told from text")]
pub struct RedactorError {
    name: String,
}

impl Redactor {
    /// Looks for one more secret.
    ///
    /// # Errors
    /// Fails where it is too short.
    pub fn with(mut self, name: &str, secret: &str) -> Result<Self, RedactorError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(RedactorError { name: name.to_owned() });
        }
        let instead = format!("[redacted {name}]");
        let bytes = secret.as_bytes();
        let forms = [
            secret.to_owned(),
            BASE64.encode(bytes),
            BASE64_NOPAD.encode(bytes),
            BASE64URL_NOPAD.encode(bytes),
            percent_encoded(secret),
            serde_json::Value::from(secret).to_string().trim_matches('"').to_owned(),
        ];
        self.needles.extend(forms.map(|form| (form.into_bytes(), instead.clone())));
        self.needles.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        self.needles.dedup();
        Ok(self)
    }

    /// Returns the bytes without secrets.
    pub fn redact(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if let Some((form, instead)) = self.needles.iter().find(|(f, _)| rest.starts_with(f)) {
                out.extend(instead.as_bytes());
                rest = &rest[form.len()..];
            } else if let Some(length) = bearer(&out, rest) {
                out.extend(b"[redacted token]");
                rest = &rest[length..];
            } else if let Some(length) = password(&out, rest) {
                out.extend(b"[redacted password]");
                rest = &rest[length..];
            } else {
                out.push(*first);
                rest = &rest[1..];
            }
        }
        out
    }
}

fn percent_encoded(secret: &str) -> String {
    let mut out = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            write!(out, "%{byte:02X}").expect("a string takes everything");
        }
    }
    out
}

/// Returns the length of a token that begins here, behind `Bearer `.
fn bearer(before: &[u8], rest: &[u8]) -> Option<usize> {
    let word = before.len().checked_sub(7).map(|at| &before[at..])?;
    if !word.eq_ignore_ascii_case(b"bearer ") {
        return None;
    }
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
    let length = rest.iter().take_while(|byte| is_token(byte)).count();
    (length >= SECRET_BYTES_MIN).then_some(length)
}

/// Returns the length of a password that begins here, between `//USER:` and `@`.
fn password(before: &[u8], rest: &[u8]) -> Option<usize> {
    if before.last() != Some(&b':') {
        return None;
    }
    let user = before[..before.len() - 1].iter().rev();
    let user_bytes = user.take_while(|b| !b"/@ \t\r\n\"'<>".contains(b)).count();
    let slashes = before[..before.len() - 1 - user_bytes].ends_with(b"//");
    let length = rest.iter().take_while(|b| !b"@/ \t\r\n\"'<>".contains(b)).count();
    (slashes && length > 0 && rest.get(length) == Some(&b'@')).then_some(length)
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a redactor with {} forms of secrets", self.needles.len())
    }
}
