//! A real Redis for the servers of a test, driven without async.

use std::net::SocketAddr;

use faults::{RedisServer, ServerOptions};
use redis::{Cmd, FromRedisValue};
use tokio::runtime::{Builder, Runtime};

use super::server::Plan;

/// A Redis; it ends with its test.
pub(crate) struct Redis {
    runtime: Runtime,
    server: RedisServer,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Redis::start_with(ServerOptions::default())
    }

    pub(crate) fn start_with(options: ServerOptions) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the system gives a poller");
        let server = runtime.block_on(RedisServer::start_with(options));
        Redis { runtime, server }
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the plan of a replica that keeps its log here.
    pub(crate) fn plan(&self) -> Plan {
        Plan::with_keys().set("REALTIME_BACKEND", "redis").set("REDIS_URL", self.server.url())
    }

    /// Returns the plan of one that serves nothing without it.
    pub(crate) fn strict_plan(&self) -> Plan {
        self.plan().set("REALTIME_ENFORCE_REDIS", "true")
    }

    /// Kills it; what it had not saved is lost.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again, with what it had saved.
    pub(crate) fn run(&mut self) {
        self.runtime.block_on(self.server.run());
    }

    /// Throws away what it had saved.
    pub(crate) fn forget(&self) {
        self.server.forget();
    }

    /// Ends it with what it has in its folder.
    pub(crate) fn shut_down(&mut self) {
        self.runtime.block_on(self.server.shut_down());
    }

    /// Stops its process without ending it.
    pub(crate) fn pause(&self) {
        self.server.pause();
    }

    /// Lets its process go on.
    pub(crate) fn go_on(&self) {
        self.server.go_on();
    }

    /// Sends a command as another client would.
    pub(crate) fn command<T: FromRedisValue>(&self, command: &mut Cmd) -> T {
        self.runtime.block_on(self.server.command(command))
    }
}
