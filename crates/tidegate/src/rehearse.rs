//! `tidegate rehearse`: a runbook is carried out on a whole stack that is started for it, something is
//! broken, and signed evidence says what came of it. How that goes is the crate `rehearsal`.

mod clients;
mod places;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ::evidence::{LOG_ROLE, Signer, Visible, folder};
use ::runbook::{Mode, Options};
use conductor::{DriveError, Onlooker, Pace, RunRecord, export_with, report::Report};
use jiff::Timestamp;
use rehearsal::{
    Deciders, Fault, Play, PlayError, PlaySettings, Played, Script, ScriptFaults, ServerProgram,
};
use serde_json::json;

use crate::{
    cli::{RehearseArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
    runbook::{carry, dead_man, open, report, say, start},
};

/// Plays a rehearsal.
///
/// # Errors
/// Fails where something is missing, or it can't be played to its end.
pub(crate) async fn run(args: RehearseArgs, style: Style) -> Result<Exit, Failure> {
    let (file, script) = script(&args)?;
    let environment = script.environment.clone();
    let options = Options { mode: Some(Mode::Rehearsal), environment };
    let Some((document, plan)) = start::planned(&args.runbook, &options)? else {
        return Ok(Exit::Failed);
    };
    let signer = match &args.log_key {
        Some(file) => say::key(file)?,
        None => say::key_of_a_run("tidegate.local/rehearsal")?,
    };
    let name = start::run_name(&plan.runbook);
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from("tidegate-runs").join(&name));
    let evidence = args.evidence.clone().unwrap_or_else(|| dir.join("evidence"));
    let keys = keys_of(&evidence);
    for taken in [&dir, &evidence, &keys] {
        if taken.exists() {
            let text =
                format!("{} is there already; name another folder", Visible(taken.display()));
            return Err(Failure::usage(text));
        }
    }
    let settings = settings(&args, script, (name, document, plan), &dir)?;
    // With what the arguments say instead.
    let checked = settings.script.check(&settings.plan);
    checked.map_err(|error| not_played(&file, error))?;
    is_candidate_played(&args, &settings, &file)?;
    settings.check().map_err(failed)?;
    places::make(&dir, &evidence)?;
    let (pace, run) = (settings.pace, settings.run.clone());
    let begun = Play::begin(settings, &mut |what| console::note(what)).await;
    let play = begun.map_err(|error| {
        places::leave(&dir);
        failed(error)
    })?;
    let beside = dead_man::beside_rehearsal(&run, &play.router(), play.run_folder()).await?;
    let looking = play.looking();
    let played = carry::shown(looking, style, |stop| play.run(stop)).await.map_err(failed)?;
    drop(beside);
    let run = open(&played.run_folder)?;
    write_evidence(&run, &played, &signer, &evidence)?;
    let reports = write_reports(&run, &played.clients, &evidence, &dir)?;
    conclude(&played, pace, &[evidence, reports], style)
}

/// Returns how the runbook is played, and the file that says so.
fn script(args: &RehearseArgs) -> Result<(PathBuf, Script), Failure> {
    let file = script_file(args)?;
    let text = fs::read_to_string(&file).map_err(|error| {
        let text = format!("{} can't be read; --script names another", Visible(file.display()));
        Failure::usage(text).because(error)
    })?;
    let script = Script::parse(&text).map_err(|error| not_played(&file, error))?;
    Ok((file, script))
}

/// Refuses a candidate that would not be started: nothing would be said of it.
fn is_candidate_played(
    args: &RehearseArgs,
    settings: &PlaySettings,
    script: &Path,
) -> Result<(), Failure> {
    let named = args.candidate.as_ref().map(|_| "--candidate");
    let named = named.or(settings.inject.as_ref().map(|_| "--inject"));
    match named.filter(|_| !settings.script.starts_candidate(&settings.plan)) {
        None => Ok(()),
        Some(option) => Err(Failure::usage(format!(
            "{option} is for nothing here: no step of {} does `deploy-candidate` or `promote`, and its \
             [stack] has no `candidate = true`, so that no candidate is started; leave it out",
            Visible(script.display())
        ))),
    }
}

fn not_played(script: &Path, faults: ScriptFaults) -> Failure {
    Failure::usage(format!("{}", Visible(script.display()))).because(faults)
}

/// Returns this program as a server, whatever its file is called.
fn this() -> Result<ServerProgram, Failure> {
    let path = std::env::current_exe();
    let path = path.map_err(|error| Failure::failed("this program").because(error))?;
    Ok(ServerProgram { path, arguments: vec!["serve".to_owned()] })
}

fn settings(
    args: &RehearseArgs,
    mut script: Script,
    (run, document, plan): (String, String, ::runbook::Plan),
    dir: &Path,
) -> Result<PlaySettings, Failure> {
    script.variables.extend(args.variable.iter().cloned());
    script.load.readers = args.readers.unwrap_or(script.load.readers);
    let times = if args.full { 1.0 } else { args.pace.unwrap_or(script.pace) };
    let pace = Pace::new(times).map_err(|error| Failure::usage("--pace").because(error))?;
    let fault = args.fault.as_deref().map(Fault::parse).transpose();
    let fault = fault.map_err(|error| Failure::usage("--fault").because(error))?;
    let stable = args.server.clone().map(ServerProgram::new).map_or_else(this, Ok)?;
    let candidate = args.candidate.clone().map_or_else(|| stable.clone(), ServerProgram::new);
    let inject = args.inject.clone().or_else(|| script.inject.clone()).filter(|it| it != "none");
    let here =
        std::env::current_dir().map_err(|error| Failure::failed("this folder").because(error))?;
    Ok(PlaySettings {
        run,
        document,
        plan,
        script,
        folder: dir.to_owned(),
        stable,
        candidate,
        inject,
        fault,
        surreal: args.surreal.clone(),
        anvil: args.anvil.clone(),
        deciders: if args.attended { Deciders::People } else { Deciders::StandIns },
        drain: Duration::from_secs(args.drain),
        pace,
        commands_in: here,
        lease: Duration::from_secs(10),
    })
}

/// Returns the file beside the runbook that says how it is played.
fn script_file(args: &RehearseArgs) -> Result<PathBuf, Failure> {
    if let Some(file) = &args.script {
        return Ok(file.clone());
    }
    let name = args.runbook.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.strip_suffix(".run.md").ok_or_else(|| {
        Failure::usage("the runbook is not called NAME.run.md: say how it is played, --script FILE")
    })?;
    Ok(args.runbook.with_file_name(format!("{stem}.rehearsal.toml")))
}

fn write_evidence(
    run: &Onlooker,
    played: &Played,
    signer: &Signer,
    out: &Path,
) -> Result<(), Failure> {
    let failed = || format!("the evidence can't be written to {}", Visible(out.display()));
    let outputs = run.outputs().map_err(|error| Failure::failed(failed()).because(error))?;
    let record = RunRecord { journal: &run.journal, plan: &run.plan, outputs: &outputs };
    let stated =
        played.stated(LOG_ROLE).map_err(|error| Failure::failed(failed()).because(error))?;
    let recorder = export_with(&record, vec![stated], signer, Timestamp::now())
        .map_err(|error| Failure::failed(failed()).because(error))?;
    folder::write(out, &recorder, signer)
        .map_err(|error| Failure::failed(failed()).because(error))?;
    let keys = format!("{LOG_ROLE} {}\n", signer.verifier());
    report::write(&keys_of(out), &keys)
}

/// Returns the file of the keys with which evidence is verified, beside it.
fn keys_of(evidence: &Path) -> PathBuf {
    let mut name = evidence.as_os_str().to_owned();
    name.push(".keys");
    PathBuf::from(name)
}

/// Writes the record of the run, as Markdown and as a page; returns the page.
fn write_reports(
    run: &Onlooker,
    clients: &[String],
    evidence: &Path,
    dir: &Path,
) -> Result<PathBuf, Failure> {
    let kept = report::kept(run, &[evidence.to_owned()])?;
    let made = Report::new(kept.material(run))
        .map_err(|error| Failure::failed("no report can be made of the run").because(error))?;
    report::write(&dir.join("report.md"), &clients::markdown(&made.markdown(), clients))?;
    let page = dir.join("report.html");
    report::write(&page, &clients::html(&made.html(), clients))?;
    Ok(page)
}

fn conclude(
    played: &Played,
    pace: Pace,
    [evidence, page]: &[PathBuf; 2],
    style: Style,
) -> Result<Exit, Failure> {
    let has_passed = played.has_passed();
    let withheld = &played.certificate.not_for_production;
    match style {
        Style::Json => console::document(&json!({
            "passed": has_passed,
            "ended": played.phase.as_str(),
            "reasons": played.reasons,
            "not_for_production": withheld,
            "pace": pace,
            "how": played.how,
            "clients": played.load,
            "clients_said": played.clients,
            "expires": played.certificate.expires,
            "evidence": evidence,
            "report": page,
        }))?,
        Style::Human => {
            for line in &played.clients {
                console::conclude(&format!("clients: {}", Visible(line)));
            }
            if !pace.is_as_planned() {
                console::conclude(&format!("waiting times passed {} times as fast", pace.times()));
            }
            let wrong = &played.how["made_wrong_on_purpose"];
            for made in [&wrong["candidate"], &wrong["around"]["what"]] {
                if let Some(made) = made.as_str() {
                    console::conclude(&format!("made wrong on purpose: {}", Visible(made)));
                }
            }
            for reason in &played.reasons {
                console::conclude(&format!("not passed: {}", Visible(reason)));
            }
            console::conclude(&format!("report: {}", Visible(page.display())));
            let (folder, keys) = (evidence.display(), keys_of(evidence));
            console::conclude(&format!(
                "verify: tidegate evidence verify {} --keys {}",
                Visible(folder),
                Visible(keys.display())
            ));
            let expires = played.certificate.expires.strftime("%Y-%m-%d");
            for why in withheld {
                console::conclude(&format!("vouches for no release: {}", Visible(why)));
            }
            console::conclude(&if has_passed && !withheld.is_empty() {
                "PASSED, without a certificate for production".to_owned()
            } else if has_passed {
                format!("PASSED: the certificate counts until {expires}")
            } else {
                "FAILED".to_owned()
            });
        }
    }
    Ok(if has_passed { Exit::Done } else { Exit::Failed })
}

fn failed(error: PlayError) -> Failure {
    match error {
        PlayError::Fault(faults) => Failure::usage("--fault").because(faults),
        error @ PlayError::Inject(_) => Failure::usage("--inject").because(error),
        PlayError::Stack(stack) if !stack.is_unavailable() => {
            Failure::usage("the rehearsal can't be played").because(stack)
        }
        PlayError::Stack(_) | PlayError::Load(_) => {
            Failure::unreachable("the rehearsal can't go on").because(error)
        }
        PlayError::Drive(DriveError::Stopped) => Failure::failed(
            "interrupted: the stack was ended; what was written until then is in the folder",
        ),
        PlayError::Drive(error) => carry::failed(error),
        error => Failure::failed("the rehearsal can't be played").because(error),
    }
}
