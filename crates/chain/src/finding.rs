//! What was computed of what was found out: kept, numbered and shown as facts are.
//!
//! It changes nothing of what is known of a chain. Must not know: how it was computed; its text is
//! that of whoever did.

use std::{fmt, sync::Arc};

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// Something that was computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// The transaction that it is about, or the name of an opportunity.
    pub of: B256,
    /// The number of the fact that it was computed for, among those of its chain.
    pub cause: u64,
    /// What it comes to, in a word: the category of a transaction, or the status of a simulation.
    pub label: String,
    /// What it is worth in wei, where that is known.
    pub value: Option<U256>,
    /// All of it, with the version of what computed it.
    pub body: Json,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FindingKind {
    /// What a transaction asks for.
    Feature,
    /// An opportunity that nothing has confirmed yet.
    Candidate,
    /// An opportunity that a simulation confirmed.
    Confirmed,
    /// An opportunity that a simulation refuted.
    Refuted,
    /// An opportunity of a state that is not the last one any more.
    Stale,
    /// What a transaction would do.
    Simulation,
}

impl FindingKind {
    /// Returns whether it is about an opportunity.
    pub const fn is_opportunity(self) -> bool {
        !matches!(self, FindingKind::Feature | FindingKind::Simulation)
    }
}

/// A text that is JSON, and shared.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// Returns a value as JSON.
    ///
    /// # Errors
    /// Fails where the value can't be written, such as a map whose keys are no texts.
    pub fn of(value: &impl Serialize) -> Result<Json, serde_json::Error> {
        Ok(Json(serde_json::to_string(value)?.into()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Json {
    /// Writes what it says where that is JSON too, and a text elsewhere.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_str(&self.0);
        }
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = if deserializer.is_human_readable() {
            Box::<RawValue>::deserialize(deserializer)?.get().to_owned()
        } else {
            let text = String::deserialize(deserializer)?;
            serde_json::from_str::<&RawValue>(&text).map_err(de::Error::custom)?;
            text
        };
        Ok(Json(text.into()))
    }
}
