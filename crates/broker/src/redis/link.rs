//! The one connection that all commands share, and what keeps it.
//!
//! Owns: connecting, loading the functions, reconnecting with a jittered pause, the bound on
//! commands in flight and on the time of each. A command whose answer did not come is never sent
//! again here if it writes: whether it took effect is its caller's question.

mod connect;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rand::RngExt;
use redis::{Client, Cmd, ErrorKind, Pipeline, RedisError, Value, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, timeout, timeout_at},
};

use self::connect::connect;
pub(super) use self::connect::{client, subscriber};
use super::{
    RedisOptions,
    failure::{Failure, is_missing_text},
    library::{self, Dialect, Function},
};

/// Most commands in flight; further ones wait, within their time.
const IN_FLIGHT_MAX: usize = 4096;

/// How often a command is sent again because the server had lost our functions.
const LOADS_MAX: u32 = 3;

/// A connection that is set up.
#[derive(Clone)]
struct Connected {
    number: u64,
    wire: MultiplexedConnection,
    run: Arc<str>,
    dialect: Dialect,
}

/// The connection, whichever it is now.
pub(super) struct Link {
    client: Client,
    connect_time_max: Duration,
    command_time_max: Duration,
    check_every: Duration,
    connected: watch::Sender<Option<Connected>>,
    made: AtomicU64,
    in_flight: Semaphore,
    /// Somebody's answer did not come.
    suspect: Notify,
    trouble: Mutex<String>,
}

/// An answer, with the run id of the server that gave it.
pub(super) struct Answered {
    pub(super) value: Value,
    pub(super) run: Arc<str>,
}

/// Adds a call's arguments, given the run id of the server that it goes to.
type Arguments<'a> = &'a (dyn Fn(&mut Cmd, &str) + Send + Sync);

impl Link {
    pub(super) fn new(client: Client, options: &RedisOptions) -> Self {
        Link {
            client,
            connect_time_max: options.connect_time_max,
            command_time_max: options.command_time_max,
            check_every: options.check_every,
            connected: watch::Sender::new(None),
            made: AtomicU64::new(0),
            in_flight: Semaphore::new(IN_FLIGHT_MAX),
            suspect: Notify::new(),
            trouble: Mutex::new("no connection was made yet".to_owned()),
        }
    }

    /// Returns how many connections were made until now.
    pub(super) fn made(&self) -> u64 {
        self.made.load(Ordering::Acquire)
    }

    /// Returns what is wrong, where there is no connection.
    pub(super) fn trouble(&self) -> Option<String> {
        self.connected.borrow().is_none().then(|| self.trouble.lock().clone())
    }

    /// Returns the run id of the server, where there is a connection.
    pub(super) fn run(&self) -> Option<Arc<str>> {
        self.connected.borrow().as_ref().map(|connected| Arc::clone(&connected.run))
    }

    /// Waits until there is a connection to a server of another run.
    pub(super) async fn until_other_run(&self, run: &str) {
        let other = |c: &Option<Connected>| c.as_ref().is_some_and(|c| &*c.run != run);
        let _ = self.connected.subscribe().wait_for(other).await;
    }

    /// Waits until there is a connection, or none.
    pub(super) async fn until(&self, is_up: bool) {
        // The sender lives as long as the link does.
        let _ = self.connected.subscribe().wait_for(|c| c.is_some() == is_up).await;
    }

    /// Keeps a connection for ever; to be run by the one task that owns it.
    pub(super) async fn keep(&self) {
        let mut pause = Pause::default();
        loop {
            let gone = Arc::new(Notify::new());
            match timeout(self.connect_time_max, connect(&self.client, Arc::clone(&gone))).await {
                Ok(Ok((wire, run, dialect))) => {
                    let number = self.made.load(Ordering::Acquire) + 1;
                    let connected = Connected { number, wire, run, dialect };
                    self.connected.send_replace(Some(connected.clone()));
                    self.made.store(number, Ordering::Release);
                    pause = Pause::default();
                    let reason = self.hold(connected, &gone).await;
                    self.lose(reason);
                }
                Ok(Err(failure)) => self.lose(failure.reason),
                Err(_) => self.lose("Redis did not answer in time".to_owned()),
            }
            tokio::time::sleep(pause.next()).await;
        }
    }

    /// Watches a connection until it is of no more use, and says why.
    async fn hold(&self, mut connected: Connected, gone: &Notify) -> String {
        loop {
            tokio::select! {
                () = gone.notified() => return "the connection to Redis broke".to_owned(),
                () = self.suspect.notified() => {}
                () = tokio::time::sleep(self.check_every) => {}
            }
            let ping = redis::cmd("PING");
            let answer = timeout(self.connect_time_max, connected.wire.send_packed_command(&ping));
            match answer.await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Failure::from_redis(&error).reason,
                Err(_) => return "Redis did not answer in time".to_owned(),
            }
        }
    }

    fn lose(&self, reason: String) {
        tracing::warn!(%reason, "no connection to Redis");
        *self.trouble.lock() = reason;
        self.connected.send_replace(None);
    }

    /// Calls a function of ours.
    pub(super) async fn call(
        &self,
        function: Function,
        keys: &[&str],
        arguments: Arguments<'_>,
    ) -> Result<Answered, Failure> {
        let deadline = Instant::now() + self.command_time_max;
        let _permit = self.permit(deadline).await?;
        let (mut loads, mut worn_out) = (0, 0);
        loop {
            let mut connected = self.connection(worn_out, deadline).await?;
            let mut command = library::call(connected.dialect, function, keys);
            arguments(&mut command, &connected.run);
            match self.send(&mut connected, &command, deadline).await? {
                Ok(value) => return Ok(Answered { value, run: connected.run }),
                Err(error) if is_missing_text(&error) && loads < LOADS_MAX => {
                    loads += 1;
                    self.load(&mut connected, deadline).await?;
                }
                Err(error) if is_broken(&error) && !function.writes() => {
                    worn_out = connected.number;
                }
                Err(error) => return Err(Failure::from_redis(&error)),
            }
        }
    }

    /// Sends plain commands that only read, together.
    pub(super) async fn read(&self, commands: &Pipeline) -> Result<Vec<Value>, Failure> {
        let deadline = Instant::now() + self.command_time_max;
        let _permit = self.permit(deadline).await?;
        let mut connected = self.connection(0, deadline).await?;
        let count = commands.len();
        match timeout_at(deadline, connected.wire.send_packed_commands(commands, 0, count)).await {
            Ok(Ok(values)) => Ok(values),
            Ok(Err(error)) => Err(Failure::from_redis(&error)),
            Err(_) => Err(self.no_answer()),
        }
    }

    async fn permit(&self, deadline: Instant) -> Result<tokio::sync::SemaphorePermit<'_>, Failure> {
        match timeout_at(deadline, self.in_flight.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Failure::refused("too many commands wait for Redis")),
        }
    }

    async fn send(
        &self,
        connected: &mut Connected,
        command: &Cmd,
        deadline: Instant,
    ) -> Result<Result<Value, RedisError>, Failure> {
        let answer = timeout_at(deadline, connected.wire.send_packed_command(command)).await;
        match answer {
            Ok(Ok(Value::ServerError(error))) => Ok(Err(error.into())),
            Ok(answer) => Ok(answer),
            Err(_) => Err(self.no_answer()),
        }
    }

    fn no_answer(&self) -> Failure {
        self.suspect.notify_one();
        Failure::unanswered("Redis did not answer in time")
    }

    async fn load(&self, connected: &mut Connected, deadline: Instant) -> Result<(), Failure> {
        tracing::info!("Redis has lost our functions; they are loaded again");
        let load = library::load(connected.dialect);
        match self.send(connected, &load, deadline).await {
            Ok(Ok(_)) => Ok(()),
            // The command that lacked them was refused, whatever became of loading.
            Ok(Err(error)) => Err(Failure { maybe: false, ..Failure::from_redis(&error) }),
            Err(failure) => Err(Failure { maybe: false, ..failure }),
        }
    }

    /// Waits for a connection other than one that broke.
    async fn connection(&self, worn_out: u64, deadline: Instant) -> Result<Connected, Failure> {
        let mut connected = self.connected.subscribe();
        let fresh = |c: &Option<Connected>| c.as_ref().is_some_and(|c| c.number != worn_out);
        match timeout_at(deadline, connected.wait_for(fresh)).await {
            Ok(Ok(found)) => (*found).clone().ok_or_else(|| Failure::refused("no connection")),
            _ => Err(Failure::refused(self.trouble.lock().clone())),
        }
    }
}

/// Returns whether a connection is of no more use after this error.
fn is_broken(error: &RedisError) -> bool {
    !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// How long to wait before the next attempt to connect: growing, bounded, with jitter.
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Pause(Duration::from_millis(20))
    }
}

impl Pause {
    const MAX: Duration = Duration::from_secs(2);

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(rand::rng().random_range(0.5..1.0));
        self.0 = (self.0 * 2).min(Pause::MAX);
        pause
    }
}
