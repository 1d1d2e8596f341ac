//! What another surface of the same process adds to this one, and what it gets from it: who a caller
//! is, how errors are written, and how a connection becomes a stream.
//!
//! This crate knows no other surface: it knows that threads can be admitted to and sent to, and that
//! there may be a database.

use std::{borrow::Cow, fmt, sync::Arc};

use axum::Router;
use broker::BoxFuture;
use delivery::Pass;
use node_runtime::Running;
use serde_json::Value;

use crate::{AppState, error::ApiError};
pub use crate::{
    auth::Caller,
    limits::{InFlight, Turn},
    request::{json, query_value},
    routes::{
        events::{idempotency_key, read_json},
        stream::{StreamPlan, connect_result, open_stream, place_in, reader},
        ws::open_thread_socket,
    },
};

/// Another surface of the same process.
pub trait Surface: Send + Sync + fmt::Debug {
    /// Its routes.
    fn routes(&self) -> Router<Arc<AppState>>;

    /// Its part of the OpenAPI document: `tags`, `paths` and `components`. A component that this crate
    /// has too is the surface's; a path of this crate is not.
    fn document(&self) -> &'static str;

    /// Opens what it needs, before anybody is served.
    ///
    /// # Errors
    /// Fails with what to say and the process's exit code; nothing keeps running then.
    fn start<'a>(&'a self, running: &'a Running) -> BoxFuture<'a, Result<(), SurfaceError>>;

    /// Closes what it has, after all tasks have ended.
    fn stop(&self) -> BoxFuture<'_, ()>;

    /// Decides whether a caller may read a thread; the pass is taken when that changes.
    fn admit<'a>(
        &'a self,
        caller: &'a Caller,
        thread: &'a str,
    ) -> BoxFuture<'a, Result<Arc<Pass>, ApiError>>;

    /// Sends a message.
    fn send<'a>(
        &'a self,
        caller: &'a Caller,
        thread: &'a str,
        sending: Sending<'a>,
    ) -> BoxFuture<'a, Result<Sent, ApiError>>;

    /// Looks at the database, or at what was found a moment ago; answers within a second, whatever it
    /// does.
    fn database(&self) -> BoxFuture<'_, DatabaseCheck>;
}

/// Routes of the process beside all others, on which nothing else depends.
pub trait Annex: Send + Sync + fmt::Debug {
    /// Its routes.
    fn routes(&self) -> Router<Arc<AppState>>;

    /// Its part of the OpenAPI document, as a [`Surface`] has one.
    fn document(&self) -> &'static str;
}

/// A message on its way, as its sender wrote it.
#[derive(Clone, Debug)]
pub struct Sending<'a> {
    /// What it says.
    pub body: Cow<'a, str>,
    /// What makes another attempt harmless.
    pub request_id: Option<Cow<'a, str>>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its identity.
    pub message_id: String,
    /// Its number in the thread.
    pub seq: u64,
    /// Its place in the thread's stream.
    pub cursor: String,
}

/// What health says of the database.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseCheck {
    /// Whether it serves.
    pub is_healthy: bool,
    /// Why the process should be sent nothing, in words that anybody may read.
    pub refusal: Option<&'static str>,
    /// The check, as it is shown.
    pub shown: Value,
}

/// Why a surface could not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SurfaceError {
    /// What is wrong, for the log.
    pub what: String,
    /// 64 for a setting or a folder, 69 for what is not to be had.
    pub exit_code: u8,
}

/// Makes a surface of a process; it opens nothing and starts nothing.
pub type MakeSurface = fn(&Arc<node_runtime::State>) -> Arc<dyn Surface>;

/// Makes an annex, where the settings have it; it opens nothing and starts nothing.
pub type MakeAnnex = fn(&Arc<node_runtime::State>) -> Option<Arc<dyn Annex>>;

/// What a process has beside this crate's routes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside {
    /// Another surface.
    pub surface: Option<MakeSurface>,
    /// Routes on which nothing else depends.
    pub annex: Option<MakeAnnex>,
}
