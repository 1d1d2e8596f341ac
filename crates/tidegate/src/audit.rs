//! `tidegate audit`: publishes to many readers, some of them troublesome, and checks what each
//! received against the server's own account of the log.
//!
//! Readers are on either transport, and some change it; what is checked is the same. A reader is
//! right iff it received every event once, in order, and the same as all others; all together are
//! right iff the hash of that log is the ledger's.

mod account;
mod check;
mod descriptors;
mod plan;
mod publisher;
mod reader;
mod report;
mod seen;
mod shared;
mod stamp;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use event::{Ledger, Position, RollingHash};
use node_runtime::settings::Scopes;
use parking_lot::Mutex;
use tokio::{
    signal,
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{
    account::Account,
    plan::{Kind, Plan},
    publisher::Published,
    reader::Reader,
    report::{Latency, ReplicaReport, Report},
    seen::SeenLog,
    shared::{LatencyUs, Replica, Shared},
    stamp::Mark,
};
use crate::{
    cli::{AuditArgs, Style},
    client::{Backoff, Refusal, Transport},
    console,
    exit::Exit,
    failure::Failure,
    progress::Progress,
    target::Target,
};

/// How often a level is looked at while waiting for it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A window shorter than this makes gaps likely when readers come back after a restart.
const WINDOW_COMFORTABLE: Duration = Duration::from_secs(10);

/// Carries the command out.
///
/// # Errors
/// Fails where the audit can't begin or can't be brought to an end.
pub(crate) async fn run(args: AuditArgs, style: Style) -> Result<Exit, Failure> {
    let values = args.config.values()?;
    let targets = Target::all(&args.url, args.key.as_deref(), &values, Scopes::all())?;
    descriptors::provide(args.readers)?;
    let replicas: Vec<_> = targets.into_iter().map(Replica::new).collect::<Result<_, _>>()?;
    let start = replicas[0].api.ledger().await?;
    let plan = Plan::of(&args, replicas[0].api.window_events().await)?;
    warn(&plan);
    let mark = Mark::new(&format!("{:016x}", rand::random::<u64>()));
    let log = SeenLog::new(start.last.seq, start.hash, mark);
    let report = Audit::new(Shared::new(replicas, plan, log, start.last), start).run().await?;
    match style {
        Style::Human => console::conclude(&report.to_string()),
        Style::Json => console::conclude(&document(&report).to_string()),
    }
    Ok(if report.problems().is_empty() { Exit::Done } else { Exit::Failed })
}

fn warn(plan: &Plan) {
    console::note(&format!("seed {}", plan.seed));
    if plan.window < WINDOW_COMFORTABLE {
        console::note(&format!(
            "the server keeps {:.1} s of events at this rate; a reader that is away for longer is \
             told of a gap (REALTIME_REPLAY_MAX_EVENTS)",
            plan.window.as_secs_f64()
        ));
    }
}

fn document(report: &Report) -> serde_json::Value {
    let mut document = serde_json::to_value(report).expect("numbers and texts are JSON");
    let problems = report.problems();
    document["passed"] = problems.is_empty().into();
    document["problems"] = problems.into();
    document
}

/// A replica's account of the log, or why it could not be had.
type AccountOf = Result<Ledger, String>;

fn of_replica(replica: &Replica, account: &AccountOf, end: &Ledger) -> ReplicaReport {
    let mut report = ReplicaReport {
        url: replica.api.url().to_owned(),
        streams: replica.streams.load(Ordering::Relaxed),
        requests: replica.requests.load(Ordering::Relaxed),
        ..ReplicaReport::default()
    };
    report.compare(account, end);
    report
}

/// Returns what replicas of one log have alike.
fn end_of(ledger: &Ledger) -> (Position, u64, RollingHash) {
    (ledger.last, ledger.count, ledger.hash)
}

/// Returns the accounts, where there is one at least.
fn told(accounts: Vec<Result<Ledger, Refusal>>) -> Result<Vec<AccountOf>, Failure> {
    if accounts.iter().any(Result::is_ok) {
        let in_words = |account: Result<Ledger, Refusal>| account.map_err(|r| r.chain());
        return Ok(accounts.into_iter().map(in_words).collect());
    }
    let refusal = accounts.into_iter().find_map(Result::err);
    Err(refusal.map_or_else(|| Failure::unreachable("there is no server"), Failure::from))
}

struct Audit {
    shared: Arc<Shared>,
    start: Ledger,
    accounts: Vec<Arc<Mutex<Account>>>,
    readers: JoinSet<()>,
    progress: Progress,
}

impl Audit {
    fn new(shared: Arc<Shared>, start: Ledger) -> Self {
        let progress = Progress::new(shared.plan.publish);
        Audit { shared, start, accounts: Vec::new(), readers: JoinSet::new(), progress }
    }

    /// The life of an audit: attach, publish, take the final account, settle, compare.
    async fn run(mut self) -> Result<Report, Failure> {
        self.open_readers();
        self.wait_for_readers().await?;
        let published = self.publish().await;
        let accounts = self.final_accounts().await?;
        let end = accounts.iter().find_map(|account| account.as_ref().ok());
        let end = end.expect("there is at least one").clone();
        self.settle(&end).await;
        self.readers.shutdown().await;
        self.progress.finish();
        Ok(self.report(&published, &end, &accounts))
    }

    fn open_readers(&mut self) {
        for index in 0..self.shared.plan.readers.len() {
            let (reader, account) = Reader::new(&self.shared, index);
            self.accounts.push(account);
            self.readers.spawn(reader.run());
        }
    }

    async fn wait_for_readers(&mut self) -> Result<(), Failure> {
        let all = self.accounts.len() as u64;
        let deadline = Instant::now() + self.shared.plan.settle;
        while self.shared.attached() < all {
            let refused = self.accounts.iter().find_map(|a| a.lock().refused.clone());
            if let Some(refused) = refused {
                return Err(Failure::failed(format!("a reader was refused: {refused}")));
            }
            if Instant::now() >= deadline {
                let attached = self.shared.attached();
                let what = format!("only {attached} of {all} readers could be opened in time");
                return Err(Failure::unreachable(what));
            }
            let state = format!("{} of {all} readers", self.shared.attached());
            self.progress.tick("attaching", Duration::ZERO, &state);
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Publishes for the time that was asked for, or until SIGINT; what was published is checked all
    /// the same.
    async fn publish(&mut self) -> Published {
        let began = Instant::now();
        let end = began + self.shared.plan.publish;
        let mut publishers = JoinSet::new();
        for index in 0..self.shared.plan.publishers {
            let patience = end + self.shared.plan.settle;
            let shared = Arc::clone(&self.shared);
            publishers.spawn(publisher::run(shared, index as usize, end, patience));
        }
        let mut published = Published::default();
        while !publishers.is_empty() {
            tokio::select! {
                Some(Ok(one)) = publishers.join_next() => published.add(one),
                Ok(()) = signal::ctrl_c() => self.shared.stopped.store(true, Ordering::Relaxed),
                () = sleep(LOOK_EVERY) => {
                    let state = self.state();
                    self.progress.tick("publishing", began.elapsed(), &state);
                }
            }
        }
        published
    }

    fn state(&self) -> String {
        let published = self.shared.numbered.load(Ordering::Relaxed);
        let received = self.shared.received.load(Ordering::Relaxed);
        format!("{published} published, {received} received by {} readers", self.accounts.len())
    }

    /// Takes each replica's account, at least one. A replica that is just restarting is waited for,
    /// and so are replicas that do not agree yet.
    async fn final_accounts(&self) -> Result<Vec<AccountOf>, Failure> {
        let deadline = Instant::now() + self.shared.plan.settle;
        let mut backoff = Backoff::up_to(Duration::from_secs(1));
        loop {
            let mut accounts = Vec::new();
            for replica in &self.shared.replicas {
                accounts.push(replica.api.ledger().await);
            }
            let ends: Vec<_> = accounts.iter().flatten().map(end_of).collect();
            let agree = ends.windows(2).all(|two| two[0] == two[1]);
            let is_final = accounts.iter().all(|account| match account {
                Ok(_) => agree,
                Err(refusal) => !refusal.is_temporary(),
            });
            if is_final || Instant::now() >= deadline {
                return told(accounts);
            }
            let after = accounts.iter().find_map(|a| a.as_ref().err()?.retry_after());
            sleep(backoff.wait(after, &mut rand::rng())).await;
        }
    }

    /// Waits until every reader is at the end, or for as long as was allowed.
    async fn settle(&mut self, end: &Ledger) {
        let began = Instant::now();
        while began.elapsed() < self.shared.plan.settle {
            let behind = |account: &&Arc<Mutex<Account>>| !account.lock().check.is_at(end.last);
            let behind = self.accounts.iter().filter(behind).count();
            if behind == 0 {
                return;
            }
            let state = format!("{behind} readers are not at the end yet");
            self.progress.tick("settling", began.elapsed(), &state);
            sleep(LOOK_EVERY).await;
        }
    }

    fn report(&self, published: &Published, end: &Ledger, accounts: &[AccountOf]) -> Report {
        let Shared { plan, log, replicas, began, .. } = &*self.shared;
        let mut report = Report {
            run: log.mark().run().to_owned(),
            seed: plan.seed,
            urls: replicas.iter().map(|replica| replica.api.url().to_owned()).collect(),
            seconds: began.elapsed().as_secs_f64(),
            readers: plan.readers.len() as u64,
            flaky: plan.count(Kind::Flaky) as u64,
            slow: plan.count(Kind::Slow) as u64,
            websocket: plan.over(Transport::WebSocket) as u64,
            sse: plan.over(Transport::Sse) as u64,
            publishers: plan.publishers,
            websocket_publishers: plan.web_publishers as u64,
            replicas: replicas.iter().zip(accounts).map(|(r, a)| of_replica(r, a, end)).collect(),
            ..Report::default()
        };
        self.add_latency(&mut report);
        let log = log.up_to(end.last);
        report.add_published(published, &log);
        for account in &self.accounts {
            report.add_reader(&account.lock(), end.last, &log);
        }
        report.add_ledger(&self.start, end, &log);
        report
    }

    fn add_latency(&self, report: &mut Report) {
        let LatencyUs { sse, websocket } = self.shared.latency_us();
        report.latency_sse_ms = Latency::of(&sse);
        report.latency_websocket_ms = Latency::of(&websocket);
        let mut both = sse;
        both += websocket;
        report.latency_ms = Latency::of(&both);
    }
}
