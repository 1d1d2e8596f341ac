//! The life of the server's process, from settings to exit code.

use std::{error::Error, fmt, io, process::ExitCode, sync::Arc};

use node_runtime::{
    Running, RuntimeBuilder, Settings, SettingsError, StartError, init_logging, local_key,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    AppState, serve,
    surface::{Beside, Surface, SurfaceError},
};

/// Runs a server with these settings until it is told to end; returns the process's exit code.
///
/// Settings → builder → start → ready → SIGTERM or SIGINT → drain → stopped. 0 where everything
/// ended in order, 1 where something had to be cut off or could not be saved, 64 and 69 where it
/// could not start.
pub async fn bootstrap(settings: Settings) -> ExitCode {
    bootstrap_with(settings, Beside::default()).await
}

/// The same, with what the process has beside these routes.
pub async fn bootstrap_with(settings: Settings, beside: Beside) -> ExitCode {
    if let Err(error) = init_logging(&settings.log) {
        tracing::debug!(%error, "the process has a logger already");
    }
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panicked")));
    // Before anything is taken up: a signal from here on ends in order.
    let signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "signals can't be received");
            return ExitCode::from(69);
        }
    };
    match start(settings, beside).await {
        Ok((running, surface)) => run(running, surface, signals).await,
        Err(error) => {
            tracing::error!(error = %Causes(&error), "the server could not start");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Writes an error with everything that caused it.
struct Causes<'a>(&'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let causes = std::iter::successors(self.0.source(), |error| (*error).source());
        for cause in causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
enum BootError {
    /// A file that a setting names can't be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Surface(#[from] SurfaceError),
}

impl BootError {
    fn exit_code(&self) -> u8 {
        match self {
            BootError::Settings(_) => 64,
            BootError::Start(error) => error.exit_code(),
            BootError::Surface(error) => error.exit_code,
        }
    }
}

type Started = (Running, Option<Arc<dyn Surface>>);

async fn start(settings: Settings, beside: Beside) -> Result<Started, BootError> {
    let builder = RuntimeBuilder::new(settings);
    let state = Arc::clone(builder.state());
    let surface = beside.surface.map(|make| make(&state));
    let annex = beside.annex.and_then(|make| make(&state));
    let mut app = match &surface {
        Some(surface) => AppState::with_surface(state, Arc::clone(surface)),
        None => AppState::new(state),
    };
    if let Some(annex) = annex {
        app = app.with_annex(annex);
    }
    let app = Arc::new(app);
    // Before anything is taken up, like all other settings.
    app.auth.read_files().await?;
    let mut running = builder.start().await?;
    let listener = running.take_listener().map(TcpListener::from_std).transpose();
    let listener = match listener {
        Ok(listener) => listener,
        Err(source) => {
            let address = running.address();
            running.stop().await;
            return Err(StartError::Bind { address, source }.into());
        }
    };
    if let Some(surface) = &surface
        && let Err(error) = surface.start(&running).await
    {
        running.stop().await;
        surface.stop().await;
        return Err(error.into());
    }
    app.spawn_owned(running.tasks());
    announce(&running);
    running.ready().await;
    #[cfg(feature = "inject")]
    crate::inject::begin(&app, running.tasks());
    // Last: who comes early waits in the kernel's queue rather than being refused, since a browser
    // never comes back after an error status.
    if let Some(listener) = listener {
        running.tasks().spawn("http", serve(listener, app, running.tasks().clone()));
    }
    Ok((running, surface))
}

/// Says where the server listens; a key of its own making is printed, never logged.
fn announce(running: &Running) {
    let settings = &running.state().settings;
    tracing::info!(
        bind_addr = %running.address(),
        ingest_mode = %settings.ingest.mode.as_str(),
        backend = %settings.realtime.backend.as_str(),
        replica = running.state().replica(),
        state_dir = %settings.realtime.state_dir.display(),
        "viz-api listening"
    );
    if !settings.has_auth()
        && let Some(key) = local_key::read(&settings.realtime.state_dir)
    {
        print_key(&key);
    }
}

#[expect(clippy::print_stdout, reason = "the key is for the person who started the server")]
fn print_key(key: &str) {
    println!(
        "no credentials are configured; the key of org_default, for this machine only:\n  {key}"
    );
}

async fn run(
    running: Running,
    surface: Option<Arc<dyn Surface>>,
    mut signals: Signals,
) -> ExitCode {
    let signal = signals.told_to_end().await;
    tracing::info!(signal = %signal, "shutting down");
    let report = running.stop().await;
    if let Some(surface) = surface {
        surface.stop().await;
    }
    tracing::info!(
        readers_moved = report.readers_moved,
        tasks_ended = report.tasks_ended,
        saved = report.saved,
        "stopped"
    );
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The signals that end the process; those that come before they are waited for are kept.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// That a file may not be longer (`ulimit -f`). It is heard, and so ends nothing: the writing fails
    /// instead, as on a full disk.
    _file_limit: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let file_limit = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        Ok(Signals { terminate, interrupt, _file_limit: signal(file_limit)? })
    }

    async fn told_to_end(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
