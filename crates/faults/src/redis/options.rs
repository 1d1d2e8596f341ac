//! How a server is set up.

use std::sync::Arc;

use super::certificates::Certificates;

/// What a server is started with.
#[derive(Clone, Default)]
pub struct ServerOptions {
    /// Whether each write is logged and synced (`appendfsync always`), so that a kill loses nothing.
    pub append_only: bool,
    /// The default user's password.
    pub password: Option<String>,
    /// Lines of an ACL file, as `user NAME on >PASSWORD …`; one more user is added for the test's
    /// own commands.
    pub acl: Option<String>,
    /// Certificates, where the port speaks TLS.
    pub tls: Option<Arc<Certificates>>,
    /// Most memory in bytes; nothing is evicted.
    pub memory_max: Option<u64>,
    /// More arguments of `redis-server`.
    pub arguments: Vec<String>,
}

impl ServerOptions {
    /// Returns the options with more arguments of `redis-server`.
    pub fn with_arguments(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        ServerOptions { arguments, ..ServerOptions::default() }
    }
}
