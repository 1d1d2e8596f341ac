//! `tidegate`: the server and its clients on one command line.
//!
//! Owns arguments, exit codes and what is printed. Must not know how the server works: it starts
//! it, and talks to it as any client does.

mod audit;
mod bench;
mod cli;
mod client;
mod console;
mod cutover;
mod evidence;
mod exit;
mod failure;
mod guard;
mod keys;
mod progress;
mod publish;
mod ready;
mod record;
mod rehearse;
mod replay;
mod runbook;
mod serve;
mod sse;
mod store;
mod tail;
mod target;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    cli::{Cli, Command},
    exit::Exit,
    failure::Failure,
};

/// Gives back what a storm took: the system's allocator keeps most of it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => return refuse(&refused).into(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(dispatch(cli));
            // A read of standard input can't be cancelled, and must not hold up the end.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Failure::unreachable("no threads can be started").because(error)),
    };
    ended.unwrap_or_else(|failure| {
        console::note(&format!("tidegate: {}", failure.chain()));
        failure.exit.into()
    })
}

async fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let _limit = hear_file_limits();
    let style = cli.style();
    let exit = match cli.command {
        Command::Serve(args) => return serve::run(args.config.values()?, style).await,
        Command::Publish(args) => publish::run(args, style).await,
        Command::Tail(args) => tail::run(args, style).await,
        Command::Keys(command) => keys::run(&command, style),
        Command::Audit(args) => audit::run(args, style).await,
        Command::Cutover(args) => cutover::run(args, style).await,
        Command::Guard(command) => guard::run(command, style).await,
        Command::Evidence(command) => evidence::run(command, style).await,
        Command::Store(command) => store::run(command, style).await,
        Command::Ready(args) => ready::run(args, style).await,
        Command::Record(args) => record::run(args, style).await,
        Command::Replay(args) => replay::run(&args, style).await,
        Command::Rehearse(args) => rehearse::run(args, style).await,
        Command::Runbook(command) => runbook::run(command, style).await,
        Command::Bench(command) => bench::run(command, style).await,
    };
    exit.map(ExitCode::from)
}

/// Hears the signal that a file may not be longer (`ulimit -f`), which would end the process without a
/// word: while this is there, the writing fails instead, and says so.
fn hear_file_limits() -> Option<Signal> {
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).ok()
}

/// Prints what clap has to say: help is a success, a bad argument is not.
fn refuse(refused: &clap::Error) -> Exit {
    if refused.use_stderr() {
        console::note(&refused.render().to_string());
        return Exit::Usage;
    }
    console::conclude(&refused.render().to_string());
    Exit::Done
}
