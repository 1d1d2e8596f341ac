//! Secrets are taken out of outputs before anything is hashed or stored.
//!
//! Known secrets are found as they are, in base64 of either alphabet and percent-encoded; beside them
//! [what looks like one](secrets). What was taken out is named, never shown. A secret that a program
//! changed in another way is not found: this is a net below the rule that secrets do not belong in
//! outputs.

use std::fmt::Write;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};

use crate::secrets;

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
            percent_encoded(secret, |out, byte| write!(out, "%{byte:02X}")),
            percent_encoded(secret, |out, byte| write!(out, "%{byte:02x}")),
            serde_json::Value::from(secret).to_string().trim_matches('"').to_owned(),
        ];
        self.needles.extend(forms.map(|form| (form.into_bytes(), instead.clone())));
        self.needles.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        self.needles.dedup();
        Ok(self)
    }

    /// Returns the bytes without secrets: those that are known, and what looks like one.
    pub fn redact(&self, bytes: &[u8]) -> Vec<u8> {
        let known = self.without_known(bytes);
        let mut out = Vec::with_capacity(known.len());
        for chunk in known.utf8_chunks() {
            let text = chunk.valid();
            let mut from = 0;
            for secret in secrets(text) {
                out.extend(&text.as_bytes()[from..secret.range.start]);
                out.extend(format!("[redacted {}]", secret.what.label()).as_bytes());
                from = secret.range.end;
            }
            out.extend(&text.as_bytes()[from..]);
            out.extend(chunk.invalid());
        }
        out
    }

    fn without_known(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if let Some((form, instead)) = self.needles.iter().find(|(f, _)| rest.starts_with(f)) {
                out.extend(instead.as_bytes());
                rest = &rest[form.len()..];
            } else {
                out.push(*first);
                rest = &rest[1..];
            }
        }
        out
    }
}

fn percent_encoded(secret: &str, code: fn(&mut String, u8) -> std::fmt::Result) -> String {
    let mut out = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            code(&mut out, byte).expect("a string takes everything");
        }
    }
    out
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a redactor with {} forms of secrets", self.needles.len())
    }
}
