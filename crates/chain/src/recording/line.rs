//! The shapes of lines as JSON.

use std::{fmt, sync::Arc};

use alloy_primitives::B256;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, value::MapAccessDeserializer},
};

use crate::{BlockRef, ChainKey, Header, Transaction};

/// Any line, as it is read: which fields there are says what it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnyLine {
    pub(super) format: Option<String>,
    pub(super) version: Option<u32>,
    pub(super) chain_key: Option<ChainKey>,
    pub(super) chain_id: Option<u64>,
    pub(super) recorded_unix_ms: Option<u64>,
    pub(super) at_ms: Option<u64>,
    pub(super) chain: Option<ChainKey>,
    pub(super) pending: Option<Arc<Transaction>>,
    pub(super) block: Option<BlockLine>,
    pub(super) rollback: Option<BlockRef>,
    pub(super) end: Option<bool>,
    pub(super) lines: Option<u64>,
}

/// A block as it is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockLine {
    pub(super) header: Header,
    pub(super) transactions: Vec<Mention>,
}

/// A transaction of a block: in full, or by hash where it stands before.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Mention {
    Hash(B256),
    Full(Arc<Transaction>),
}

impl<'de> Deserialize<'de> for Mention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Mention;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a transaction or its hash")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Mention, E> {
                text.parse().map(Mention::Hash).map_err(E::custom)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Mention, A::Error> {
                Arc::deserialize(MapAccessDeserializer::new(map)).map(Mention::Full)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A header line as it is written.
#[derive(Debug, Serialize)]
pub(super) struct HeaderOut<'a> {
    pub(super) format: &'a str,
    pub(super) version: u32,
    #[serde(flatten)]
    pub(super) header: &'a super::FeedHeader,
}

/// A line as it is written.
#[derive(Debug, Serialize)]
pub(super) struct LineOut<'a> {
    pub(super) at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chain: Option<&'a ChainKey>,
    #[serde(flatten)]
    pub(super) event: EventOut<'a>,
}

/// What a line says, under its name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EventOut<'a> {
    Pending(&'a Transaction),
    Block(BlockOut<'a>),
    Rollback(BlockRef),
}

/// A block as it is written.
#[derive(Debug, Serialize)]
pub(super) struct BlockOut<'a> {
    pub(super) header: &'a Header,
    pub(super) transactions: Vec<Mention>,
}

/// The last line as it is written.
#[derive(Debug, Serialize)]
pub(super) struct EndOut {
    pub(super) end: bool,
    pub(super) lines: u64,
}
