//! What several proofs use: clocks and epochs as data, and a memory backend with its folder.

pub(crate) mod clock;
pub(crate) mod events;
pub(crate) mod live;
pub(crate) mod load;
pub(crate) mod logs;
pub(crate) mod memory;
pub(crate) mod outage;
pub(crate) mod reader;
pub(crate) mod redis;
pub(crate) mod redis_cluster;
pub(crate) mod replica;
pub(crate) mod story;
pub(crate) mod switchable;
pub(crate) mod writer;
