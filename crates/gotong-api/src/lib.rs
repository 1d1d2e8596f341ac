//! Chat threads: who may do what in them, in what order messages are, and the routes.
//!
//! Owns: the rules of chat, the number of every message, what is acknowledged and shown. The broker's
//! log of a thread gives the number, and the database keeps the message; nothing is acknowledged or
//! shown before it was read back from there. Must not know: how a log or a row is kept, or how frames
//! reach sockets.

mod chain_sink;
mod chat;
pub mod domain;
mod error;
mod health;
mod log_place;
pub mod order;
mod passes;
mod routes;
mod service;
mod standings;
mod store_settings;
mod surface;

pub use self::{
    chat::{Chat, log_options},
    log_place::LogPlace,
    routes::{CHAT_ROUTES, ChatRoute},
    store_settings::{store_options, store_place},
};

use std::{process::ExitCode, sync::Arc};

use node_runtime::{Settings, State};
use viz_api::surface::{Beside, MakeAnnex, Surface};

/// Runs a server with chat until it is told to end; returns the process's exit code.
pub async fn bootstrap(settings: Settings) -> ExitCode {
    viz_api::bootstrap_with(settings, Beside { surface: Some(make), annex: None }).await
}

/// The same, with routes beside it.
pub async fn bootstrap_with(settings: Settings, annex: MakeAnnex) -> ExitCode {
    viz_api::bootstrap_with(settings, Beside { surface: Some(make), annex: Some(annex) }).await
}

fn make(state: &Arc<State>) -> Arc<dyn Surface> {
    Arc::new(Chat::new(Arc::clone(state)))
}
