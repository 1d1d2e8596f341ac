//! SurrealDB: the connection, migrations with their ledger, the chat's long memory, and records of
//! chains.
//!
//! The only crate that knows SurrealDB. It must not know HTTP, the broker, or what a message or a
//! record means.
//! Nothing here rests on the database's conflict detection, which 3.0.0 does not have in every case:
//! what is written goes under an id that its content decides and is read back, and what may change
//! is a fact added beside the others, of which the greatest counts.

#![recursion_limit = "256"]

mod chain;
mod chat;
mod client;
mod engine;
mod error;
mod fault;
mod link;
mod migration;
mod options;
mod owner;
pub mod probe;
mod query;
mod retry;
mod row;
mod statement;
mod status;
mod store;

pub use self::{
    chain::{ChainRecord, ChainRecords},
    chat::{
        Amended, Amendment, Chat, ChatError, Difference, GROUP_BYTES_MAX, GROUP_MESSAGES_MAX, Head,
        Member, MemberPage, Message, PAGE_MAX, Privacy, Requested, Standing, Thread, ThreadPage,
        Written,
    },
    error::{OpenError, OwnError, QueryError},
    migration::{LedgerFault, MigrationFile, checksum, files},
    options::{
        Backend, Credentials, Endpoint, EndpointError, Password, Place, PlaceError, Server,
        StoreOptions,
    },
    owner::Tenure,
    status::{Applied, LedgerState, StoreStatus},
    store::{RENEW_EVERY, Store},
};

/// The version of SurrealDB that this is written for.
pub const SURREALDB_VERSION: &str = "3.0.0";
