//! How a run stands, for whoever looks from another process.

use std::time::Duration;

use conductor::{Live, view::summary};
use serde_json::json;
use tokio::time::sleep;

use super::{carry::Shown, open};
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
            console::document(&json!({"carried_out": is_carried_out, "run": live}))?;
        }
        Style::Human => {
            for line in summary(&live) {
                console::conclude(&line);
            }
            if !is_carried_out && live_goes_on(&live) {
                let dir = evidence::Visible(args.dir.display());
                console::conclude(&format!(
                    "Nobody carries it out: `tidegate runbook resume {dir}` goes on with it."
                ));
            }
        }
    }
    Ok(Exit::Done)
}

async fn follow(args: &StatusArgs, style: Style) -> Result<Exit, Failure> {
    let mut shown = Shown::new(style);
    loop {
        let live = live(args)?;
        shown.show(Some(&live));
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

fn live(args: &StatusArgs) -> Result<Live, Failure> {
    let folder = conductor::RunFolder::open(&args.dir);
    let live = folder.and_then(|folder| folder.live());
    let live = live.map_err(|error| Failure::usage("the run's folder").because(error))?;
    live.ok_or_else(|| Failure::failed("the run has not begun"))
}

fn live_goes_on(live: &Live) -> bool {
    !matches!(live.phase.as_str(), "kept" | "rolled-back" | "rollback-failed" | "aborted")
}
