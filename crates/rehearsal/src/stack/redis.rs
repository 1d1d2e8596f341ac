//! Redis: one server that logs each write before it answers, so that a kill loses nothing.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    begin::Begin,
    peer::{Kind, Peer},
};
use crate::{
    StackError,
    program::{find, version_of},
};

const ANSWER: Duration = Duration::from_secs(1);

/// The Redis of a stack.
#[derive(Debug)]
pub(super) struct Redis {
    pub(super) peer: Peer<Server>,
    pub(super) version: String,
}

#[derive(Debug)]
pub(super) struct Server {
    program: PathBuf,
    folder: PathBuf,
}

impl Redis {
    pub(super) async fn start(program: &Path, begin: &Begin) -> Result<Self, StackError> {
        let program = find(program, "install the package `redis-server`")?;
        let folder = begin.folder("redis")?;
        let version = version_of(&program, "--version");
        let peer = Peer::start(Server { program, folder }, begin).await?;
        Ok(Redis { peer, version })
    }

    /// Returns where replicas find it.
    pub(super) fn url(&self) -> String {
        format!("redis://{}/", self.peer.address())
    }

    /// Returns whether it answers there.
    pub(super) async fn answers(&self) -> bool {
        answers(self.peer.address()).await
    }

    /// Tells replicas where it is, where they were not told otherwise.
    pub(super) fn settings(&self, settings: &mut BTreeMap<String, String>) {
        settings.entry("REDIS_URL".to_owned()).or_insert_with(|| self.url());
    }
}

impl Kind for Server {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn command(&self, at: SocketAddr) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--bind", &at.ip().to_string(), "--port", &at.port().to_string()]);
        command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        command.arg("--dir").arg(&self.folder).env_clear();
        command
    }

    async fn is_ready(&self, at: SocketAddr) -> bool {
        answers(at).await
    }
}

async fn answers(at: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    matches!(timeout(ANSWER, ask).await, Ok(Ok(answer)) if &answer == b"+PONG\r\n")
}
