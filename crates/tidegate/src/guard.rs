//! `tidegate guard`: what a guard can do with a traffic. The statistics are the crate `guard`.

use std::fs;

use ::guard::{
    Alpha,
    simulate::{Plan, Traffic},
};
use evidence::Visible;
use tokio::task::spawn_blocking;

use crate::{
    cli::{GuardCommand, SimulateArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
};

/// Carries the command out.
///
/// # Errors
/// Fails on a traffic that makes no sense, or a drawing that can't be written.
pub(crate) async fn run(command: GuardCommand, style: Style) -> Result<Exit, Failure> {
    let GuardCommand::Simulate(args) = command;
    let plan = plan(&args)?;
    let simulated = spawn_blocking(move || {
        plan.study(&mut |row, rows| console::note(&format!("simulating {}/{rows}", row + 1)))
    });
    let broke_off = |error| Failure::failed("the simulation broke off").because(error);
    let study = simulated.await.map_err(broke_off)?;
    let study = study.map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(file) = &args.svg {
        let cannot = |error| {
            Failure::usage(format!("{} can't be written", Visible(file.display()))).because(error)
        };
        fs::write(file, study.svg()).map_err(cannot)?;
    }
    match style {
        Style::Human => console::conclude(&study.to_string()),
        Style::Json => {
            let mut document = serde_json::to_value(&study)
                .map_err(|error| Failure::failed("no JSON can be made of it").because(error))?;
            document["holds"] = study.holds().into();
            console::document(&document)?;
        }
    }
    Ok(if study.holds() { Exit::Done } else { Exit::Failed })
}

fn plan(args: &SimulateArgs) -> Result<Plan, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let plan = Plan {
        traffic: Traffic {
            requests_per_second: args.requests_per_second,
            error_ratio: args.error_ratio.of_one(),
            share: args.share.of_one(),
            seconds: args.minutes * 60,
            clients: args.clients,
        },
        alpha: Alpha::new(args.alpha).map_err(|error| usage(&error))?,
        look_s: args.look_seconds,
        again_after_s: args.again_after_seconds,
        runs: args.runs,
        seed: args.seed,
    };
    plan.check().map_err(|error| usage(&error))?;
    Ok(plan)
}
