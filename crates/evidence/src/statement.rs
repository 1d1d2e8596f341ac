//! in-toto statements, version 1: what is said of which things.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    DsseError, Envelope, Hash, IN_TOTO_PAYLOAD_TYPE, Predicate, PredicateError, Signer,
    object::{self, Object},
};

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
    #[serde(deserialize_with = "object::list")]
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

/// An envelope that holds no statement which is understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Its payload is not base64.
    #[error("its payload is not base64")]
    Payload,
    /// It is of another type.
    #[error("it is of the type {0:?}")]
    Type(String),
    /// It is not the JSON of one.
    #[error("{0}")]
    Json(String),
    /// It is about nothing.
    #[error("it has no subject with a digest")]
    Subject,
    /// What it says is not understood.
    #[error(transparent)]
    Predicate(#[from] PredicateError),
}

impl Statement {
    /// Returns the statement in an envelope and what it says. Who signed it is not looked at.
    ///
    /// # Errors
    /// Fails where it is no in-toto statement about something, or says nothing that is understood.
    pub fn read(envelope: &Envelope) -> Result<(Self, Predicate), StatementError> {
        let payload = envelope.payload().map_err(|_: DsseError| StatementError::Payload)?;
        if envelope.payload_type() != IN_TOTO_PAYLOAD_TYPE {
            return Err(StatementError::Type(envelope.payload_type().to_owned()));
        }
        let Object(statement): Object<Statement> = serde_json::from_slice(&payload)
            .map_err(|error| StatementError::Json(error.to_string()))?;
        if statement.statement_type != STATEMENT_TYPE {
            return Err(StatementError::Type(statement.statement_type));
        }
        let is_bare = |resource: &Resource| resource.digest.is_empty();
        if statement.subject.is_empty() || statement.subject.iter().any(is_bare) {
            return Err(StatementError::Subject);
        }
        let predicate = Predicate::of(&statement)?;
        Ok((statement, predicate))
    }

    /// Returns the statement in an envelope that a key signed.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub fn signed(&self, signer: &Signer) -> Result<Envelope, serde_json::Error> {
        let envelope = self.unsigned()?;
        Ok(envelope.signed(signer).expect("the payload was encoded just now"))
    }

    /// Returns the statement in an envelope that nobody has signed yet.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub fn unsigned(&self) -> Result<Envelope, serde_json::Error> {
        Ok(Envelope::new(IN_TOTO_PAYLOAD_TYPE, &serde_json::to_vec(self)?))
    }
}

impl Resource {
    /// Returns a thing with a SHA-256 digest.
    pub fn of_sha256(name: &str, digest: Hash) -> Self {
        let digest = BTreeMap::from([("sha256".to_owned(), digest.to_string())]);
        Resource { name: Some(name.to_owned()), uri: None, digest }
    }

    /// Returns its SHA-256 digest, where it has one that can be one.
    pub fn sha256(&self) -> Option<Hash> {
        self.digest.get("sha256")?.parse().ok()
    }

    /// Returns whether it has this SHA-256 digest.
    pub fn is_sha256(&self, digest: Hash) -> bool {
        self.digest.get("sha256").is_some_and(|text| *text == digest.to_string())
    }
}
