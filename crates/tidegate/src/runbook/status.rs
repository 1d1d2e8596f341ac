//! How a run stands, for whoever looks from another process.

use std::time::Duration;

use conductor::{Live, view::summary};
use serde_json::json;
use tokio::time::sleep;

use super::{carry::Shown, dead_man, open};
use crate::{
    cli::{StatusArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
};

/// From look to look.
const LOOK: Duration = Duration::from_millis(500);

/// Shows how a run stands, once or until it ends.
///
/// # Errors
/// Fails where the run can't be read, or was never carried out.
pub(super) async fn run(args: StatusArgs, style: Style) -> Result<Exit, Failure> {
    if args.follow {
        return follow(&args, style).await;
    }
    let run = open(&args.dir)?;
    let live = live(&args)?;
    let is_carried_out = run.is_carried_out();
    match style {
        Style::Json => {
            let deeds = dead_man::deeds(&run)?;
            console::document(&json!({
                "carried_out": is_carried_out, "dead_man": deeds, "run": live,
            }))?;
        }
        Style::Human => {
            // First: what follows is how it was.
            if !is_carried_out && live_goes_on(&live) {
                console::conclude(&nobody(&args)?);
            }
            for line in summary(&live) {
                console::conclude(&line);
            }
        }
    }
    Ok(Exit::Done)
}

async fn follow(args: &StatusArgs, style: Style) -> Result<Exit, Failure> {
    let mut shown = Shown::new(style);
    let mut was_carried_out = true;
    loop {
        let live = live(args)?;
        shown.show(Some(&live));
        let is_carried_out = is_carried_out(args)?;
        if live_goes_on(&live) && is_carried_out != was_carried_out {
            match style {
                Style::Json => console::document(&json!({"carried_out": is_carried_out}))?,
                Style::Human if is_carried_out => console::note("A process carries it out again."),
                Style::Human => console::note(&nobody(args)?),
            }
        }
        was_carried_out = is_carried_out;
        if !live_goes_on(&live) {
            shown.end(Some(&live));
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

/// Says that the process that carries the run out is gone, and what was done about the canary.
fn nobody(args: &StatusArgs) -> Result<String, Failure> {
    let dir = evidence::Visible(args.dir.display());
    let run = open(&args.dir)?;
    if run.folder.info().is_ok_and(|info| info.acts_on_file.is_none()) {
        return Ok(format!(
            "It was a rehearsal, whose process is gone and its stack with it: rehearse again. `tidegate \
             runbook report {dir}` tells of what was done."
        ));
    }
    let deeds = dead_man::deeds(&run)?;
    let canary = if deeds.is_empty() {
        "The router takes the canary out when the lease is over.".to_owned()
    } else {
        format!("The dead man of this run acted: {}.", deeds.join("; "))
    };
    Ok(format!(
        "NOBODY carries it out, and what is shown is what the last process wrote: `tidegate runbook resume \
         {dir}` goes on with it. {canary}"
    ))
}

fn is_carried_out(args: &StatusArgs) -> Result<bool, Failure> {
    let folder = conductor::RunFolder::open(&args.dir);
    let folder = folder.map_err(|error| Failure::usage("the run's folder").because(error))?;
    Ok(folder.is_carried_out())
}

fn live(args: &StatusArgs) -> Result<Live, Failure> {
    let folder = conductor::RunFolder::open(&args.dir);
    let live = folder.and_then(|folder| folder.live());
    let live = live.map_err(|error| Failure::usage("the run's folder").because(error))?;
    live.ok_or_else(|| Failure::failed("the run has not begun"))
}

fn live_goes_on(live: &Live) -> bool {
    !live.phase.is_over()
}
