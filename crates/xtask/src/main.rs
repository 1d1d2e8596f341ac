//! `cargo xtask`: set-up, checks and tests, for a contributor and for CI alike.
//!
//! Owns the list of checks, their order, and what they need on the machine. It must not know
//! what any crate does, and no crate may know it.

mod anvil;
mod chaos;
mod cli;
mod console;
mod deny;
mod exit;
mod failures;
mod faults;
mod fuzz;
mod just;
mod needs;
mod npm;
mod process;
mod rehearse;
mod room;
mod runner;
mod sdk;
mod step;
mod steps;
mod summary;
mod surreal;
mod test_count;
mod tidy;
mod uniswap;
mod websocket;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, TestArgs};
use crate::exit::Exit;

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => dispatch(cli.command).unwrap_or_else(|error| {
            console::complain(&format!("{error:#}"));
            Exit::CheckFailed
        }),
        Err(refused) => refuse(&refused),
    };
    exit.into()
}

fn dispatch(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Test(TestArgs { list: true, .. }) => Ok(runner::list()),
        Command::Test(args) => {
            let without = args.without_server();
            runner::run_with(&steps::choose(&args.selection()), without)
        }
        Command::Lint => runner::run(&steps::named(&["format", "clippy", "docs"])),
        Command::Tidy => runner::run(&steps::named(&["tidy"])),
        Command::Deny => runner::run(&steps::named(&["deny"])),
        Command::Chaos(args) => chaos::run(&args.arguments),
        Command::Faults(args) => faults::run(&args),
        Command::Setup => needs::provide(),
    }
}

/// Prints what clap has to say: help is a success, a bad argument is not.
fn refuse(refused: &clap::Error) -> Exit {
    console::say(&refused.render().to_string());
    if refused.use_stderr() { Exit::Usage } else { Exit::Done }
}
