//! SurrealDB: none, one inside each replica, or one server.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, process::Command};

use data_encoding::HEXLOWER;
use serde::Serialize;

use super::{
    begin::Begin,
    peer::{Kind, Peer},
};
use crate::{
    StackError,
    http::{Ask, Http},
    program::{find, version_of},
};

const USER: &str = "rehearsal";

/// What keeps chat's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Database {
    /// Nothing but memory: what a server without chat needs.
    #[default]
    None,
    /// One inside each replica, in its folder: one replica alone may serve chat.
    Embedded,
    /// One server for all replicas.
    Server {
        /// The program `surreal`, by name or path.
        program: PathBuf,
    },
}

/// A server of a stack.
pub(super) struct SurrealDb {
    pub(super) peer: Peer<Server>,
    pub(super) version: String,
    password: String,
}

pub(super) struct Server {
    program: PathBuf,
    folder: PathBuf,
    password: String,
    http: Http,
}

impl Database {
    /// Tells replicas where the database is, where they were not told otherwise.
    pub(super) fn settings(
        &self,
        server: Option<&SurrealDb>,
        has_redis: bool,
        settings: &mut BTreeMap<String, String>,
    ) {
        let mut set = |name: &str, value: &str| {
            settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        };
        match self {
            Database::None => set("DATA_BACKEND", "memory"),
            Database::Embedded => set("DATA_BACKEND", "embedded"),
            Database::Server { .. } => {
                set("DATA_BACKEND", "surreal");
                if has_redis {
                    set("CHAT_REALTIME_TRANSPORT", "redis");
                }
            }
        }
        if let Some(server) = server {
            set("SURREAL_ENDPOINT", &format!("ws://{}", server.peer.address()));
            set("SURREAL_USER", USER);
            set("SURREAL_PASS", &server.password);
        }
    }

    /// Returns what it is called.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Database::None => "none",
            Database::Embedded => "embedded",
            Database::Server { .. } => "server",
        }
    }
}

impl SurrealDb {
    pub(super) async fn start(
        database: &Database,
        begin: &Begin,
    ) -> Result<Option<Self>, StackError> {
        let Database::Server { program } = database else { return Ok(None) };
        let remedy =
            "name the program `surreal` of SurrealDB 3.0.0, or rehearse with the embedded one";
        let program = find(program, remedy)?;
        let folder = begin.folder("surreal")?;
        let version = version_of(&program, "version");
        let password = HEXLOWER.encode(&rand::random::<[u8; 16]>());
        let server =
            Server { program, folder, password: password.clone(), http: begin.http.clone() };
        let peer = Peer::start(server, begin).await?;
        Ok(Some(SurrealDb { peer, version, password }))
    }
}

impl Kind for Server {
    fn name(&self) -> &'static str {
        "surreal"
    }

    fn command(&self, at: SocketAddr) -> Command {
        let mut command = Command::new(&self.program);
        // What is on a command line can be seen by everybody on the machine.
        command.env_clear().env("SURREAL_USER", USER).env("SURREAL_PASS", &self.password);
        command.args(["start", "--no-banner", "--bind", &at.to_string(), "--log", "warn"]);
        command.arg(format!("surrealkv://{}", self.folder.join("rows").display()));
        command.current_dir(&self.folder);
        command
    }

    async fn is_ready(&self, at: SocketAddr) -> bool {
        let answer = self.http.ask(at, Ask::get("/health", None)).await;
        answer.is_ok_and(|answer| answer.status == 200)
    }
}

impl fmt::Debug for SurrealDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SurrealDb").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("program", &self.program).finish_non_exhaustive()
    }
}
