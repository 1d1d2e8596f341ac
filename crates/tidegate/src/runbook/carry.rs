//! Carrying a run out in the foreground: what it does is shown as it goes, and an interrupt leaves it
//! where it is.

use std::{io::IsTerminal, time::Duration};

use conductor::{
    Conductor, DriveError, JournalError, Live, Onlooker, Phase, RunRecord, export_what_is_there,
    view::{Paint, Size, lines, screen, summary},
};
use evidence::{Signer, Visible, folder};
use futures_util::{StreamExt, stream::FuturesUnordered};
use jiff::Timestamp;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{cli::Style, console, exit::Exit, failure::Failure};

/// From picture to picture of what goes on.
const PICTURE: Duration = Duration::from_millis(250);

/// The size of a terminal that does not say it.
const SIZE: Size = Size { columns: 80, rows: 24 };

/// Carries a run out to its end, showing how it stands, and returns how it ended.
///
/// # Errors
/// Fails where the run can't go on, or was interrupted.
pub(crate) async fn carry_out(mut conductor: Conductor, style: Style) -> Result<Phase, Failure> {
    let looking = conductor.looking();
    shown(looking, style, |stop| async move { conductor.run(stop).await }).await.map_err(failed)
}

/// Shows how a run stands while something carries it out, and tells that to stop where somebody
/// interrupts.
///
/// # Errors
/// Fails as that does.
pub(crate) async fn shown<T, E, F: Future<Output = Result<T, E>>>(
    looking: watch::Receiver<Option<Live>>,
    style: Style,
    run: impl FnOnce(watch::Receiver<bool>) -> F,
) -> Result<T, E> {
    let (stop, stopped) = watch::channel(false);
    let mut shown = Shown::new(style);
    let mut interrupts = Interrupts::new();
    let ended = {
        let running = run(stopped);
        tokio::pin!(running);
        let mut pictures = tokio::time::interval(PICTURE);
        loop {
            tokio::select! {
                ended = &mut running => break ended,
                () = interrupts.next() => { let _ended = stop.send(true); }
                _ = pictures.tick() => shown.show(looking.borrow().as_ref()),
            }
        }
    };
    shown.show(looking.borrow().as_ref());
    shown.end(looking.borrow().as_ref());
    ended
}

/// SIGINT and SIGTERM, heard from the beginning on.
struct Interrupts {
    streams: Vec<Signal>,
}

impl Interrupts {
    fn new() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Interrupts { streams: kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect() }
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        let mut all: FuturesUnordered<_> = self.streams.iter_mut().map(Signal::recv).collect();
        if all.next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Returns the failure of a run that has not begun, and of which nothing is left.
pub(crate) fn not_begun(error: DriveError) -> Failure {
    match error {
        error @ DriveError::Lease(_) => failed(error),
        error => Failure::failed("the run did not begin; make that right, and begin it again")
            .because(error),
    }
}

/// Returns the failure of a run that can't go on.
pub(crate) fn failed(error: DriveError) -> Failure {
    match error {
        DriveError::Stopped => Failure::failed(
            "interrupted: the run stays as it is, the router takes the canary out when the lease is \
             over, and `tidegate runbook resume` goes on",
        ),
        DriveError::Journal(JournalError::Busy) => Failure::unreachable(
            "another process carries the run out: `tidegate runbook status --follow` shows how it goes",
        ),
        DriveError::Lease(_) => {
            Failure::unreachable("what the run acts on is not its").because(error)
        }
        DriveError::Folder(
            conductor::FolderError::Changed { .. } | conductor::FolderError::Taken(_),
        ) => Failure::usage("the run's folder is not what it was").because(error),
        error => {
            Failure::failed("the run can't go on; make that right, and `tidegate runbook resume`")
                .because(error)
        }
    }
}

/// Returns how a command ends whose run ended so.
pub(crate) fn exit(phase: Phase) -> Exit {
    if phase == Phase::Kept { Exit::Done } else { Exit::Failed }
}

/// Where a run is shown.
pub(crate) struct Shown {
    to: To,
    last: Option<Live>,
}

enum To {
    /// A picture on a terminal, drawn over the one before.
    Screen { lines: usize },
    /// A line for each thing that changes.
    Lines,
    /// The same as JSON: how the run stands, at each change.
    Json,
}

impl Shown {
    pub(crate) fn new(style: Style) -> Self {
        let to = match style {
            Style::Json => To::Json,
            Style::Human if std::io::stderr().is_terminal() => To::Screen { lines: 0 },
            Style::Human => To::Lines,
        };
        Shown { to, last: None }
    }

    /// Shows how a run stands, where that is something new.
    pub(crate) fn show(&mut self, live: Option<&Live>) {
        let Some(live) = live else { return };
        match &mut self.to {
            To::Screen { lines } => {
                let size = size();
                let drawn = screen(live, Timestamp::now(), size, Paint::Colour);
                console::redraw(*lines, &drawn);
                *lines = drawn.len();
            }
            To::Lines => {
                for line in lines(self.last.as_ref(), live) {
                    console::note(&line);
                }
            }
            To::Json => {
                let is_new = self.last.as_ref().is_none_or(|last| {
                    (&last.now, &last.phase, &last.waiting)
                        != (&live.now, &live.phase, &live.waiting)
                });
                if is_new && console::document(live).is_err() {
                    return;
                }
            }
        }
        self.last = Some(live.clone());
    }

    /// Shows the end.
    pub(crate) fn end(&self, live: Option<&Live>) {
        if let (Some(live), To::Screen { .. } | To::Lines) = (live, &self.to) {
            for line in summary(live) {
                console::conclude(&line);
            }
        }
    }
}

fn size() -> Size {
    let found = rustix::termios::tcgetwinsize(std::io::stderr());
    match found {
        Ok(found) if found.ws_col > 0 && found.ws_row > 0 => {
            Size { columns: found.ws_col.into(), rows: found.ws_row.into() }
        }
        _ => SIZE,
    }
}

/// Writes a run's evidence.
///
/// # Errors
/// Fails where the run can't be read, or the folder can't be written.
pub(crate) fn evidence(
    run: &Onlooker,
    signer: &Signer,
    out: &std::path::Path,
) -> Result<(), Failure> {
    let failed = || format!("the evidence can't be written to {}", Visible(out.display()));
    let outputs = run.outputs().map_err(|error| Failure::failed(failed()).because(error))?;
    let record = RunRecord { journal: &run.journal, plan: &run.plan, outputs: &outputs };
    let (recorder, missing) = export_what_is_there(&record, signer, Timestamp::now())
        .map_err(|error| Failure::failed(failed()).because(error))?;
    for output in missing {
        let name = Visible(&output.name);
        console::note(&format!(
            "the output {name} with the digest {} is missing, and whoever verifies the evidence finds that",
            output.sha256
        ));
    }
    folder::write(out, &recorder, signer).map_err(|error| Failure::failed(failed()).because(error))
}
