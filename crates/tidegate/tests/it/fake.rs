//! A tiny server that keeps the contract, and breaks it in exactly the way it is told.

mod feed;
mod http;
mod log;
mod web;

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::Duration,
};

pub(crate) use self::log::{Fault, Log, place};

const STEP: Duration = Duration::from_secs(10);

/// The server; it can be stopped and started again on its port.
pub(crate) struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What all connections share.
pub(crate) struct Shared {
    state: Mutex<Log>,
    changed: Condvar,
}

impl Fake {
    /// Starts a server with this log and its faults.
    pub(crate) fn start(log: Log) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Shared { state: Mutex::new(log), changed: Condvar::new() };
        let fake = Fake { address: listener.local_addr().unwrap(), shared: Arc::new(shared) };
        fake.accept(listener);
        fake
    }

    /// Returns the arguments with which a client finds it.
    pub(crate) fn client(&self) -> [String; 4] {
        ["--url".into(), format!("http://{}", self.address), "--key".into(), "a-key".into()]
    }

    /// Returns the log.
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.shared.state.lock().unwrap()
    }

    /// Publishes by the back door.
    pub(crate) fn publish(&self, count: usize) {
        let mut log = self.log();
        for _ in 0..count {
            log.append("a.b", "{}");
        }
        self.shared.changed.notify_all();
    }

    /// Closes every stream and the port.
    pub(crate) fn stop(&self) {
        self.log().life += 1;
        self.shared.changed.notify_all();
        // Wakes the thread that waits for connections; it sees that its life is over.
        let _refused = TcpStream::connect(self.address);
        self.wait_until(|_| TcpStream::connect(self.address).is_err());
    }

    /// Opens the port again.
    pub(crate) fn start_again(&self) {
        self.accept(TcpListener::bind(self.address).unwrap());
    }

    /// Waits until the log is in a state.
    pub(crate) fn wait_until(&self, there: impl Fn(&Log) -> bool) {
        let mut log = self.log();
        while !there(&log) {
            let (next, timed_out) =
                self.shared.changed.wait_timeout(log, Duration::from_millis(20)).unwrap();
            log = next;
            log.waited += u32::from(timed_out.timed_out());
            assert!(log.waited < 3000, "the server never got there");
        }
    }

    fn accept(&self, listener: TcpListener) {
        let (shared, life) = (Arc::clone(&self.shared), self.log().life);
        thread::spawn(move || {
            for socket in listener.incoming() {
                if shared.state.lock().unwrap().life != life {
                    return;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(&shared, &socket?, life));
            }
        });
    }
}

/// Serves one connection until it ends or the server does.
fn serve(shared: &Shared, socket: &TcpStream, life: u32) -> io::Result<()> {
    socket.set_read_timeout(Some(STEP))?;
    loop {
        let request = http::read(socket)?;
        let mut log = shared.state.lock().unwrap();
        if log.life != life {
            return Ok(());
        }
        log.heads.push(request.head.clone());
        let answer = match request.target() {
            ("GET", "/api/stream") => {
                drop(log);
                return http::stream(shared, socket, &request, life);
            }
            ("GET", "/api/ws") => {
                drop(log);
                return web::serve(shared, socket, &request, life);
            }
            ("POST", "/api/events") => {
                let key = request.header("idempotency-key").unwrap_or_default();
                log.publish(&key, &request.body)
            }
            ("GET", "/api/admin/ledger") => log.ledger(),
            _ => {
                Some((404, r#"{"error":{"code":"not_found","message":"","request_id":""}}"#.into()))
            }
        };
        drop(log);
        shared.changed.notify_all();
        let Some((status, body)) = answer else { return Ok(()) };
        http::answer(socket, status, &body)?;
    }
}
