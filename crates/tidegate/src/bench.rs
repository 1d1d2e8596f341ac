//! `tidegate bench`: measurements as a command. What is measured, and how, is the crate `bench`.

use std::time::Duration;

use ::bench::{BenchCommand, BenchError, Outcome, Run, Stop, Watch, run_floor};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::spawn_blocking,
};

use crate::{cli::Style, console, exit::Exit, failure::Failure, progress::Progress};

/// Carries the command out.
///
/// # Errors
/// Fails where a measurement can't be made.
pub(crate) async fn run(command: BenchCommand, style: Style) -> Result<Exit, Failure> {
    let stop = Stop::default();
    let ended = match Run::of(command).map_err(failure)? {
        Run::Floor(args) => {
            let stopped = stop.clone();
            let floor = spawn_blocking(move || run_floor(&args, &stopped));
            until_stopped(&stop, floor).await?.map(|()| None)
        }
        Run::Measurement(measurement) => {
            let length = measurement.length();
            measure(&stop, length, move |watch, stop| measurement.run(watch, stop)).await?.map(Some)
        }
        Run::Feed(feed) => {
            let length = feed.length();
            measure(&stop, length, move |watch, stop| feed.run(watch, stop)).await?.map(Some)
        }
        Run::Pure(pure) => {
            let length = pure.length();
            measure(&stop, length, move |watch, stop| pure.run(watch, stop)).await?.map(Some)
        }
        Run::Chat(chat) => {
            let length = chat.length();
            measure(&stop, length, move |watch, stop| chat.run(watch, stop)).await?.map(Some)
        }
        Run::Soak(soak) => {
            let length = soak.length();
            measure(&stop, length, move |watch, stop| soak.run(watch, stop)).await?.map(Some)
        }
    };
    let Some(Outcome { text, document, passed }) = ended.map_err(failure)? else {
        return Ok(Exit::Done);
    };
    match style {
        Style::Human => console::conclude(&text),
        Style::Json => console::conclude(&document.to_string()),
    }
    Ok(if passed { Exit::Done } else { Exit::Failed })
}

/// Runs something that is watched, on a thread of its own.
async fn measure(
    stop: &Stop,
    length: Duration,
    run: impl FnOnce(&mut dyn Watch, &Stop) -> Result<Outcome, BenchError> + Send + 'static,
) -> Result<Result<Outcome, BenchError>, Failure> {
    let stopped = stop.clone();
    let measuring = spawn_blocking(move || {
        let mut shown = Shown(Progress::new(length));
        let outcome = run(&mut shown, &stopped);
        shown.0.finish();
        outcome
    });
    until_stopped(stop, measuring).await
}

/// Waits for the end; a signal asks for it, so that no server is left behind.
async fn until_stopped<T>(stop: &Stop, mut work: tokio::task::JoinHandle<T>) -> Result<T, Failure> {
    let no_signals = |error| Failure::failed("signals can't be caught").because(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let ended = tokio::select! {
        ended = &mut work => ended,
        _ = async { tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} } } => {
            stop.ask();
            work.await
        }
    };
    ended.map_err(|error| Failure::failed("the measurement broke off").because(error))
}

struct Shown(Progress);

impl Watch for Shown {
    fn tick(&mut self, phase: &'static str, elapsed: Duration, state: &str) {
        self.0.tick(phase, elapsed, state);
    }
}

fn failure(error: BenchError) -> Failure {
    let text = error.to_string();
    match error {
        BenchError::Usage(_) => Failure::usage(text),
        BenchError::Missing { .. } | BenchError::Unreachable { .. } => Failure::unreachable(text),
        BenchError::Machine { source, .. } => Failure::failed(text).because(source),
        BenchError::Refused { .. } | BenchError::Stopped => Failure::failed(text),
    }
}
