//! How the feed of a chain stands, as routes show it.

use alloy_primitives::B256;
use serde::Serialize;

use crate::{BlockRef, ChainKey};

/// What a feed is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedState {
    /// It was not begun yet.
    #[default]
    Booting,
    /// It connects to an endpoint.
    Connecting,
    /// The endpoint tells of heads, and none has come yet.
    Subscribed,
    /// Blocks or transactions come.
    Active,
    /// Nothing came for too long; another endpoint is next.
    SilentTimeout,
    /// The endpoint failed; `last_error` says how.
    Error,
    /// It moves to another endpoint.
    Rotating,
    /// No endpoint can be reached, or the feed has ended.
    Disconnected,
}

impl FeedState {
    /// All of them.
    pub const ALL: [FeedState; 8] = [
        FeedState::Booting,
        FeedState::Connecting,
        FeedState::Subscribed,
        FeedState::Active,
        FeedState::SilentTimeout,
        FeedState::Error,
        FeedState::Rotating,
        FeedState::Disconnected,
    ];

    /// Returns the word that routes and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            FeedState::Booting => "booting",
            FeedState::Connecting => "connecting",
            FeedState::Subscribed => "subscribed",
            FeedState::Active => "active",
            FeedState::SilentTimeout => "silent_timeout",
            FeedState::Error => "error",
            FeedState::Rotating => "rotating",
            FeedState::Disconnected => "disconnected",
        }
    }

    /// Returns whether what is known of the chain is being kept up to date.
    pub const fn serves(self) -> bool {
        matches!(self, FeedState::Subscribed | FeedState::Active)
    }
}

/// How the feed of a chain stands. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainStatus {
    /// Which chain.
    pub chain_key: ChainKey,
    /// Its id by EIP-155, where it is known.
    pub chain_id: Option<u64>,
    /// What the settings call where it comes from.
    pub source_id: String,
    /// What the feed is doing.
    pub state: FeedState,
    /// Which endpoint it is with, from 0.
    pub endpoint_index: usize,
    /// How many there are.
    pub endpoint_count: usize,
    /// The endpoint's scheme, host and port: what else its address has may be a secret.
    pub endpoint: Option<String>,
    /// The height of the canonical head.
    pub head_number: Option<u64>,
    /// The canonical head.
    pub head_hash: Option<B256>,
    /// When a pending transaction was last heard of.
    pub last_pending_unix_ms: Option<u64>,
    /// For how long nothing came, in milliseconds.
    pub silent_for_ms: Option<u64>,
    /// When this was so.
    pub updated_unix_ms: u64,
    /// What last went wrong, without anything secret.
    pub last_error: Option<String>,
    /// How often it moved to another endpoint.
    pub rotation_count: u64,
    /// The last block that was known before the chain was followed anew; none once enough blocks
    /// stand on what was found then. What was included before and is not final is not followed.
    pub broken_below: Option<BlockRef>,
    /// The height of the head from which on that is told no more.
    #[serde(skip)]
    whole_at: Option<u64>,
    /// How often an endpoint's fork below what is known was not believed: others have what is known,
    /// or none of them could be asked.
    pub fork_refused_count: u64,
}

impl ChainStatus {
    /// Returns the status of a feed that was not begun yet.
    pub fn booting(chain_key: ChainKey, source_id: String, endpoint_count: usize) -> Self {
        ChainStatus {
            chain_key,
            chain_id: None,
            source_id,
            state: FeedState::Booting,
            endpoint_index: 0,
            endpoint_count,
            endpoint: None,
            head_number: None,
            head_hash: None,
            last_pending_unix_ms: None,
            silent_for_ms: None,
            updated_unix_ms: 0,
            last_error: None,
            rotation_count: 0,
            broken_below: None,
            whole_at: None,
            fork_refused_count: 0,
        }
    }

    /// Notes the canonical head; a chain that was broken is whole again once it is high enough.
    pub fn note_head(&mut self, head: BlockRef) {
        (self.head_number, self.head_hash) = (Some(head.number), Some(head.hash));
        if self.whole_at.is_some_and(|whole_at| head.number >= whole_at) {
            (self.broken_below, self.whole_at) = (None, None);
        }
    }

    /// Notes that the chain is followed anew at this head, which `last`, the last known block, does
    /// not lead to. It counts as broken until `final_depth` blocks stand on the head.
    pub fn note_break(&mut self, last: BlockRef, head: BlockRef, final_depth: u64) {
        self.broken_below = Some(last);
        self.whole_at = Some(head.number.saturating_add(final_depth));
        self.note_head(head);
    }
}
