//! in-toto statements, version 1: what is said of which things.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Hash;

/// The type of statements of this version.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// A statement; what it says is in the predicate. Unknown fields are passed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// Always [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The things, by their digests.
    pub subject: Vec<Resource>,
    /// What kind of predicate it is.
    pub predicate_type: String,
    /// What is said.
    pub predicate: Box<RawValue>,
}

/// A thing, by name and digest (ResourceDescriptor).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Its digests in hexadecimal digits, by algorithm.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
}

impl Resource {
    /// Returns a thing with a SHA-256 digest.
    pub fn sha256(name: &str, digest: Hash) -> Self {
        let digest = BTreeMap::from([("sha256".to_owned(), digest.to_string())]);
        Resource { name: Some(name.to_owned()), uri: None, digest }
    }

    /// Returns whether it has this SHA-256 digest.
    pub fn is_sha256(&self, digest: Hash) -> bool {
        self.digest.get("sha256").is_some_and(|text| *text == digest.to_string())
    }
}
