//! Opening a database, its state, and closing it.

use std::{fs, io, path::Path, sync::Arc};

use tokio::time::{Duration, Instant, sleep, timeout_at};

use crate::{
    chain::ChainRecords,
    chat::Chat,
    client::Client,
    error::{OpenError, OwnError, QueryError},
    fault::Fault,
    link::Link,
    migration::{self, checksum},
    options::{Backend, StoreOptions},
    owner::{self, Tenure},
    status::{LedgerState, StoreStatus},
};

/// How often it is looked whether the engine let its folder go.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// How long opening may take at the most.
const OPEN_LONGEST: Duration = Duration::from_secs(migration::ROW_SECONDS * 2 / 3);

/// How often a place is renewed: several times while it counts.
pub const RENEW_EVERY: Duration = Duration::from_secs(owner::ROW_SECONDS / 5);

/// How long giving a place back may take.
const GIVE_BACK_LONGEST: Duration = Duration::from_secs(1);

/// What the engine makes in its folder when it opens it for the first time.
const MANIFEST: &str = "manifest";

/// How long is waited for the engine to let its folder go.
const CLOSING_LONGEST: Duration = Duration::from_secs(3);

/// An open database with all migrations.
pub struct Store {
    pub(crate) client: Arc<Client>,
}

impl Store {
    /// Opens the database: makes it where it is missing, and applies what its ledger lacks.
    ///
    /// # Errors
    /// Fails where it can't be reached or used, and on a ledger that is not this program's.
    ///
    /// # Cancel safety
    /// A migration that was begun is finished by the next call.
    pub async fn open(options: StoreOptions) -> Result<Store, OpenError> {
        // Shorter than our row in the queue of migrations counts.
        let longest = options.open_deadline.min(OPEN_LONGEST);
        if let Backend::Embedded(folder) = &options.backend {
            prepare(folder)?;
        }
        let deadline = Instant::now() + longest;
        let client = connected(options, deadline).await?;
        let mark = migration::migrate(&client, deadline).await?;
        client.expect_mark(mark);
        Ok(Store { client: Arc::new(client) })
    }

    /// Opens a database as it is: nothing is made and nothing migrated.
    ///
    /// # Errors
    /// Fails where it can't be reached or used, and with [`QueryError::Other`] where no store of ours
    /// was ever opened there.
    pub async fn attach(options: StoreOptions) -> Result<Store, OpenError> {
        must_be_there(&options.backend)?;
        let deadline = Instant::now() + options.open_deadline;
        let client = connected(options, deadline).await?;
        let mark = migration::read_mark(&client, deadline).await?;
        client.expect_mark(mark.ok_or(QueryError::Other)?);
        Ok(Store { client: Arc::new(client) })
    }

    /// Looks at a database without changing what is in it; one in a folder is not made where it is
    /// missing. The engine of one that is there keeps its files as at every start.
    ///
    /// # Errors
    /// Fails where it can't be reached or used.
    pub async fn inspect(options: StoreOptions) -> Result<StoreStatus, OpenError> {
        must_be_there(&options.backend)?;
        let deadline = Instant::now() + options.open_deadline;
        let store = Store { client: Arc::new(connected(options, deadline).await?) };
        let status = store.status().await;
        store.close().await;
        Ok(status?)
    }

    /// Returns what the database says of itself and its migrations.
    ///
    /// # Errors
    /// Fails where it has no answer.
    pub async fn status(&self) -> Result<StoreStatus, QueryError> {
        let options = &self.client.options;
        let deadline = Instant::now() + options.deadline;
        let entries = migration::read(&self.client, deadline).await?;
        if entries.is_empty() && self.client.has_mark() {
            return Err(QueryError::Other);
        }
        let link = timeout_at(deadline, self.client.link()).await;
        let late = |_| QueryError::Late { after: options.deadline };
        let link = link.map_err(late)?.map_err(unreachable)?;
        let ledger = match migration::state(&entries) {
            Ok([]) => LedgerState::Current,
            Ok(missing) => LedgerState::Behind(missing.iter().map(|file| file.name).collect()),
            Err(fault) => LedgerState::Refused(fault),
        };
        Ok(StoreStatus {
            backend: options.backend.as_str(),
            version: link.version.clone(),
            engine: engine(&options.backend),
            checksum: checksum(),
            applied: entries.into_iter().map(Into::into).collect(),
            ledger,
        })
    }

    /// Takes a place on a database that several processes can reach, and keeps to it: from now on
    /// every request fails where the place was lost. A database in this process has no other.
    ///
    /// # Errors
    /// Fails where another process is there that forbids it, or the database has no answer.
    ///
    /// # Cancel safety
    /// A row may be left behind, which counts for 15 seconds.
    pub async fn take_place(&self, name: &str, tenure: Tenure) -> Result<(), OwnError> {
        if !self.has_others() {
            return Ok(());
        }
        let deadline = Instant::now() + self.client.options.open_deadline.min(OPEN_LONGEST);
        owner::take(&self.client, name, &tenure, deadline).await
    }

    /// Renews the place; to be called every [`RENEW_EVERY`].
    ///
    /// # Errors
    /// Fails where the place was lost, or the database has no answer.
    pub async fn renew_place(&self) -> Result<(), QueryError> {
        owner::renew(&self.client).await
    }

    fn has_others(&self) -> bool {
        matches!(self.client.options.backend, Backend::Surreal(_))
    }

    /// Returns the chat's rows.
    pub fn chat(&self) -> Chat {
        Chat::new(Arc::clone(&self.client))
    }

    /// Returns the records of chains.
    pub fn chain_records(&self) -> ChainRecords {
        ChainRecords::new(Arc::clone(&self.client))
    }

    /// Returns how often a connection was made, the first one included.
    pub fn connections_made(&self) -> u64 {
        self.client.links_made()
    }

    /// Finds out within this time whether a server that does not answer is gone; then
    /// [`cut_off`](Self::cut_off) says so.
    pub async fn knock(&self, within: Duration) {
        self.client.knock(Instant::now() + within).await;
    }

    /// Returns what the connection said last, while there is none although somebody tries to make it.
    pub fn cut_off(&self) -> Option<String> {
        self.client.cut_off()
    }

    /// Takes no more calls, and waits for some seconds until the folder of an embedded database is free
    /// again. Where the engine hangs, as it may, it is free when the process ends; what was
    /// acknowledged is on disk in any case.
    pub async fn close(&self) {
        owner::give_back(&self.client, Instant::now() + GIVE_BACK_LONGEST).await;
        self.client.close().await;
        let Backend::Embedded(folder) = &self.client.options.backend else { return };
        let deadline = Instant::now() + CLOSING_LONGEST;
        while is_locked(folder) {
            if Instant::now() >= deadline {
                tracing::warn!("the engine did not let its folder go; the end of the process will");
                return;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// Makes the first connection, so that its problem is told as such.
async fn connected(options: StoreOptions, deadline: Instant) -> Result<Client, OpenError> {
    if let Backend::Embedded(folder) = &options.backend {
        check_name(folder)?;
    }
    let no_threads = |error| QueryError::Unreachable { what: format!("no threads: {error}") };
    let client = Client::new(options).map_err(no_threads)?;
    let backend = &client.options.backend;
    loop {
        let fault = match timeout_at(deadline, client.link()).await {
            Ok(Ok(link)) => {
                warn_of_version(&link);
                break;
            }
            Ok(Err(fault)) => fault,
            Err(_) => return Err(QueryError::Late { after: client.options.open_deadline }.into()),
        };
        match (backend, fault) {
            (Backend::Embedded(folder), Fault::Broken(what) | Fault::Rejected { what, .. }) => {
                let folder = folder.clone();
                return Err(match what.contains("already locked") {
                    true => OpenError::Locked { folder },
                    false => OpenError::Folder { folder, what },
                });
            }
            (_, Fault::Broken(_) | Fault::Conflict)
                if Instant::now() + BETWEEN_TRIES < deadline =>
            {
                sleep(BETWEEN_TRIES).await;
            }
            (_, fault) => return Err(unreachable(fault).into()),
        }
    }
    Ok(client)
}

/// How long to wait before the next attempt at the first connection.
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

fn unreachable(fault: Fault) -> QueryError {
    match fault {
        Fault::Broken(what) => QueryError::Unreachable { what },
        Fault::Rejected { kind, what } => QueryError::Rejected { operation: "connect", kind, what },
        Fault::Refused => QueryError::Refused,
        Fault::Other => QueryError::Other,
        Fault::Taken => QueryError::Taken,
        Fault::Conflict => QueryError::Conflict { attempts: 1 },
    }
}

fn warn_of_version(link: &Link) {
    let (found, wanted) = (&link.version, crate::SURREALDB_VERSION);
    if found != wanted {
        tracing::warn!(found, wanted, "the database has a version that this was not tried with");
    }
}

fn engine(backend: &Backend) -> Option<&'static str> {
    match backend {
        Backend::Memory => Some("memory"),
        Backend::Embedded(_) => Some("surrealkv"),
        Backend::Surreal(_) => None,
    }
}

/// Fails where a folder has no database: an engine that opens it would make one.
fn must_be_there(backend: &Backend) -> Result<(), OpenError> {
    match backend {
        Backend::Embedded(folder) if !folder.join(MANIFEST).is_dir() => {
            let what = "there is no database yet".to_owned();
            Err(OpenError::Folder { folder: folder.clone(), what })
        }
        _ => Ok(()),
    }
}

fn check_name(folder: &Path) -> Result<(), OpenError> {
    // The engine takes what stands behind a question mark for options of its own.
    if folder.to_str().is_some_and(|text| !text.contains('?') && !text.starts_with('~')) {
        return Ok(());
    }
    let what = "its name must be UTF-8 without `?`, and not begin with `~`".to_owned();
    Err(OpenError::Folder { folder: folder.to_owned(), what })
}

/// Makes a folder where it is missing, and sees that it can be written.
fn prepare(folder: &Path) -> Result<(), OpenError> {
    check_name(folder)?;
    let fault = |what: String| OpenError::Folder { folder: folder.to_owned(), what };
    fs::create_dir_all(folder).map_err(|error| fault(error.to_string()))?;
    let probe = folder.join(".tidegate-writable");
    fs::write(&probe, b"").map_err(|error| fault(error.to_string()))?;
    fs::remove_file(&probe).map_err(|error| fault(error.to_string()))
}

/// Returns whether the engine still holds its lock.
fn is_locked(folder: &Path) -> bool {
    match fs::File::open(folder.join("LOCK")) {
        Ok(file) => matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}
