//! What takes a run's canary out when the process that carries it out is gone: started beside it, its
//! life as a process of its own, and what it did taken into the journal by who goes on.
//!
//! How the canary is taken out is the crate `traffic`.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use conductor::{DriveError, Event, Journal, Onlooker, Phase, State};
use evidence::{Home, Output, Redactor, Visible};
use jiff::Timestamp;
use serde_json::json;
use tokio::{
    process::{Child, Command},
    task::JoinSet,
    time::sleep,
};
use traffic::{
    DeadManAccount, DeadManOrder, haproxy::HaproxySettings, is_acting, stand_by, start_dead_man,
};

use super::carry;
use crate::{
    cli::{DeadManArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
};

/// How long after its end a dead man is started again while the run goes on.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How long one that takes the canary out is waited for.
const ACT_MAX: Duration = Duration::from_secs(130);

/// From look to look at whether it has ended.
const LOOK: Duration = Duration::from_millis(200);

/// How long a rehearsal's dead man waits for a router that is away: it goes with the rehearsal.
const REHEARSAL_SILENT_S: u64 = 10;

/// Stands by for a run in this process.
///
/// # Errors
/// Fails where the order can't be carried out.
pub(super) async fn run(args: DeadManArgs, style: Style) -> Result<Exit, Failure> {
    let stood = stand_by(&args.dir, || match style {
        Style::Human => console::conclude("watching"),
        // Who can't be told needs no line: whoever started it finds it gone, or at work.
        Style::Json => console::document(&json!({"watching": true})).unwrap_or_default(),
    });
    let stood = stood.await;
    stood.map_err(|error| Failure::failed("the dead man").because(error))?;
    Ok(Exit::Done)
}

/// A run's dead man, which is started again where it ends while this is there, and stays when it is not.
pub(crate) struct Beside {
    _again: JoinSet<()>,
}

/// Starts the dead man of a run that has its lease.
///
/// # Errors
/// Fails where it can't be started: without one a run that is killed leaves streams on the canary.
pub(crate) async fn beside(order: DeadManOrder, dir: &Path) -> Result<Beside, Failure> {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let child = begin(&order, &dir).await.map_err(|error| {
        Failure::failed(
            "nobody would take the canary out if this process died; the run stays as it is, make that \
             right and `tidegate runbook resume`",
        )
        .because(error)
    })?;
    let mut again = JoinSet::new();
    again.spawn(keep(child, order, dir));
    Ok(Beside { _again: again })
}

/// Starts the dead man of a rehearsal's run.
///
/// # Errors
/// As [`beside`].
pub(crate) async fn beside_rehearsal(
    run: &str,
    router: &HaproxySettings,
    dir: &Path,
) -> Result<Beside, Failure> {
    let of = run.parse().map_err(|error| Failure::usage("the run's name").because(error))?;
    let mut order = DeadManOrder::new(of, router);
    order.silent_max_s = REHEARSAL_SILENT_S;
    beside(order, dir).await
}

async fn begin(order: &DeadManOrder, dir: &Path) -> Result<Child, traffic::StartError> {
    let this = std::env::current_exe().map_err(traffic::StartError::Program)?;
    let mut program = Command::new(this);
    program.args(["runbook", "dead-man"]).arg(dir);
    start_dead_man(program, dir, order).await
}

/// Starts it again and again, where it was killed or its work is done while the run goes on.
async fn keep(mut child: Child, order: DeadManOrder, dir: PathBuf) {
    let mut is_told = false;
    loop {
        let _ended = child.wait().await;
        child = loop {
            sleep(AGAIN_AFTER).await;
            match begin(&order, &dir).await {
                Ok(child) => break child,
                Err(error) if !std::mem::replace(&mut is_told, true) => {
                    let why = Failure::failed("the dead man does not start").because(error);
                    console::note(&why.chain());
                }
                Err(_) => {}
            }
        };
    }
}

/// Waits until the dead man of a run has ended, where it is taking the canary out.
///
/// # Errors
/// Fails where it does not end, or its account can't be read.
pub(super) async fn settle(dir: &Path) -> Result<(), Failure> {
    let unreadable = |error| Failure::usage("the dead man's account").because(error);
    let began = Instant::now();
    let mut is_told = false;
    while is_acting(dir).map_err(unreadable)? {
        if !std::mem::replace(&mut is_told, true) {
            console::note("the dead man of this run takes the canary out; it is waited for");
        }
        if began.elapsed() > ACT_MAX {
            let seconds = ACT_MAX.as_secs();
            return Err(Failure::unreachable(format!(
                "the dead man of this run takes the canary out for more than {seconds} s; look at {}",
                Visible(dir.join(DeadManAccount::file_name()).display())
            )));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// Takes what the dead man of a run did into its journal, where that is not there yet: the run then
/// holds, until people say how it goes on. Nothing is written where nothing was done.
///
/// # Errors
/// Fails where its account can't be read, or the journal can't be written.
pub(super) fn take_in(run: &Onlooker, redactor: &Redactor) -> Result<(), Failure> {
    let Some(Unknown { bytes, deeds }) = unknown(run)? else { return Ok(()) };
    let is_over = matches!(
        run.state.phase(),
        Phase::Kept | Phase::RolledBack | Phase::RollbackFailed | Phase::Aborted
    );
    let text = deeds.join("; ");
    console::note(&format!("the dead man of this run acted: {text}"));
    if is_over {
        return Ok(());
    }
    let bytes = redactor.redact(&bytes);
    let failed = |error: DriveError| carry::failed(error);
    run.folder.keep(&bytes).map_err(|error| failed(error.into()))?;
    let state = State::new(&run.plan)
        .map_err(|error| Failure::failed("the plan can't be written as JSON").because(error))?;
    let (path, now) = (run.folder.journal(), Timestamp::now());
    let journal = Journal::resume(&path, redactor.clone(), state, now);
    let mut journal = journal.map_err(|error| failed(error.into()))?;
    let output = Output::new(DeadManAccount::file_name(), &bytes, Home::Outputs);
    let event = Event::Trouble { what: "dead-man".to_owned(), text: format!("{text}.") };
    journal.append(now, event, vec![output]).map_err(|error| failed(error.into()))?;
    Ok(())
}

/// Returns what the dead man of a run did that its journal does not know of, in sentences.
///
/// # Errors
/// Fails where its account can't be read.
pub(super) fn deeds(run: &Onlooker) -> Result<Vec<String>, Failure> {
    Ok(unknown(run)?.map(|unknown| unknown.deeds).unwrap_or_default())
}

/// Says what the dead man of a run did that its journal does not know of.
///
/// # Errors
/// Fails where its account can't be read.
pub(super) fn tell(run: &Onlooker) -> Result<(), Failure> {
    if let Some(Unknown { deeds, .. }) = unknown(run)? {
        console::note(&format!(
            "the dead man of this run acted, which the journal says once the run is resumed: {}",
            deeds.join("; ")
        ));
    }
    Ok(())
}

/// What a dead man did that is in no entry of the journal.
struct Unknown {
    /// Its whole account.
    bytes: Vec<u8>,
    /// What is new, in sentences.
    deeds: Vec<String>,
}

fn unknown(run: &Onlooker) -> Result<Option<Unknown>, Failure> {
    let account = DeadManAccount::read(run.folder.path())
        .map_err(|error| Failure::usage("the dead man's account").because(error))?;
    let name = DeadManAccount::file_name();
    let outputs = run.entries().iter().flat_map(|entry| &entry.outputs);
    // What was taken in is the beginning of what is there now, line by line: it was kept without secrets,
    // so that its length may be another one.
    let taken_in = outputs.filter(|output| output.name == name);
    let known = taken_in.map(|output| known_lines(run, output, &account.bytes)).max().unwrap_or(0);
    let new = account.bytes.splitn(known + 1, |byte| *byte == b'\n').nth(known);
    let deeds: Vec<_> = DeadManAccount::of(new.unwrap_or_default()).deeds().collect();
    Ok((!deeds.is_empty()).then_some(Unknown { bytes: account.bytes, deeds }))
}

/// Returns how many lines of an account an output has: of one that is missing, as many as its length says.
fn known_lines(run: &Onlooker, output: &Output, account: &[u8]) -> usize {
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    run.folder.output(output.sha256).map(|bytes| lines(&bytes)).unwrap_or_else(|_| {
        let length = usize::try_from(output.bytes).unwrap_or(usize::MAX).min(account.len());
        lines(&account[..length])
    })
}
