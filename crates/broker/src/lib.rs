//! The log of every stream: append, attach, page, and the backends behind them.
//!
//! Owns: the order of events, what a cursor means, what was acknowledged. A backend implements
//! [`Broker`]; [`Attachment`] joins replay and live for all of them, and the conformance suite
//! (feature `conformance`) holds them all to the same promises.
//! Must not know: HTTP, or any client's socket.

mod append;
mod attach;
mod broker;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod holes;
pub mod join;
mod lineage_text;
pub mod live;
pub mod memory;
mod number_text;
mod page;
pub mod redis;
mod standing;
mod trunk;
mod watch;

pub use append::{Append, AppendError, Appended, Fingerprint, IdempotencyKey, NewEvent, Receipt};
pub use attach::{AttachError, Attachment, Item, Opening};
pub use broker::{BoxFuture, Broker, BrokerHealth, HealthState};
pub use clock::SystemClock;
pub use live::{LiveBroker, LiveOptions};
pub use memory::MemoryBroker;
pub use page::{Events, Page, PageLimit, ReadError};
pub use redis::{Notice, Notices, RedisAddressError, RedisBroker, RedisIdentity, RedisOptions};
pub use trunk::{ReplicaBroker, ReplicaOptions, ReplicaStartError};
pub use watch::{Wake, Watch};
