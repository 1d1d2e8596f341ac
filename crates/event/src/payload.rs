//! A publisher's payload, checked more strictly than JSON asks and kept as its own text.
//!
//! Numbers are never converted: `1.0`, `1e2` and a 30-digit integer reach the reader as they were
//! sent. Duplicate keys are refused, since two readers may pick different ones.

use std::{collections::HashSet, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::limits::PAYLOAD_DEPTH_MAX;

/// A JSON object on one line, without white space between its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(Box<str>);

/// The text is not a payload; the message says where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("payload: {0}")]
pub struct PayloadError(String);

impl Payload {
    /// Returns the payload of a publisher who sent none.
    pub fn empty() -> Self {
        Payload("{}".into())
    }

    /// Checks and compacts a value that a JSON parser has already delimited.
    ///
    /// # Errors
    /// Fails where it is not an object, nests deeper than 64, repeats a key, or holds a number
    /// that no double can hold.
    pub fn from_raw(raw: &RawValue) -> Result<Self, PayloadError> {
        let text = raw.get();
        if !text.starts_with('{') {
            return Err(PayloadError("must be a JSON object".to_owned()));
        }
        let mut parser = serde_json::Deserializer::from_str(text);
        Strict { depth: 0 }
            .deserialize(&mut parser)
            .map_err(|error| PayloadError(error.to_string()))?;
        Ok(Payload(compacted(text)))
    }

    /// Returns the JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Copies valid JSON without the white space between its tokens.
fn compacted(text: &str) -> Box<str> {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            in_string = c == '"';
        }
        out.push(c);
    }
    out.into()
}

/// Walks a value and keeps nothing; fails on depth and on a repeated key.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(self) -> Result<Strict, E> {
        if self.depth == PAYLOAD_DEPTH_MAX {
            return Err(E::custom(format_args!("nested deeper than {PAYLOAD_DEPTH_MAX}")));
        }
        Ok(Strict { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if let Some(key) = keys.replace(key) {
                return Err(de::Error::custom(format_args!("the key {key:?} stands twice")));
            }
            entries.next_value_seed(inner)?;
        }
        Ok(())
    }
}
