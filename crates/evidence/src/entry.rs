//! One entry of the log: a line of JSON, whose bytes without the line end are a leaf of the tree.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Envelope, Hash,
    object::{self, Object},
};

/// The longest entry, in bytes of its line without the end.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;

/// An entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its place, from 0 on.
    pub n: u64,
    /// When it was written, RFC 3339 in UTC, by the clock of whoever wrote it.
    pub at: String,
    /// What kind of entry it is.
    pub kind: Kind,
    /// What is recorded, of a record.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "object::present"
    )]
    pub name: Option<String>,
    /// What there is to say of it, of a record.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "object::present"
    )]
    pub data: Option<Box<RawValue>>,
    /// The role in which the signers speak, of a statement.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "object::present"
    )]
    pub role: Option<String>,
    /// What they signed, of a statement.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::some")]
    pub envelope: Option<Envelope>,
    /// Outputs that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "object::list")]
    pub outputs: Vec<Output>,
}

/// The kinds of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something that whoever writes the log says.
    Record,
    /// Something that somebody signed.
    Statement,
    /// The end: nothing comes after it.
    Close,
}

/// An output: a file under its digest, or under its own name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// What it is called, as `gate-g2.log`.
    pub name: String,
    /// The digest of its bytes, after redaction.
    pub sha256: Hash,
    /// How many bytes it has.
    pub bytes: u64,
    /// Where its file stands.
    #[serde(default, skip_serializing_if = "Home::is_outputs")]
    pub home: Home,
}

/// Where an output's file stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Home {
    /// In the folder of outputs, under its digest.
    #[default]
    Outputs,
    /// Beside the log, under its own name, which ends in `.json`.
    Folder,
}

impl Home {
    fn is_outputs(&self) -> bool {
        *self == Home::Outputs
    }
}

impl Output {
    /// Returns what is to be said of these bytes.
    pub fn new(name: &str, bytes: &[u8], home: Home) -> Self {
        Output { name: name.to_owned(), sha256: Hash::of(bytes), bytes: bytes.len() as u64, home }
    }
}

/// A line that is no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is too long.
    #[error("it is longer than {ENTRY_BYTES_MAX} bytes")]
    TooLong,
    /// It is not the JSON of one.
    #[error("it can't be read: {0}")]
    Json(String),
    /// Its fields do not belong to its kind.
    #[error("its fields do not belong to its kind")]
    Fields,
    /// Its time is none of RFC 3339 in UTC.
    #[error("its time {0:?} is none of RFC 3339 in UTC, as 2026-01-31T12:00:00Z")]
    Time(String),
}

impl Entry {
    /// Reads a line, without its end.
    ///
    /// # Errors
    /// Fails where it is no entry.
    pub fn read(line: &[u8]) -> Result<Self, EntryError> {
        if line.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLong);
        }
        let read = serde_json::from_slice(line);
        let Object(entry): Object<Entry> =
            read.map_err(|error| EntryError::Json(error.to_string()))?;
        entry.check()?;
        Ok(entry)
    }

    /// Checks that the fields are those of the kind, and that the time is one.
    ///
    /// # Errors
    /// Fails where they are not.
    pub fn check(&self) -> Result<(), EntryError> {
        let has = (
            self.name.is_some(),
            self.data.is_some(),
            self.role.is_some() && self.envelope.is_some(),
            self.role.is_some() || self.envelope.is_some(),
        );
        let fits = match self.kind {
            Kind::Record => has.0 && !has.3,
            Kind::Statement => !has.0 && !has.1 && has.2,
            Kind::Close => !has.0 && !has.1 && !has.3 && self.outputs.is_empty(),
        };
        if !fits {
            return Err(EntryError::Fields);
        }
        if is_time(&self.at) { Ok(()) } else { Err(EntryError::Time(self.at.clone())) }
    }
}

/// Returns whether a text is a time of RFC 3339 in UTC, in the one form that entries have: with `T`, with
/// `Z`, and with a part of a second behind a point, if any.
pub(crate) fn is_time(text: &str) -> bool {
    let Some((whole, rest)) = text.split_at_checked(19) else { return false };
    let is_form = |(byte, form): (u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte == form,
    };
    let is_fraction = match rest.strip_suffix('Z') {
        Some("") => true,
        Some(part) => part.strip_prefix('.').is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        }),
        None => false,
    };
    whole.bytes().zip(*b"0000-00-00T00:00:00").all(is_form)
        && is_fraction
        // A second 60 is one that nobody writes here, and the year 0 none of the calendar's.
        && !whole.ends_with(":60")
        && !whole.starts_with("0000")
        // By the calendar: a point in time ends some hours earlier, so that it has one in every zone.
        && whole.parse::<jiff::civil::DateTime>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_form() {
        for text in [
            "2026-11-22T05:39:59Z",
            "2026-11-22T05:39:59.123Z",
            "0001-01-01T00:00:00Z",
            "2024-02-29T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert!(is_time(text), "{text}");
        }
        for text in [
            "",
            "2026-11-22T05:39:60Z",
            "0000-01-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22t05:39:59Z",
            "2026-11-22 05:39:59Z",
            "2026-11-22T05:39:59+00:00",
            "2026-11-22T05:39:59.Z",
            "-026-11-22T05:39:59Z",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }
}
