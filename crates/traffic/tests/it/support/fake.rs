//! A runtime socket that says what it is told, whatever it is asked.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixListener,
    task::JoinHandle,
};
use traffic::haproxy::{HaproxyRouter, HaproxySettings, Socket};

use super::owner;

/// What is answered to a line of commands; nothing at all where it hangs.
pub(crate) type Says = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A socket; it ends when it is dropped.
pub(crate) struct Fake {
    path: PathBuf,
    server: JoinHandle<()>,
    _folder: TempDir,
}

impl Fake {
    /// Listens.
    pub(crate) fn start(says: Says) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the handle is aborted by drop")]
        let server = tokio::spawn(serve(listener, Arc::new(says)));
        Fake { path, server, _folder: folder }
    }

    /// Returns a router that speaks to it.
    pub(crate) fn router(&self, timeout: Duration) -> HaproxyRouter {
        HaproxyRouter::new(settings(self.path.clone(), timeout), owner("run-1")).unwrap()
    }
}

/// Returns settings with names that mean nothing.
pub(crate) fn settings(socket: PathBuf, timeout: Duration) -> HaproxySettings {
    HaproxySettings {
        socket: Socket::Unix(socket),
        map: "/traffic.map".to_owned(),
        pins: "/pins.map".to_owned(),
        canary: "canary".to_owned(),
        stable: "stable".to_owned(),
        timeout,
        lock: None,
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: UnixListener, says: Arc<Says>) {
    let mut hanging = Vec::new();
    while let Ok((stream, _)) = listener.accept().await {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        if stream.read_line(&mut line).await.is_err() {
            continue;
        }
        match says(line.trim_end()) {
            Some(answer) => {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
            None => hanging.push(stream),
        }
    }
}
