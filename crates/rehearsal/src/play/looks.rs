//! How each check of a script is made: by looking at what runs, from outside of it.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use conductor::{Live, Onlooker, Pending};
use guard::Arm;
use serde_json::Value;
use tokio::time::sleep;

use super::{Check, excuse, people::Looks, stage::Stage};
use crate::{Replica, ReplicaState, baseline::masked_value, http::Ask};

/// How long clients may take to have what they lack.
const SETTLE_MAX: Duration = Duration::from_secs(20);

/// How long a load that goes on may show nothing new, and how often is looked.
const LOAD_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a replica that was just started may take until it is well.
const WELL_MAX: Duration = Duration::from_secs(10);

/// Where a replica says how it is.
const HEALTH: &str = "/api/health";

impl Looks for Stage {
    fn look<'a>(&'a self, check: &'a Check, step: &'a str) -> Pending<'a, Result<String, String>> {
        Box::pin(async move {
            match check {
                Check::Ready => self.are_ready(),
                Check::Ledgers => self.ledgers().await,
                Check::Baseline => self.is_as_before().await,
                Check::Stable => self.nothing_on_the_canary(),
                Check::Redis => self.redis().await,
                Check::Load => self.load_goes_on().await,
                Check::Rto => is_in_time(&self.live()?),
                Check::Signed => signed(&self.run()?, step),
                Check::Health(arm, field) => self.health(*arm, field.as_ref()).await,
                Check::Setting(arm, name, value) => self.setting(*arm, name, value),
                Check::Log(arm, said) => self.log(*arm, said),
                Check::Resume(arm) => self.resume(*arm).await,
                Check::Step(id) => has_passed(&self.run()?, id),
                Check::Guard(id) => guard(&self.live()?, id),
                Check::Output(id) => output(&self.run()?, id),
                Check::File(path) => file(&self.commands_in().join(path), path),
            }
        })
    }
}

impl Stage {
    fn are_ready(&self) -> Result<String, String> {
        let (running, all) = (self.runs(Arm::Stable), self.stack().layout().stable.len());
        judged(running == all, format!("{running} of {all} stable replicas are ready"))
    }

    async fn ledgers(&self) -> Result<String, String> {
        let verdict = self.load().settle(SETTLE_MAX).await;
        let left = excuse::judge(&verdict, self.injected());
        if left.reasons.is_empty() {
            Ok(excuse::seen(&verdict, &left))
        } else {
            Err(left.reasons.join("; "))
        }
    }

    async fn is_as_before(&self) -> Result<String, String> {
        let (_, differences) = self.settled().await;
        let shown = differences.iter().map(ToString::to_string).collect::<Vec<_>>();
        if shown.is_empty() {
            Ok("everything runs as it did at the beginning".to_owned())
        } else {
            Err(shown.join("; "))
        }
    }

    fn nothing_on_the_canary(&self) -> Result<String, String> {
        let open = self.load().ledger().open;
        judged(open.canary == 0, format!("{} streams are on the canary", open.canary))
    }

    async fn redis(&self) -> Result<String, String> {
        let began = Instant::now();
        loop {
            match self.stack().redis_answers().await {
                Some(true) => return Ok("Redis answers where replicas find it".to_owned()),
                None => return Err("there is no Redis".to_owned()),
                // One that was mended a moment ago is still on its way.
                Some(false) if began.elapsed() < WELL_MAX => sleep(LOOK_EVERY).await,
                Some(false) => {
                    return Err("Redis does not answer where replicas find it".to_owned());
                }
            }
        }
    }

    async fn load_goes_on(&self) -> Result<String, String> {
        let (before, began) = (self.load().ledger(), Instant::now());
        loop {
            let now = self.load().ledger();
            let sent = now.acknowledged - before.acknowledged;
            let had = now.checked - before.checked;
            let text = format!(
                "in {} ms {sent} more events were acknowledged, and {had} more delivered",
                began.elapsed().as_millis()
            );
            if sent > 0 && had > 0 {
                return Ok(text);
            }
            if began.elapsed() > LOAD_MAX {
                return Err(text);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn health(&self, arm: Arm, field: Option<&(String, String)>) -> Result<String, String> {
        let began = Instant::now();
        loop {
            let seen = self.health_now(arm, field).await;
            if seen.is_ok() || began.elapsed() > WELL_MAX {
                return seen;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn health_now(
        &self,
        arm: Arm,
        field: Option<&(String, String)>,
    ) -> Result<String, String> {
        let replicas = self.running(arm)?;
        for replica in &replicas {
            let answer = self.stack().http().ask(replica.address(), Ask::get(HEALTH, None)).await;
            let answer = answer.map_err(|error| format!("{}: {error}", replica.name()))?;
            if answer.status != 200 {
                return Err(format!("{} answers with {}", replica.name(), answer.status));
            }
            let Some((path, value)) = field else { continue };
            let health: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let found = path.split('.').try_fold(&health, |at, name| at.get(name));
            let found = found.map_or_else(|| "not there".to_owned(), shown);
            if found != *value {
                return Err(format!("{}: `{path}` is {found}", replica.name()));
            }
        }
        let so = field.map_or_else(String::new, |(path, value)| format!(": `{path}` is {value}"));
        Ok(format!("{} say that they are well{so}", names(&replicas)))
    }

    fn setting(&self, arm: Arm, name: &str, value: &str) -> Result<String, String> {
        let replicas = self.running(arm)?;
        for replica in &replicas {
            let environment = replica.pid().and_then(|pid| environment_of(pid, name));
            match environment.as_deref() {
                Some(found) if found == value => {}
                // What it is instead may be a secret.
                Some(_) => return Err(format!("{} has another {name}", replica.name())),
                None => return Err(format!("{} has no {name}", replica.name())),
            }
        }
        let value = masked_value(name, value);
        Ok(format!("the processes of {} have {name}={value}", names(&replicas)))
    }

    fn log(&self, arm: Arm, said: &str) -> Result<String, String> {
        let replicas = self.running(arm)?;
        for replica in &replicas {
            let has_written = has_line_with(replica.log(), said.as_bytes());
            if !has_written.map_err(|error| error.to_string())? {
                return Err(format!("{} did not write `{said}`", replica.name()));
            }
        }
        Ok(format!("{} wrote `{said}`", names(&replicas)))
    }

    async fn resume(&self, arm: Arm) -> Result<String, String> {
        let replicas = self.running(arm)?;
        for replica in &replicas {
            let at: SocketAddr = replica.address();
            let resumed = self.load().resumes(at).await;
            resumed.map_err(|why| format!("{}: {why}", replica.name()))?;
        }
        let of = names(&replicas);
        Ok(format!("a stream of {of} went on behind the last event that its client had"))
    }

    /// Returns the replicas of an arm that run; there is one at least.
    fn running(&self, arm: Arm) -> Result<Vec<&Replica>, String> {
        let all = self.stack().replicas_of(arm);
        let running: Vec<_> = all.filter(|it| it.state() == ReplicaState::Running).collect();
        if running.is_empty() { Err("no replica runs".to_owned()) } else { Ok(running) }
    }

    fn run(&self) -> Result<Onlooker, String> {
        Onlooker::open(self.run_folder()).map_err(|error| error.to_string())
    }

    fn live(&self) -> Result<Live, String> {
        let live = self.run()?.live().map_err(|error| error.to_string())?;
        live.ok_or_else(|| "the run has no status yet".to_owned())
    }
}

fn judged(is_so: bool, text: String) -> Result<String, String> {
    if is_so { Ok(text) } else { Err(text) }
}

fn names(replicas: &[&Replica]) -> String {
    replicas.iter().map(|replica| replica.name()).collect::<Vec<_>>().join(" and ")
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Returns whether a line of a log has this in it; a log may be long, and is read line by line.
fn has_line_with(log: &Path, said: &[u8]) -> io::Result<bool> {
    for line in BufReader::new(File::open(log)?).split(b'\n') {
        if memchr::memmem::find(&line?, said).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns a variable of a process's environment, as the system has it.
fn environment_of(pid: u32, name: &str) -> Option<String> {
    let all = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut variables = all.split(|byte| *byte == 0).filter_map(|it| std::str::from_utf8(it).ok());
    variables.find_map(|it| it.split_once('=').filter(|(found, _)| *found == name)).map(own)
}

fn own((_, value): (&str, &str)) -> String {
    value.to_owned()
}

fn is_in_time(live: &Live) -> Result<String, String> {
    let clocks = live.clocks.ok_or("the run does not go back")?;
    let promised = clocks.promised_ms.ok_or("the runbook promises no time for the way back")?;
    let text = format!("the way back took {} ms of {promised} ms until here", clocks.since_ms);
    judged(clocks.since_ms <= promised, text)
}

/// Everything that stands before a step at the end has passed.
fn signed(run: &Onlooker, step: &str) -> Result<String, String> {
    let before: Vec<_> = run.plan.closing.iter().take_while(|it| it.id != step).collect();
    let open = before.iter().find(|it| it.carried_out && !run.state.has_passed(&it.id));
    match open {
        Some(open) => Err(format!("{} is not signed", open.id)),
        None if before.is_empty() => Err("nothing stands before it".to_owned()),
        None => Ok(format!("{} before it are signed", before.len())),
    }
}

fn has_passed(run: &Onlooker, id: &str) -> Result<String, String> {
    let is_waived = run.state.is_waived(id);
    match (run.state.has_passed(id), is_waived) {
        (true, false) => Ok(format!("{id} passed")),
        (_, true) => Err(format!("{id} was waived")),
        (false, false) => Err(format!("{id} did not pass")),
    }
}

fn guard(live: &Live, id: &str) -> Result<String, String> {
    let guard = live.guards.iter().find(|guard| guard.id == id);
    let guard = guard.ok_or_else(|| format!("there is no guard {id}"))?;
    let is_good = guard.is_armed && guard.verdict.is_some_and(guard::Verdict::is_pass);
    judged(is_good, format!("{id}: {}", guard.sentence.trim_end_matches('.')))
}

fn output(run: &Onlooker, id: &str) -> Result<String, String> {
    let of = |entry: &&conductor::Entry| matches!(&entry.event, conductor::Event::Outcome { step, .. } if step == id);
    let outputs = run.entries().iter().filter(of).flat_map(|entry| &entry.outputs);
    let kept: Vec<_> = outputs.filter(|it| run.folder.output(it.sha256).is_ok()).collect();
    match kept.first() {
        Some(first) => Ok(format!(
            "{id} left {} files in the evidence, {} as sha256:{} first",
            kept.len(),
            first.name,
            first.sha256
        )),
        None => Err(format!("{id} left nothing in the evidence")),
    }
}

fn file(path: &Path, named: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map(|file| if file.is_file() { file.len() } else { 0 });
    match length {
        Ok(0) => Err(format!("{} is no file, or empty", named.display())),
        Ok(length) => Ok(format!("{} is there, of {length} bytes", named.display())),
        Err(error) => Err(format!("{}: {error}", named.display())),
    }
}
