//! A TCP proxy on loopback that harms what goes through it.
//!
//! The toxics have the names and attributes of Toxiproxy's. Owns: the port, which stays ours while
//! the proxy is down, and one task with all connections; it ends with the handle.

mod connection;
mod pipe;
mod plan;
mod toxic;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
};

pub use self::toxic::{Direction, Toxic};
use self::{connection::serve, toxic::Toxics};

/// How many connections wait to be accepted.
const BACKLOG: u32 = 1024;

/// A proxy between clients and one server.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Bound and never listening: nobody else is given the port while the proxy is down.
    _port: TcpSocket,
    _task: JoinSet<()>,
}

struct Shared {
    upstream: Mutex<SocketAddr>,
    toxics: watch::Sender<Toxics>,
    enabled: watch::Sender<bool>,
    /// What the task made of `enabled`.
    is_up: watch::Sender<bool>,
    connections: watch::Sender<usize>,
}

impl Proxy {
    /// Starts a proxy to a server, on a free port, without toxics.
    ///
    /// # Panics
    /// Panics where loopback has no free port.
    pub async fn start(upstream: SocketAddr) -> Self {
        let port = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let address = port.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream),
            toxics: watch::Sender::default(),
            enabled: watch::Sender::new(true),
            is_up: watch::Sender::new(false),
            connections: watch::Sender::new(0),
        });
        let mut task = JoinSet::new();
        let running = Arc::clone(&shared);
        task.spawn(async move { running.run(address).await });
        let proxy = Proxy { address, shared, _port: port, _task: task };
        proxy.settled(true).await;
        proxy
    }

    /// Returns where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many connections are open.
    pub fn connections(&self) -> usize {
        *self.shared.connections.borrow()
    }

    /// Waits until this many connections are open.
    pub async fn wait_for_connections(&self, count: usize) {
        let mut connections = self.shared.connections.subscribe();
        let _ = connections.wait_for(|&now| now == count).await;
    }

    /// Sends connections from now on to another server.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        *self.shared.upstream.lock() = upstream;
    }

    /// Adds a toxic, or changes the one that has this name, on open connections too.
    pub fn set(&self, name: &str, direction: Direction, toxic: Toxic) {
        self.set_for_some(name, direction, toxic, 1.0);
    }

    /// As [`set`](Self::set), on each connection with a probability of `toxicity`.
    pub fn set_for_some(&self, name: &str, direction: Direction, toxic: Toxic, toxicity: f64) {
        self.shared.toxics.send_modify(|toxics| toxics.set(name, direction, toxic, toxicity));
    }

    /// Removes a toxic; where there is none of this name nothing happens.
    pub fn remove(&self, name: &str) {
        self.shared.toxics.send_modify(|toxics| toxics.remove(name));
    }

    /// Removes all toxics.
    pub fn heal(&self) {
        self.shared.toxics.send_modify(Toxics::clear);
    }

    /// Takes it down: open connections are cut and new ones refused.
    pub async fn disable(&self) {
        self.shared.enabled.send_replace(false);
        self.settled(false).await;
    }

    /// Brings it up again, at the same address.
    pub async fn enable(&self) {
        self.shared.enabled.send_replace(true);
        self.settled(true).await;
    }

    async fn settled(&self, up: bool) {
        let mut is_up = self.shared.is_up.subscribe();
        is_up.wait_for(|&now| now == up).await.expect("the proxy's task runs as long as the proxy");
    }
}

impl Shared {
    async fn run(self: Arc<Self>, address: SocketAddr) {
        let mut enabled = self.enabled.subscribe();
        while enabled.wait_for(|&enabled| enabled).await.is_ok() {
            let listener = bound(address).listen(BACKLOG).expect("the port is ours");
            self.is_up.send_replace(true);
            self.accept(&listener, &mut enabled).await;
            drop(listener);
            self.connections.send_replace(0);
            self.is_up.send_replace(false);
        }
    }

    /// Serves connections until the proxy is taken down; that cuts them.
    async fn accept(&self, listener: &TcpListener, enabled: &mut watch::Receiver<bool>) {
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                _ = enabled.wait_for(|&enabled| !enabled) => break,
                Some(_) = open.join_next() => {}
                Ok((client, _)) = listener.accept() => {
                    let (upstream, toxics) = (*self.upstream.lock(), self.toxics.subscribe());
                    open.spawn(async move {
                        // A server that can't be reached: the client's connection ends.
                        if let Ok(server) = TcpStream::connect(upstream).await {
                            serve(client, server, toxics).await;
                        }
                    });
                }
            }
            self.connections.send_replace(open.len());
        }
        open.shutdown().await;
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    // Two sockets of ours share the port; only one of them ever listens.
    socket.set_reuseaddr(true).expect("a new socket takes it");
    socket.bind(address).expect("the port is free, or ours");
    socket
}
