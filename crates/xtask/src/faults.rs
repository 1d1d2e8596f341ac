//! Rehearses a runbook once for each fault of a candidate, and a good candidate as often as asked for,
//! and prints what came of each as a table: by which guard it was seen, after how long, what readers saw.
//!
//! Owns: which faults there are and when a row is good. What a rehearsal is, is the program's.

mod account;

use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use self::account::Account;
use crate::cli::FaultsArgs;
use crate::exit::Exit;
use crate::process::{self, End};
use crate::{console, surreal, workspace};

/// How long a build may take, and a rehearsal.
const BUILD_TIME_MAX: Duration = Duration::from_secs(3600);
const REHEARSAL_TIME_MAX: Duration = Duration::from_secs(600);

/// A fault of the candidate, and the guards that are there for it.
#[derive(Clone, Copy, Debug)]
struct Fault {
    name: &'static str,
    inject: &'static str,
    /// One of them has to see it; which is first may be chance.
    guards: &'static [&'static str],
}

/// Each kind in docs/inject.md.
const FAULTS: &[Fault] = &[
    Fault { name: "errors", inject: "errors=20%", guards: &["errors"] },
    Fault { name: "latency", inject: "latency=250ms", guards: &["latency"] },
    Fault {
        name: "latency-half",
        inject: "latency=250ms@50%",
        guards: &["latency", "latency-mean"],
    },
    Fault { name: "disconnects", inject: "disconnects=30%@10s", guards: &["disconnects"] },
    Fault { name: "lose", inject: "lose=1/200", guards: &["lost"] },
    Fault { name: "repeat", inject: "repeat=1/200", guards: &["repeated"] },
    Fault { name: "reorder", inject: "reorder=1/200", guards: &["reordered"] },
    Fault { name: "crash", inject: "crash=20s", guards: &["restarts"] },
    Fault { name: "idempotency", inject: "idempotency", guards: &["idempotency"] },
];

/// The programs that are rehearsed with.
struct Programs {
    tidegate: PathBuf,
    candidate: PathBuf,
}

/// Rehearses what was asked for, one after the other.
///
/// # Errors
///
/// Fails where a program cannot be built or started, or a rehearsal left no account.
pub(crate) fn run(args: &FaultsArgs) -> anyhow::Result<Exit> {
    let faults: Vec<_> = FAULTS.iter().filter(|fault| args.takes(fault.name)).collect();
    let programs = programs(args, &faults)?;
    let surreal = surreal::provide()?;
    fs::create_dir(&args.out).with_context(|| {
        format!("{} can't be made; name a folder that is not there yet", args.out.display())
    })?;
    console::say(account::HEAD);
    let mut bad = 0;
    let mut play = |name: &str, fault: Option<&Fault>| -> anyhow::Result<()> {
        let account = rehearse(args, &programs, &surreal, name, fault)?;
        let what = fault.map_or(name, |fault| fault.inject);
        console::say(&account.row(what));
        let troubles = account.troubles(fault.map(|fault| fault.guards));
        bad += usize::from(!troubles.is_empty());
        troubles.iter().for_each(|trouble| console::complain(&format!("{what}: {trouble}")));
        Ok(())
    };
    for fault in faults {
        play(fault.name, Some(fault))?;
    }
    for turn in 1..=args.good {
        play(&format!("good-{turn}"), None)?;
    }
    Ok(if bad == 0 { Exit::Done } else { Exit::CheckFailed })
}

/// Returns the names of the faults.
pub(crate) fn names() -> Vec<&'static str> {
    FAULTS.iter().map(|fault| fault.name).collect()
}

fn rehearse(
    args: &FaultsArgs,
    programs: &Programs,
    surreal: &Path,
    name: &str,
    fault: Option<&Fault>,
) -> anyhow::Result<Account> {
    // The program runs in the tree's root, where the runbook's commands do.
    let out = path::absolute(&args.out)?;
    let (folder, log) = (out.join(name), out.join(format!("{name}.log")));
    let mut command = Command::new(path::absolute(&programs.tidegate)?);
    command.args(["rehearse", "--json"]).arg(path::absolute(&args.runbook)?);
    command.arg("--dir").arg(&folder);
    command.args(["--readers", &args.readers.to_string()]).env("SURREAL_BIN", surreal);
    match fault {
        Some(fault) => {
            command.args(["--inject", fault.inject]).arg("--candidate");
            command.arg(path::absolute(&programs.candidate)?);
        }
        None => drop(command.args(["--inject", "none"])),
    }
    if let Some(script) = &args.script {
        command.arg("--script").arg(path::absolute(script)?);
    }
    command.current_dir(workspace::root()).stderr(fs::File::create(&log)?);
    let printed = out.join(format!("{name}.json"));
    let began = Instant::now();
    let ended = process::run_into(&mut command, REHEARSAL_TIME_MAX, fs::File::create(&printed)?)?;
    let seconds = REHEARSAL_TIME_MAX.as_secs();
    let is_over = matches!(ended, End::Exited { .. });
    ensure!(is_over, "{name} did not end within {seconds} s: see {}", log.display());
    let took = began.elapsed();
    let read = |path: PathBuf| {
        let lacks = || format!("{} can't be read: see {}", path.display(), log.display());
        fs::read_to_string(&path).with_context(lacks)
    };
    let run = folder.join("run");
    let (status, samples) = (read(run.join("status.json"))?, read(run.join("samples.jsonl"))?);
    Account::read(&read(printed)?, &status, &samples, took)
        .with_context(|| format!("{name} left no account: see {}", log.display()))
}

/// Builds the programs that are not named.
fn programs(args: &FaultsArgs, faults: &[&Fault]) -> anyhow::Result<Programs> {
    let tidegate = match &args.tidegate {
        Some(named) => named.clone(),
        None => {
            build(&["-p", "tidegate", "--bins"], &workspace::target())?;
            workspace::target().join("debug/tidegate")
        }
    };
    let candidate = match &args.candidate {
        Some(named) => named.clone(),
        None => {
            // In a folder of its own, so that no server without the feature is taken for it.
            let target = workspace::target().join("inject");
            if !faults.is_empty() {
                build(&["-p", "viz-api", "--features", "inject", "--bins"], &target)?;
            }
            target.join("debug/viz-api")
        }
    };
    Ok(Programs { tidegate, candidate })
}

fn build(what: &[&str], target: &Path) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.arg("build").args(what).arg("--target-dir").arg(target);
    let built = process::run(cargo.current_dir(workspace::root()), BUILD_TIME_MAX)?;
    ensure!(matches!(built, End::Exited { success: true, .. }), "{cargo:?} failed");
    Ok(())
}
