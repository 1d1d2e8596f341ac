//! The measurements without the rest of the command line, for whoever builds the server alone:
//! `cargo run --release -p bench --example measure -- ingest --program target/release/viz-api`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the figures are what it is for")]

use std::{process::ExitCode, time::Duration};

use bench::{BenchCommand, Run, Stop, Watch};
use clap::Parser;

#[derive(Parser)]
struct Cli {
    /// Prints JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: BenchCommand,
}

struct Shown;

impl Watch for Shown {
    fn tick(&mut self, _: &'static str, _: Duration, _: &str) {}
}

fn main() -> ExitCode {
    let Cli { json, command } = Cli::parse();
    let (stop, watch) = (Stop::default(), &mut Shown);
    let ended = Run::of(command).and_then(|run| match run {
        Run::Feed(feed) => feed.run(watch, &stop),
        Run::Pure(pure) => pure.run(watch, &stop),
        Run::Measurement(measurement) => measurement.run(watch, &stop),
        Run::Chat(chat) => chat.run(watch, &stop),
        Run::Soak(soak) => soak.run(watch, &stop),
        Run::Floor(args) => {
            bench::run_floor(&args, &stop)?;
            Err(bench::BenchError::Stopped)
        }
    });
    match ended {
        Ok(outcome) => {
            println!("{}", if json { outcome.document.to_string() } else { outcome.text });
            if outcome.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(69)
        }
    }
}
