//! The life of a run: start, traffic, the plan on the wall clock, healing, the last event, the verdict.

mod crowd;
mod perform;

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use parking_lot::Mutex;
use tokio::{
    runtime::Builder,
    signal,
    sync::watch,
    time::{sleep, timeout},
};

use self::crowd::Crowd;
use crate::{
    args::Args,
    artefact::Artefact,
    console::{self, Console},
    exit::Exit,
    facts::{Facts, Fate},
    field::Field,
    history::History,
    http,
    judge::{Evidence, Verdict},
    payload::END,
    plan::Plan,
    report::Report,
    timeline::Timeline,
    trunk::{Account, Trunk},
    watch::all_unwell,
};

/// How long each part of healing may take.
const HEAL: Duration = Duration::from_secs(120);

/// How long readers may take to attach at first.
const ATTACH: Duration = Duration::from_secs(30);

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs the program.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(refused) if refused.use_stderr() => {
            console::note(&refused.render().to_string());
            return Exit::Usage.into();
        }
        Err(help) => {
            console::conclude(&help.render().to_string());
            return Exit::Passed.into();
        }
    };
    run(&args).into()
}

fn run(args: &Args) -> Exit {
    let plan = match args.plan() {
        Ok(plan) => plan,
        Err(why) => {
            console::note(&why);
            return Exit::Usage;
        }
    };
    if args.print_plan {
        console::conclude(&plan.text());
        return Exit::Passed;
    }
    // The servers have folders of their own.
    let Ok(server) = std::fs::canonicalize(&args.server) else {
        console::note(&format!("there is no server at {}", args.server.display()));
        return Exit::Unavailable;
    };
    let artefact = match Artefact::create(args.out.as_deref(), &plan) {
        Ok(artefact) => artefact,
        Err(error) => {
            console::note(&format!("the folder for the artefact: {error}"));
            return Exit::Usage;
        }
    };
    let Ok(runtime) = Builder::new_multi_thread().worker_threads(2).enable_all().build() else {
        console::note("the system gives no threads");
        return Exit::Unavailable;
    };
    let console = Console::new(plan.seconds);
    runtime.block_on(async {
        let (mode, folder) = (plan.mode, artefact.path());
        let field = match Field::start(&server, &plan.settings, mode, folder).await {
            Ok(field) => field,
            Err(error) => {
                console::note(&error.to_string());
                return Exit::from(&error);
            }
        };
        match Timeline::begin(folder, console) {
            Ok(timeline) => Run::new(plan, field, timeline).conclude(artefact, args.json).await,
            Err(error) => {
                console::note(&format!("the folder for the artefact: {error}"));
                Exit::Unavailable
            }
        }
    })
}

/// A run.
struct Run {
    plan: Plan,
    field: Arc<Field>,
    facts: Arc<Facts>,
    history: Arc<History>,
    timeline: Arc<Timeline>,
    crowd: Crowd,
    trunk: Trunk,
    /// When the plan began, in the run's time.
    base_ms: u64,
    /// Whether it was ended early.
    stop: watch::Sender<bool>,
    interrupted: Arc<AtomicBool>,
    /// What did not heal, or could not be looked at.
    wrong: Vec<String>,
    acts: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Run {
    fn new(plan: Plan, field: Arc<Field>, timeline: Timeline) -> Self {
        // One more, who publishes the last event.
        let facts = Arc::new(Facts::new(plan.settings.publishers + 1));
        let crowd = Crowd::new(&plan, &field, &facts);
        Run {
            plan,
            field,
            facts,
            history: Arc::default(),
            timeline: Arc::new(timeline),
            crowd,
            trunk: Trunk::default(),
            base_ms: 0,
            stop: watch::Sender::new(false),
            interrupted: Arc::default(),
            wrong: Vec::new(),
            acts: Arc::default(),
        }
    }

    /// Runs everything, writes the report, and says how it went.
    async fn conclude(mut self, artefact: Artefact, as_json: bool) -> Exit {
        let began = Instant::now();
        let healing = self.run().await;
        let accounts = self.accounts().await;
        self.field.redis.finish().await;
        let verdict = Verdict::of(&Evidence {
            plan: &self.plan,
            facts: &self.facts,
            history: &self.history,
            records: &self.crowd.records,
            trunk: &self.trunk,
            accounts: &accounts,
            wrong: &self.wrong,
        });
        let report = Report {
            seconds: began.elapsed().as_secs_f64(),
            heal_seconds: healing.elapsed().as_secs_f64(),
            interrupted: self.interrupted.load(Ordering::Relaxed),
            acts: self.acts.lock().clone(),
            ends: self.crowd.ends(),
            slowest_health_ms: self.crowd.slowest.ms(),
            ..Report::of(&self.plan, verdict)
        };
        if !report.passed
            && let Err(error) = self.field.redis.keep_data(&artefact.path().join("redis")).await
        {
            console::note(&format!("the data of Redis can't be kept: {error}"));
        }
        self.timeline.finish();
        console::conclude(&if as_json { report.json() } else { report.to_string() });
        match artefact.finish(&report, &self.crowd.records, &self.facts, &self.trunk) {
            Ok(Some(kept)) => console::note(&format!("kept in {}", kept.display())),
            Ok(None) => {}
            Err(error) => console::note(&format!("the artefact can't be written: {error}")),
        }
        if report.passed { Exit::Passed } else { Exit::Failed }
    }

    /// Runs the plan and heals; returns when healing began.
    async fn run(&mut self) -> Instant {
        self.say(&format!("seed {}, {}", self.plan.seed, self.plan.mode.shown()));
        let attached = timeout(ATTACH, self.crowd.attach()).await.is_ok();
        if !attached {
            self.wrong.push(format!("not every reader attached within {} s", ATTACH.as_secs()));
        }
        self.must_follow_trunk().await;
        self.crowd.publish();
        self.base_ms = self.facts.now_ms();
        self.watch_for_interrupt();
        self.perform().await;
        let healing = Instant::now();
        self.heal().await;
        self.end().await;
        healing
    }

    /// Mends everything, ends the publishers, and waits until nothing is left to merge.
    async fn heal(&mut self) {
        self.say("healing");
        self.wrong.extend(self.field.mend().await);
        self.field.load.end();
        if timeout(HEAL, self.crowd.publishers_end()).await.is_err() {
            self.wrong.push("not every publisher was acknowledged after healing".into());
        }
        let deadline = Instant::now() + HEAL;
        while let Some(why) = all_unwell(&self.field).await {
            if Instant::now() > deadline || self.field.load.is_done() {
                self.wrong.push(format!("did not heal within {} s: {why}", HEAL.as_secs()));
                break;
            }
            self.timeline.progress(self.facts.now_ms(), "healing", &why);
            sleep(LOOK_EVERY).await;
        }
        self.say("healed");
    }

    /// Publishes the last event, and waits until every reader has it.
    async fn end(&mut self) {
        let stamps = self.facts.begin(self.plan.settings.publishers, 1);
        let (stamp, deadline) = (stamps[0], Instant::now() + HEAL);
        while Instant::now() < deadline {
            if let Some(address) = self.field.replicas[0].address()
                && let Ok(answer) = http::publish(address, &stamp.event(END), Some("end")).await
                && let Some(Ok(id)) = answer.json()["id"].as_str().map(str::parse)
            {
                self.facts.end(stamp, 0, Fate::Acknowledged(id));
                break;
            }
            sleep(LOOK_EVERY).await;
        }
        if timeout(HEAL, self.crowd.readers_end()).await.is_err() {
            self.wrong.push("not every reader came to the last event".into());
        }
        self.field.load.give_up();
        self.must_follow_trunk().await;
        if let Some(address) = self.field.replicas[0].address()
            && let Err(why) = self.trunk.follow_again(address, &self.facts).await
        {
            self.wrong.push(format!("the log could not be read again: {why}"));
        }
        self.say("every reader was waited for");
    }

    /// Reads the log on to its end.
    async fn follow_trunk(&mut self) -> Result<(), String> {
        let address = self.field.replicas[0].address();
        let address = address.ok_or("replica 0 does not run")?;
        self.trunk.follow(address, &self.facts).await
    }

    /// Reads the log on where nothing may stand in the way.
    async fn must_follow_trunk(&mut self) {
        if let Err(why) = self.follow_trunk().await {
            self.wrong.push(format!("the log could not be read: {why}"));
        }
    }

    /// Asks every replica for its account of the log.
    async fn accounts(&self) -> Vec<Result<Account, String>> {
        let mut accounts = Vec::new();
        for replica in &self.field.replicas {
            let Some(address) = replica.address() else {
                accounts.push(Err("it does not run".into()));
                continue;
            };
            let answer = http::get(address, "/api/admin/ledger").await;
            let account = answer.map_err(|error| error.to_string());
            accounts.push(account.and_then(|answer| {
                serde_json::from_slice(&answer.body).map_err(|error| error.to_string())
            }));
        }
        accounts
    }

    fn watch_for_interrupt(&mut self) {
        let (stop, interrupted) = (self.stop.clone(), Arc::clone(&self.interrupted));
        let field = Arc::clone(&self.field);
        self.crowd.others.spawn(async move {
            if signal::ctrl_c().await.is_ok() {
                interrupted.store(true, Ordering::Relaxed);
                stop.send_replace(true);
            }
            // Asked again, it waits for nobody.
            if signal::ctrl_c().await.is_ok() {
                field.load.give_up();
            }
        });
    }

    fn say(&self, what: &str) {
        self.timeline.note(self.facts.now_ms(), what);
    }
}
