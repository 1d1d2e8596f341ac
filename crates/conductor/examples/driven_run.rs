//! Carries a small run out in a folder, with a world that writes down what it does, and kills itself
//! where it is told to: `cargo run -p conductor --example driven_run -- DIR [after-entry N | after-effect N]`.
//! Called again it goes on with what is there. Tests kill it everywhere and look at what is left.

use std::{
    error::Error,
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use conductor::{
    Conductor, Done, DriveSettings, Effect, Event, Found, Inbox, LeaseError, Live, LiveWait,
    NoSight, Notice, OnEntry, Pace, Pending, Request, RunFolder, RunInfo, Sighting, TrafficShare,
    Work, World,
};
use evidence::{Choice, Redactor};
use guard::{At, Verdict};
use jiff::Timestamp;
use runbook::{Options, Plan, PlannedGuard, plan};
use tokio::sync::watch;

const RUNBOOK: &str = include_str!("../tests/golden/driven.run.md");

/// Where the process ends itself.
#[derive(Clone, Copy)]
enum Death {
    Never,
    AfterEntry(u64),
    AfterEffect(u64),
}

/// A world that writes each effect into a file, and reads back from there.
struct Notebook {
    file: PathBuf,
    effects: AtomicU64,
    death: Death,
}

impl Notebook {
    fn has(&self, line: &str) -> bool {
        fs::read_to_string(&self.file).unwrap_or_default().lines().any(|other| other == line)
    }

    fn write(&self, line: &str) {
        let opened = OpenOptions::new().create(true).append(true).open(&self.file);
        if let Ok(mut file) = opened {
            let _written = writeln!(file, "{line}");
        }
        let count = self.effects.fetch_add(1, Ordering::SeqCst) + 1;
        if matches!(self.death, Death::AfterEffect(n) if n == count) {
            die();
        }
    }
}

impl World for Notebook {
    fn carry_out<'a>(&'a self, work: &'a Work) -> Pending<'a, Done> {
        Box::pin(async move {
            self.write(&work.step.id);
            Done {
                verdict: Verdict::Pass,
                text: format!("{} is done.", work.step.id),
                artefacts: Vec::new(),
            }
        })
    }

    fn read_back<'a>(&'a self, work: &'a Work) -> Pending<'a, Found> {
        let is_done = self.has(&work.step.id);
        let effect = if is_done { Effect::Yes } else { Effect::No };
        let text = format!("It stands in the notebook: {is_done}.");
        Box::pin(std::future::ready(Found { effect, text }))
    }

    /// What is watched goes bad once the canary has its share.
    fn look<'a>(&'a self, _: &'a PlannedGuard, _: At) -> Pending<'a, Result<Sighting, NoSight>> {
        let found = if self.has("S3") { 1.0 } else { 0.0 };
        Box::pin(std::future::ready(Ok(Sighting::Bad { checked: 10.0, found })))
    }

    fn keep<'a>(&'a self, _: &'a str, _: Timestamp) -> Pending<'a, Result<(), LeaseError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn traffic(&self) -> Pending<'_, Result<Option<TrafficShare>, NoSight>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn tell<'a>(&'a self, _: &'a Notice) -> Pending<'a, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Ends the process at once, as an outage would.
fn die() -> ! {
    let _killed =
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let dir = PathBuf::from(arguments.first().ok_or("name a folder")?);
    let number =
        || arguments.get(2).and_then(|text| text.parse().ok()).ok_or("a number is missing");
    let death = match arguments.get(1).map(String::as_str) {
        Some("after-entry") => Death::AfterEntry(number()?),
        Some("after-effect") => Death::AfterEffect(number()?),
        _ => Death::Never,
    };
    let on_entry = OnEntry(Arc::new(move |entries| {
        if matches!(death, Death::AfterEntry(n) if n == entries) {
            die();
        }
    }));
    let settings = DriveSettings {
        t0: None,
        pace: Pace::AS_PLANNED,
        grace: Duration::from_secs(60),
        lease: Duration::from_secs(10),
        on_entry: Some(on_entry),
    };
    let world = Notebook { file: dir.with_extension("effects"), effects: AtomicU64::new(0), death };
    let mut conductor = conductor(&dir, Arc::new(world), settings).await?;
    let plan = conductor_plan()?;
    let people = answer(conductor.looking(), Inbox::new(dir.join("inbox")), &plan);
    let (_stop, stopped) = watch::channel(false);
    tokio::select! {
        ended = conductor.run(stopped) => { ended?; }
        asked = people => asked?,
    }
    Ok(())
}

fn conductor_plan() -> Result<Plan, Box<dyn Error>> {
    let planned = plan(RUNBOOK, &Options::default());
    planned.plan.ok_or_else(|| format!("{:?}", planned.problems).into())
}

async fn conductor(
    dir: &Path,
    world: Arc<Notebook>,
    settings: DriveSettings,
) -> Result<Conductor, Box<dyn Error>> {
    if dir.join("journal").metadata().is_ok_and(|file| file.len() > 0) {
        let folder = RunFolder::open(dir)?;
        return Ok(Conductor::resume(folder, Redactor::default(), world, settings).await?);
    }
    // What was begun and has no entry was not begun.
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    let plan = conductor_plan()?;
    let info = RunInfo {
        run: "driven".into(),
        mode: plan.mode,
        environment: None,
        acts_on: None,
        acts_on_file: None,
    };
    let folder = RunFolder::create(dir, RUNBOOK, &plan, &info)?;
    Ok(Conductor::start(folder, Redactor::default(), world, settings).await?)
}

/// Says what people are asked for.
async fn answer(
    mut looking: watch::Receiver<Option<Live>>,
    inbox: Inbox,
    plan: &Plan,
) -> Result<(), Box<dyn Error>> {
    let mut asked = Vec::new();
    loop {
        looking.changed().await?;
        let waiting =
            looking.borrow().as_ref().map(|live| live.waiting.clone()).unwrap_or_default();
        for wait in waiting {
            for role in &wait.roles {
                let word = (wait.choice.clone(), wait.about.clone(), role.clone());
                if !asked.contains(&word) {
                    inbox.put(&Request::Said(Box::new(said(plan, &wait, role)?)))?;
                    asked.push(word);
                }
            }
        }
    }
}

fn said(plan: &Plan, wait: &LiveWait, role: &str) -> Result<Event, Box<dyn Error>> {
    let known = plan.roles.iter().find(|known| known.role == role).ok_or("no such role")?;
    let (role, person) = (role.to_owned(), known.people[0].name.clone());
    let choice = match wait.choice.as_str() {
        "APPROVE" => return Ok(Event::Approved { role, person, plan: plan.digest()? }),
        "ATTEST" => Choice::Attest,
        _ => Choice::Go,
    };
    let (reason, about) = ("it is well".to_owned(), wait.about.clone());
    Ok(Event::Decided { choice, role, person, reason, about })
}
