//! Beginning a run, and going on with one.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use ::runbook::{Options, Plan, plan};
use conductor::{
    ActsOn, Conductor, DriveError, DriveSettings, Onlooker, Pace, Phase, RunFolder, RunInfo,
    is_run_name,
};
use evidence::{Hash, Signer, Visible};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use traffic::DeadManOrder;

use super::{carry, dead_man, open, print, read, say, world};
use crate::{
    cli::{PacingArgs, ResumeArgs, RunArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
};

/// Carries a runbook out.
///
/// # Errors
/// Fails where the runbook, what it acts on or the folder can't be read or written, or the run can't go
/// on.
pub(super) async fn run(args: RunArgs, style: Style) -> Result<Exit, Failure> {
    let options = args.instead.options();
    let (document, plan) = match planned(&args.file, &options)? {
        Some(planned) => planned,
        None => return Ok(Exit::Failed),
    };
    let signer = args.sign.log_key.as_deref().map(say::key).transpose()?;
    let name = name(args.name, &plan)?;
    let dir = args.dir.unwrap_or_else(|| PathBuf::from("tidegate-runs").join(&name));
    let (world, redactor, digest) = world::read(&args.on, &plan, &name, &dir)?;
    let order = world::dead_man(&args.on, &name)?;
    let info = RunInfo {
        run: name,
        mode: plan.mode,
        environment: plan.environment.clone(),
        acts_on: Some(digest),
        // From wherever the run is resumed.
        acts_on_file: Some(std::fs::canonicalize(&args.on).unwrap_or(args.on)),
    };
    let folder = folder(RunFolder::create(&dir, &document, &plan, &info))?;
    let settings = DriveSettings {
        t0: args.t0.or_else(|| t0(&plan)),
        pace: Pace::AS_PLANNED,
        ..settings(&args.pacing)
    };
    let conductor = Conductor::start(folder, redactor, world, settings).await;
    let conductor = conductor.map_err(|error| {
        if dir.exists() { carry::failed(error) } else { carry::not_begun(error) }
    })?;
    let _beside = dead_man_of(order, &dir).await?;
    finish(conductor, &dir, signer, style).await
}

/// Goes on with a run.
///
/// # Errors
/// Fails where the run was changed, another process carries it out, or it can't go on.
pub(super) async fn resume(args: ResumeArgs, style: Style) -> Result<Exit, Failure> {
    let signer = args.sign.log_key.as_deref().map(say::key).transpose()?;
    let run = open(&args.dir)?;
    if let Some(file) = &args.runbook {
        is_same(file, &run)?;
    }
    if let Some(phase) = ended(run.state.phase()) {
        let dir = Visible(args.dir.display());
        return Err(Failure::usage(format!(
            "the run has ended, {phase}: `tidegate runbook report {dir}` tells of it"
        )));
    }
    let info = folder(run.folder.info())?;
    let on = args.on.or(info.acts_on_file).ok_or_else(|| {
        Failure::usage(
            "it was a rehearsal, and its stack is gone with the process: rehearse again; or name what the \
             run acts on, --on FILE",
        )
    })?;
    let (world, redactor, digest) = world::read(&on, &run.plan, &info.run, &args.dir)?;
    let order = world::dead_man(&on, &info.run)?;
    dead_man::settle(&args.dir).await?;
    dead_man::take_in(&run, &redactor)?;
    let acts_on = if args.on_changed { ActsOn::FromNowOn(digest) } else { ActsOn::Same(digest) };
    let settings = DriveSettings { pace: Pace::AS_PLANNED, ..settings(&args.pacing) };
    let conductor = Conductor::resume_on(run.folder, redactor, world, settings, acts_on).await;
    let conductor = conductor.map_err(|error| match error {
        error @ DriveError::OtherWorld { .. } => {
            let shown = Visible(on.display());
            Failure::usage(format!(
                "{shown} is not what it was: put it back, or say with --on-changed that the run acts on that \
                 from now on"
            ))
            .because(error)
        }
        error => carry::failed(error),
    });
    let conductor = conductor?;
    let _beside = dead_man_of(order, &args.dir).await?;
    finish(conductor, &args.dir, signer, style).await
}

/// Returns how a run ended, where it has.
fn ended(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Kept => Some("kept"),
        Phase::RolledBack => Some("rolled back"),
        Phase::RollbackFailed => Some("with a way back that failed"),
        Phase::Aborted => Some("aborted"),
        Phase::Draft | Phase::Gates | Phase::Go | Phase::Hold | Phase::RollingBack => None,
    }
}

/// Starts the dead man of a run that has a router.
async fn dead_man_of(
    order: Option<DeadManOrder>,
    dir: &Path,
) -> Result<Option<dead_man::Beside>, Failure> {
    match order {
        Some(order) => dead_man::beside(order, dir).await.map(Some),
        None => Ok(None),
    }
}

async fn finish(
    conductor: Conductor,
    dir: &Path,
    signer: Option<Signer>,
    style: Style,
) -> Result<Exit, Failure> {
    let phase = carry::carry_out(conductor, style).await?;
    let mut evidence = None;
    if let Some(signer) = signer {
        let out = dir.join("evidence");
        carry::evidence(&open(dir)?, &signer, &out)?;
        console::note(&format!("evidence: {}", Visible(out.display())));
        evidence = Some(out.display().to_string());
    } else {
        console::note("no evidence was signed: `tidegate runbook report --evidence` does it later");
    }
    if style == Style::Json {
        let run = open(dir)?;
        console::document(&json!({
            "ended": run.live().ok().flatten().map(|live| live.phase), "kept": phase == Phase::Kept,
            "run": run.state.run(), "entries": run.entries().len(), "dir": dir.display().to_string(),
            "evidence": evidence,
        }))?;
    }
    Ok(carry::exit(phase))
}

/// Refuses a runbook that is not the one that a run was begun with.
fn is_same(file: &Path, run: &Onlooker) -> Result<(), Failure> {
    let text = read(file)?.map_err(|problem| Failure::usage(problem.to_string()))?;
    let (ours, theirs) = (run.plan.source, Hash::of(text.as_bytes()));
    if ours == theirs {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} was changed since the run began (sha256 {theirs}, then {ours}): people approved of the plan \
         that it made then; resume without --runbook to go on with that one, or begin a new run",
        Visible(file.display())
    )))
}

/// Reads a runbook and makes its plan; nothing where it has faults, which are shown.
///
/// # Errors
/// Fails where the file can't be read.
pub(crate) fn planned(file: &Path, options: &Options) -> Result<Option<(String, Plan)>, Failure> {
    let text = match read(file)? {
        Ok(text) => text,
        Err(problem) => {
            print(file, &[problem]);
            return Ok(None);
        }
    };
    let planned = plan(&text, options);
    let Some(plan) = planned.plan else {
        print(file, &planned.problems);
        return Ok(None);
    };
    for problem in &planned.problems {
        console::note(&format!("{}: {problem}", Visible(file.display())));
    }
    Ok(Some((text, plan)))
}

fn settings(pacing: &PacingArgs) -> DriveSettings {
    DriveSettings {
        t0: None,
        pace: Pace::AS_PLANNED,
        grace: Duration::from_secs(pacing.grace),
        lease: Duration::from_secs(pacing.lease),
        on_entry: None,
    }
}

/// Returns the T0 with which the first step that has a time is due now.
pub(crate) fn t0(plan: &Plan) -> Option<Timestamp> {
    let first = plan.steps.iter().filter_map(|step| step.at).min()?;
    let until = SignedDuration::from_mins(i64::from(-first.minutes()));
    Timestamp::now().checked_add(until).ok()
}

/// Returns the run's name: what was asked for, or one made of the runbook's title and the time.
fn name(asked: Option<String>, plan: &Plan) -> Result<String, Failure> {
    let name = asked.unwrap_or_else(|| run_name(&plan.runbook));
    if is_run_name(&name) {
        return Ok(name);
    }
    let name = conductor::FolderError::Name(Visible(&name).to_string());
    Err(Failure::usage(format!("--name: {name}")))
}

/// Makes a run's name of a title and the time.
pub(crate) fn run_name(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.take(4).collect::<Vec<_>>().join("-").to_lowercase();
    let slug = if slug.is_empty() { "run".to_owned() } else { slug };
    format!("{slug}-{}", Timestamp::now().strftime("%Y%m%dT%H%M%S"))
}

fn folder<T>(result: Result<T, conductor::FolderError>) -> Result<T, Failure> {
    result.map_err(|error| Failure::usage("the run's folder").because(error))
}
