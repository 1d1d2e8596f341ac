//! From a builder to a process that runs. The order: folder, address, backend, log, key, delivery;
//! then the folder is taken over, after which nothing can fail; housekeeping.
//!
//! With the Redis backend the windows in the folder are given to Redis, and removed once it has them.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
};

use broker::{
    MemoryBroker, ReplicaBroker, ReplicaStartError,
    live::{ReplicaFactory, Resumed, SwitchError, SwitchFile, SwitchObserver, Target},
    memory::state_dir::{LoadError, Loaded, SetAside, StateDir, StateDirError},
};
use delivery::{Delivery, DeliveryOptions};
use tokio::net::TcpSocket;

use super::{Running, RuntimeBuilder, housekeeping, switch_record};
use crate::{
    Phase, State, Tasks,
    evidence::{KeyFileError, read_key},
    ingest::{Ingest, IngestError},
    live::{Adopted, ReplicaMaker, spool},
    local_key,
    ops::OpsEvent,
    replica,
    state::{local_api_key, window},
};

/// Connections that the kernel keeps until they are accepted: all readers of a replica that went
/// away come at once.
const BACKLOG: u32 = 4096;

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state folder can't be used.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// What is in the state folder can't be taken up, and is as it was.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The state folder can't be made this process's own.
    #[error("the state folder {} can't be taken over", folder.display())]
    TakeOver {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The replica's name can't be kept.
    #[error("the replica's name can't be kept in the state folder")]
    Replica(#[source] io::Error),
    /// What `REDIS_URL` says can't be understood.
    #[error("REDIS_URL can't be used")]
    Redis(#[from] ReplicaStartError),
    /// The record of a switch can't be used.
    #[error("what the state folder says of a live switch can't be used")]
    Switch(#[from] SwitchError),
    /// The address can't be listened on.
    #[error("{address} can't be listened on")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Records of a live switch can't be signed.
    #[error(transparent)]
    EvidenceKey(#[from] KeyFileError),
    /// The server's own key can't be kept.
    #[error("the local key can't be kept in the state folder")]
    LocalKey(#[source] io::Error),
    /// Delivery could not be started.
    #[error(transparent)]
    Delivery(#[from] delivery::StartError),
    /// Chains can't be followed.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

impl StartError {
    /// Returns the exit code: 64 for a setting that must be changed, 69 for what is not to be had.
    pub fn exit_code(&self) -> u8 {
        match self {
            StartError::StateDir(StateDirError::Unwritable { .. })
            | StartError::Load(_)
            | StartError::TakeOver { .. }
            | StartError::Replica(_)
            | StartError::Redis(_)
            | StartError::Switch(_)
            | StartError::EvidenceKey(_)
            | StartError::LocalKey(_) => 64,
            StartError::Ingest(error) => error.exit_code(),
            StartError::StateDir(StateDirError::InUse { .. })
            | StartError::Bind { .. }
            | StartError::Delivery(_) => 69,
        }
    }
}

impl RuntimeBuilder {
    /// Starts the process; must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Fails where the folder or the address can't be used; nothing keeps running then.
    pub async fn start(self) -> Result<Running, StartError> {
        let state = self.state;
        state.enter(Phase::Starting);
        read_evidence_key(&state)?;
        let state_dir = Arc::new(open_folder(&state)?);
        let listener = bind(state.settings.bind)?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Bind { address: state.settings.bind, source })?;
        let maker = name_replica(&state)?;
        // Behind the address: a start that another process is in the way of leaves Redis alone.
        let adopting = match (state.live.by_settings(), &maker) {
            (Target::Redis, Some(maker)) => Some(adopt(&state, maker, &state_dir).await?),
            _ => None,
        };
        let mut set_aside = Vec::new();
        let is_adopting = adopting.is_some();
        let loaded = (!is_adopting).then(|| state_dir.load(&state.memory)).transpose()?;
        ensure_key(&state)?;
        start_delivery(&state)?;
        if let Some(loaded) = loaded {
            // Last: a start that fails before leaves the folder as the last process left it.
            take_up(&state, maker, &state_dir, loaded).await?;
        }
        if let Some((memory, mut loaded)) = adopting {
            take_over(&state, &memory, &state_dir, &mut loaded).await?;
            report(&loaded);
            set_aside = loaded.set_aside;
        }
        let ingest = Ingest::start(&state).await;
        if let (Err(_), Some(delivery)) = (&ingest, state.delivery()) {
            delivery.stop().await;
        }
        let ingest = ingest?;
        let inner_tasks = Tasks::default();
        housekeeping::spawn(&inner_tasks, &state, &state_dir, set_aside);
        let listener = Some(listener);
        let tasks = Tasks::default();
        Ok(Running { state, tasks, inner_tasks, ingest, state_dir, listener, address })
    }
}

fn read_evidence_key(state: &State) -> Result<(), KeyFileError> {
    if let Some(file) = &state.settings.realtime.evidence_key {
        state.evidence.sign_with(read_key(file)?);
    }
    Ok(())
}

fn open_folder(state: &State) -> Result<StateDir, StateDirError> {
    StateDir::open(&state.settings.realtime.state_dir)
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    listen().map_err(|source| StartError::Bind { address, source })
}

/// Names this process among the replicas, where Redis is known; returns what makes its broker.
fn name_replica(state: &State) -> Result<Option<ReplicaMaker>, StartError> {
    let settings = &state.settings.realtime;
    if settings.redis_url.is_none() {
        return Ok(None);
    }
    let name = replica::read_or_make(&settings.state_dir).map_err(StartError::Replica)?;
    tracing::info!(replica = name, "this replica's name");
    state.replica.get_or_init(|| name.clone());
    Ok(Some(ReplicaMaker { settings: settings.clone(), name, clock: Arc::clone(&state.clock) }))
}

/// Begins to connect to Redis, which nobody waits for here, with what the last process left in the
/// folder: that of a memory backend, or what one with Redis handed over at its end.
async fn adopt(
    state: &State,
    maker: &ReplicaMaker,
    state_dir: &Arc<StateDir>,
) -> Result<(MemoryBroker, Loaded), StartError> {
    let realtime = &state.settings.realtime;
    let memory = MemoryBroker::new(window(realtime), Arc::clone(&state.clock));
    let loaded = state_dir.load(&memory)?;
    let mut mirrors = state_dir.mirrors()?;
    if !loaded.clean {
        // Not everything that they knew is here.
        mirrors.replicas.clear();
    }
    let made = maker.make(Adopted { logs: memory.copies(), mirrors })?;
    start_live(state, state_dir, Some(maker.clone().factory(Some(made)))).await?;
    Ok((memory, loaded))
}

/// Starts the broker whose streams can change hands.
async fn start_live(
    state: &State,
    state_dir: &Arc<StateDir>,
    replica: Option<ReplicaFactory>,
) -> Result<(), StartError> {
    let log = Arc::new(SwitchFile::new(Arc::clone(state_dir)));
    let had_record = switch_record::check(&*log, state_dir.path(), state.clock.unix())?;
    let observer = Arc::clone(&state.evidence) as Arc<dyn SwitchObserver>;
    let resumed = state.live.start(state.replica(), replica, log, observer).await?;
    if had_record && resumed != Resumed::default() {
        state.evidence.resumed(state.clock.unix(), resumed);
    }
    Ok(())
}

/// Takes up what the last process with the memory backend left.
async fn take_up(
    state: &State,
    maker: Option<ReplicaMaker>,
    state_dir: &Arc<StateDir>,
    mut loaded: Loaded,
) -> Result<(), StartError> {
    take_over(state, &state.memory, state_dir, &mut loaded).await?;
    report(&loaded);
    let started = start_live(state, state_dir, maker.map(|maker| maker.factory(None))).await;
    if let (Err(_), Some(delivery)) = (&started, state.delivery()) {
        delivery.stop().await;
    }
    started?;
    for file in &loaded.set_aside {
        state.tell_ops_once(&set_aside_event(state, file)).await;
    }
    warn_of_spool(state).await;
    // Before anybody is served: a place of an epoch that a crash forgets could only be unknown.
    housekeeping::save(&state.memory, state_dir).await;
    let owned = state_dir.own_mirrors(loaded.clean);
    let folder = state_dir.path().to_owned();
    owned.map_err(|source| StartError::TakeOver { folder, source })
}

/// Says that an outage of Redis left something that a process with this backend does not merge.
async fn warn_of_spool(state: &State) {
    let folder = spool(&state.settings.realtime);
    match ReplicaBroker::spooled(&folder) {
        Ok(0) => {}
        Ok(branches) => {
            tracing::warn!(
                branches,
                folder = %folder.display(),
                "events that were taken while Redis was lost are not in Redis yet: start once \
                 with REALTIME_BACKEND=redis to merge them, and keep the folder until then"
            );
            let payload = serde_json::json!({"branches": branches});
            state.tell_ops("spool.left_behind", payload).await;
        }
        Err(error) => {
            tracing::error!(folder = %folder.display(), %error, "the spool can't be read")
        }
    }
}

async fn take_over(
    state: &State,
    memory: &MemoryBroker,
    state_dir: &StateDir,
    loaded: &mut Loaded,
) -> Result<(), StartError> {
    let taken = state_dir.take_over(memory, loaded);
    if let (Err(_), Some(delivery)) = (&taken, state.delivery()) {
        delivery.stop().await;
    }
    let folder = state_dir.path().to_owned();
    taken.map_err(|source| StartError::TakeOver { folder, source })
}

fn report(loaded: &Loaded) {
    for file in &loaded.set_aside {
        tracing::error!(
            file = %file.file.display(),
            moved_to = file.moved_to.as_ref().map(|path| path.display().to_string()),
            reason = file.reason,
            "a saved window could not be used and was set aside; its readers get gap: data_loss"
        );
    }
    tracing::info!(
        streams = loaded.streams,
        events = loaded.events,
        clean = loaded.clean,
        "saved windows taken up"
    );
}

/// Returns what operators are told of a damaged file.
pub(super) fn set_aside_event(state: &State, file: &SetAside) -> OpsEvent {
    let stream = file.stream.as_ref().map(ToString::to_string);
    let payload = serde_json::json!({"stream": stream, "reason": file.reason});
    state.ops_event("window.set_aside", payload)
}

fn ensure_key(state: &State) -> Result<(), StartError> {
    if !state.settings.has_auth() {
        let folder = &state.settings.realtime.state_dir;
        let key = local_key::read_or_make(folder).map_err(StartError::LocalKey)?;
        state.local_key.get_or_init(|| local_api_key(&key));
    }
    Ok(())
}

fn start_delivery(state: &State) -> Result<(), StartError> {
    let limits = &state.settings.limits;
    let options = DeliveryOptions {
        lag_bytes_max: limits.lag_bytes_max,
        lag_max: limits.lag_max,
        ring_bytes_max: limits.lag_bytes_max,
        ..DeliveryOptions::default()
    };
    let delivery = Delivery::start(
        Arc::clone(&state.broker),
        Arc::clone(&state.clock),
        options,
        state.metrics.delivery.clone(),
    )?;
    #[cfg(feature = "inject")]
    delivery.inject(state.settings.inject.faults());
    state.delivery.get_or_init(|| delivery);
    Ok(())
}
