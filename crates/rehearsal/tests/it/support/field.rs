//! A stack and a load on it, with the server's real binary.

use std::{env, path::PathBuf};

use rehearsal::{
    Crowd, Keys, Load, LoadSettings, RouterFiles, ServerProgram, Stack, StackError, StackSettings,
};
use tempfile::TempDir;

use super::until;

/// Where the binary is, if not beside the test.
const SERVER: &str = "REHEARSAL_SERVER";
const CHAT_SERVER: &str = "REHEARSAL_CHAT_SERVER";

const CROWD: Crowd = Crowd { readers: 20, publishers: 3, members: 4 };

/// Returns the server without chat.
pub(crate) fn server() -> ServerProgram {
    program(SERVER, "viz-api")
}

/// Returns one with chat.
pub(crate) fn chat_server() -> ServerProgram {
    program(CHAT_SERVER, "gotong-api")
}

fn program(variable: &str, name: &str) -> ServerProgram {
    let beside = || {
        let test = env::current_exe().expect("this is a program");
        let folder = test.ancestors().nth(2).expect("it lies in target/PROFILE/deps");
        folder.join(name)
    };
    let named = env::var_os(variable).filter(|path| !path.is_empty());
    let path = named.map_or_else(beside, PathBuf::from);
    assert!(
        path.is_file(),
        "{} is not there: `cargo build -p {name}`, or name a server in {variable}",
        path.display()
    );
    ServerProgram::new(path)
}

/// A stack in a folder of its own.
pub(crate) struct Field {
    pub(crate) stack: Stack,
    pub(crate) keys: Keys,
    _folder: TempDir,
}

impl Field {
    /// Starts two replicas with one Redis.
    pub(crate) async fn start() -> Self {
        Field::start_with(server(), |settings| {
            settings.settings.insert("REALTIME_BACKEND".into(), "redis".into());
        })
        .await
        .unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn start_with(
        server: ServerProgram,
        change: impl FnOnce(&mut StackSettings),
    ) -> Result<Self, StackError> {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let keys = Keys::draw("org_rehearsal", CROWD);
        let mut settings = StackSettings::new(folder.path(), server);
        settings.settings.insert("TIDEGATE_KEYS".into(), keys.setting());
        change(&mut settings);
        let stack = Stack::start(settings, RouterFiles::haproxy).await?;
        Ok(Field { stack, keys, _folder: folder })
    }

    pub(crate) fn load_settings(&self) -> LoadSettings {
        let settings = LoadSettings::new(self.stack.address(), self.keys.clone());
        LoadSettings { events_per_second: 40.0, pairs_per_second: 20.0, ..settings }
    }

    pub(crate) async fn load(&self) -> Load {
        Load::start(self.load_settings()).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Waits until so many more events were acknowledged.
pub(crate) async fn more(load: &Load, count: u64) {
    let before = load.ledger().acknowledged;
    until("more events", || load.ledger().acknowledged >= before + count).await;
}
