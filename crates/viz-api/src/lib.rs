//! The HTTP surface of the process: routes, credentials, limits, errors, and the connection that
//! becomes an event stream.
//!
//! Owns: what a request may ask and what it is answered. Must not know: how a log is kept, or how
//! frames reach many sockets.

mod app;
mod auth;
mod bootstrap;
#[cfg(feature = "websocket-echo")]
mod echo;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
#[cfg(feature = "inject")]
mod inject;
mod limits;
mod openapi;
mod publish;
mod request;
mod router;
mod routes;
mod server;
pub mod surface;
mod ws;

pub use app::AppState;
pub use bootstrap::{bootstrap, bootstrap_with};
pub use error::{ApiError, Code};
pub use openapi::OPENAPI;
pub use router::{ROUTES, RouteDoc, router};
pub use server::serve;
