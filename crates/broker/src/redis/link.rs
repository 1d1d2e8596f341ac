//! The one connection that all commands share, and what keeps it.
//!
//! Owns: connecting, loading the functions, reconnecting with a jittered pause, the bound on
//! what is in flight and on the time of each command. A command whose answer did not come is never sent
//! again here if it writes: whether it took effect is its caller's question.

mod budget;
mod connect;
mod find;
mod witness;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rand::RngExt;
use redis::{
    Client, Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value,
    aio::MultiplexedConnection,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout, timeout_at},
};

use self::{
    budget::Budget,
    connect::{Made, connect, field, promotion},
    find::Found,
    witness::Witness,
};
pub(super) use self::{
    budget::Weight,
    connect::{Server, config, subscriber},
    find::Finder,
};
use super::{
    RedisOptions,
    failure::{Failure, is_missing_text},
    library::{self, Dialect, Function},
    run::On,
};

/// How often a command is sent again because the server had lost our functions.
const LOADS_MAX: u32 = 3;

/// A connection that is set up.
#[derive(Clone)]
struct Connected {
    number: u64,
    found: Found,
    wire: MultiplexedConnection,
    run: Arc<str>,
    /// How the name of the run ends.
    promotion: String,
    dialect: Dialect,
    witness: Option<Arc<Witness>>,
    /// Set before another connection is made.
    given_up: Arc<AtomicBool>,
}

/// The connection, whichever it is now.
pub(super) struct Link {
    finder: Finder,
    server: Server,
    connect_time_max: Duration,
    command_time_max: Duration,
    check_every: Duration,
    connected: watch::Sender<Option<Connected>>,
    made: AtomicU64,
    budget: Budget,
    /// Somebody's answer did not come.
    suspect: Notify,
    trouble: Mutex<String>,
}

/// Which server the connection is to, for who looks often.
pub(super) struct InUse(watch::Receiver<Option<Connected>>);

impl InUse {
    /// Returns whether there is a connection, to the server of this run.
    pub(super) fn is(&self, run: &str) -> bool {
        self.0.borrow().as_ref().is_some_and(|connected| &*connected.run == run)
    }
}

/// A call of a function of ours.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) function: Function,
    pub(super) keys: &'a [&'a str],
    pub(super) arguments: Arguments<'a>,
    /// Where it may go.
    pub(super) on: On<'a>,
    /// How many bytes the arguments have, about, beyond what every call has.
    pub(super) bytes: usize,
}

/// An answer, with the run id of the server that gave it.
pub(super) struct Answered {
    pub(super) value: Value,
    pub(super) run: Arc<str>,
    given_up: Arc<AtomicBool>,
}

impl Answered {
    /// Returns whether the connection is still the one in use. A server that was given up, and went
    /// on when another one had its place, answers what nobody will keep.
    pub(super) fn is_current(&self) -> bool {
        !self.given_up.load(Ordering::Acquire)
    }
}

/// Adds a call's arguments, given the run id of the server that it goes to.
pub(super) type Arguments<'a> = &'a (dyn Fn(&mut Cmd, &str) + Send + Sync);

/// Whether the server is asked for a slot that is on its way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    No,
    Yes,
}

/// How many bytes a command and its answer have at least, about.
const CALL_BYTES: usize = 1024;

impl Call<'_> {
    fn weight(&self) -> Weight {
        let answer = CALL_BYTES + self.function.answer_bytes_max();
        Weight { sent: CALL_BYTES + self.bytes, answer }
    }
}

impl Link {
    pub(super) fn new(finder: Finder, server: Server, options: &RedisOptions) -> Self {
        Link {
            finder,
            server,
            connect_time_max: options.connect_time_max,
            command_time_max: options.command_time_max,
            check_every: options.check_every,
            connected: watch::Sender::new(None),
            made: AtomicU64::new(0),
            budget: Budget::default(),
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

    pub(super) fn in_use(&self) -> InUse {
        InUse(self.connected.subscribe())
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
            let made = connect(&self.finder, self.server, Arc::clone(&gone));
            match timeout(self.connect_time_max, made).await {
                Ok(Ok(made)) => {
                    let number = self.made.load(Ordering::Acquire) + 1;
                    let Made { found, wire, run, promotion, dialect, witness } = made;
                    let connected = Connected {
                        number,
                        found,
                        wire,
                        run,
                        promotion,
                        dialect,
                        witness,
                        given_up: Arc::default(),
                    };
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
            let check = async {
                let mut info = redis::cmd("INFO");
                info.arg("replication");
                let info = match connected.wire.send_packed_command(&info).await {
                    Ok(info) => info,
                    Err(error) => return Some(Failure::from_redis(&error).reason),
                };
                // One that is busy refuses this too, and is there all the same.
                let info: String = redis::from_redis_value(info).ok()?;
                // A connection outlives that the server is demoted and promoted again.
                if promotion(&info) != connected.promotion {
                    return Some("Redis was promoted, or follows another server".to_owned());
                }
                self.finder.is_outdated(&connected.found, field(&info, "role")).await
            };
            match timeout(self.connect_time_max, check).await {
                Ok(None) => {}
                Ok(Some(reason)) => return reason,
                Err(_) => return "Redis did not answer in time".to_owned(),
            }
        }
    }

    fn lose(&self, reason: String) {
        tracing::warn!(%reason, "no connection to Redis");
        *self.trouble.lock() = reason;
        self.give_up();
    }

    /// Leaves the connection: whatever it still answers does not count.
    pub(super) fn give_up(&self) {
        self.connected.send_if_modified(|connected| {
            let connected = connected.take();
            if let Some(connected) = &connected {
                connected.given_up.store(true, Ordering::Release);
            }
            connected.is_some()
        });
    }

    /// Waits for a connection to the server.
    pub(super) async fn ready(&self, deadline: Instant) -> Result<(), Failure> {
        self.connection(0, deadline).await.map(|_| ())
    }

    /// Waits for a connection, and returns what connects to the same server, and its run id.
    pub(super) async fn server(&self, deadline: Instant) -> Result<(Client, Arc<str>), Failure> {
        let connected = self.connection(0, deadline).await?;
        Ok((connected.found.client, connected.run))
    }

    /// Waits until there is a connection to another server than that of this run.
    pub(super) async fn other_than(&self, run: &str) {
        let mut connected = self.connected.subscribe();
        let other = |c: &Option<Connected>| c.as_ref().is_some_and(|c| &*c.run != run);
        if connected.wait_for(other).await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits until a connection is lost.
    pub(super) async fn lost(&self) {
        let mut connected = self.connected.subscribe();
        let _ = connected.wait_for(Option::is_some).await;
        if connected.wait_for(Option::is_none).await.is_err() {
            std::future::pending().await
        }
    }

    /// Calls a function of ours.
    pub(super) async fn call(
        &self,
        call: &Call<'_>,
        asking: Asking,
        deadline: Instant,
    ) -> Result<Answered, Failure> {
        let _share = self.budget.share(call.weight(), deadline).await?;
        let (mut loads, mut worn_out) = (0, 0);
        loop {
            let mut connected = self.connection(worn_out, deadline).await?;
            call.on.check(&connected.run)?;
            let mut command = library::call(connected.dialect, call.function, call.keys);
            (call.arguments)(&mut command, &connected.run);
            match self.send(&mut connected, &command, asking, deadline).await? {
                Ok(value) => {
                    let Connected { run, given_up, .. } = connected;
                    return Ok(Answered { value, run, given_up });
                }
                Err(error) if is_missing_text(&error) && loads < LOADS_MAX => {
                    loads += 1;
                    self.load(&mut connected, deadline).await?;
                }
                Err(error) if is_broken(&error) && !call.function.writes() => {
                    worn_out = connected.number;
                }
                Err(error) => {
                    if error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly) {
                        // It may be a primary no more.
                        self.suspect.notify_one();
                    }
                    return Err(Failure::from_redis(&error));
                }
            }
        }
    }

    /// Waits until as many replicas as are wanted have what this answer says was written.
    pub(super) async fn confirm(
        &self,
        answered: &Answered,
        mark: &str,
        deadline: Instant,
    ) -> Result<(), Failure> {
        if self.server.replicas == 0 {
            return Ok(());
        }
        let of_run = |c: &&Connected| c.run == answered.run;
        let connected = self.connected.borrow().as_ref().filter(of_run).cloned();
        let Some(witness) = connected.and_then(|connected| connected.witness) else {
            return Err(Failure::unanswered("the primary changed before its replicas confirmed"));
        };
        witness.confirm(mark, deadline).await
    }

    /// Sends plain commands together; they read, or may be sent again.
    pub(super) async fn read(&self, commands: &Pipeline) -> Result<Vec<Value>, Failure> {
        let deadline = Instant::now() + self.command_time_max;
        let count = commands.len();
        let weight = Weight { sent: count * CALL_BYTES, answer: count * CALL_BYTES };
        let _share = self.budget.share(weight, deadline).await?;
        let mut connected = self.connection(0, deadline).await?;
        let answers =
            timeout_at(deadline, connected.wire.send_packed_commands(commands, 0, count)).await;
        match answers {
            Ok(Ok(values)) => Ok(values),
            Ok(Err(error)) => Err(Failure::from_redis(&error)),
            Err(_) => Err(self.no_answer()),
        }
    }

    async fn send(
        &self,
        connected: &mut Connected,
        command: &Cmd,
        asking: Asking,
        deadline: Instant,
    ) -> Result<Result<Value, RedisError>, Failure> {
        let number = connected.number;
        let answer = async {
            match asking {
                Asking::No => connected.wire.send_packed_command(command).await,
                Asking::Yes => {
                    let mut both = redis::pipe();
                    both.cmd("ASKING").add_command(command.clone());
                    let mut answers = connected.wire.send_packed_commands(&both, 0, 2).await?;
                    Ok(answers.pop().unwrap_or(Value::Nil))
                }
            }
        };
        let answer = async {
            tokio::select! {
                biased;
                () = self.left(number) => Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into()),
                answer = answer => answer,
            }
        };
        match timeout_at(deadline, answer).await {
            Ok(Ok(Value::ServerError(error))) => Ok(Err(error.into())),
            Ok(answer) => Ok(answer),
            Err(_) => Err(self.no_answer()),
        }
    }

    /// Waits until a connection is not in use any more.
    async fn left(&self, number: u64) {
        let mut connected = self.connected.subscribe();
        let other = |c: &Option<Connected>| c.as_ref().is_none_or(|c| c.number != number);
        if connected.wait_for(other).await.is_err() {
            std::future::pending().await
        }
    }

    fn no_answer(&self) -> Failure {
        self.suspect.notify_one();
        Failure::unanswered("Redis did not answer in time")
    }

    async fn load(&self, connected: &mut Connected, deadline: Instant) -> Result<(), Failure> {
        tracing::info!("Redis has lost our functions; they are loaded again");
        let load = library::load(connected.dialect);
        match self.send(connected, &load, Asking::No, deadline).await {
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
