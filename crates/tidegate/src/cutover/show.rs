//! What is shown of a switch: a bar or lines while it runs, and words at its end.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    client::{CutoverAsk, CutoverSoak, CutoverStatus},
    console,
};

const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a switch is, on standard error.
pub(super) enum Steps {
    /// On a terminal.
    Bar(ProgressBar),
    /// Elsewhere; with the last line's state and time.
    Lines(Option<(String, Instant)>),
}

impl Steps {
    /// Returns what suits standard error.
    pub(super) fn new() -> Self {
        let style = ProgressStyle::with_template("{prefix:>10} {wide_bar} {pos}/{len}  {msg}");
        match style {
            Ok(style) if std::io::stderr().is_terminal() => {
                Steps::Bar(ProgressBar::new(0).with_style(style))
            }
            _ => Steps::Lines(None),
        }
    }

    /// Shows a state that may be newer than the last.
    pub(super) fn show(&mut self, status: &CutoverStatus) {
        match self {
            Steps::Bar(bar) => {
                bar.set_prefix(status.state.clone());
                bar.set_length(status.streams);
                bar.set_position(position(status));
                bar.set_message(format!("{} events", status.events));
            }
            Steps::Lines(last) => {
                let is_old = last
                    .as_ref()
                    .is_none_or(|(state, at)| *state != status.state || at.elapsed() >= LINE_EVERY);
                if is_old {
                    *last = Some((status.state.clone(), Instant::now()));
                    console::note(&in_words(status));
                }
            }
        }
    }
}

impl Drop for Steps {
    /// Takes the bar away.
    fn drop(&mut self) {
        if let Steps::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Returns how many of the streams are through what is being done.
fn position(status: &CutoverStatus) -> u64 {
    match status.state.as_str() {
        "shadow" | "backfill" | "compared" => status.copied.min(status.streams),
        _ => status.moved.min(status.streams),
    }
}

/// Returns a line of progress.
pub(super) fn in_words(status: &CutoverStatus) -> String {
    let CutoverStatus { state, to, streams, events, .. } = status;
    let undo = if status.is_undo { ", undoing" } else { "" };
    format!("{state:>10} to {to}{undo}  {}/{streams} streams  {events} events", position(status))
}

/// Says where the streams are.
pub(super) fn facts(status: &CutoverStatus) -> String {
    let CutoverStatus { state, owner, settings, to, .. } = status;
    let mut text = match state.as_str() {
        "idle" => format!("{owner} owns every stream"),
        "switched" => {
            let soak = soaking(status);
            format!("{to} owns every stream; not finalised, so that --undo is short{soak}")
        }
        _ => format!("{state}, on the way to {to}: {}", in_words(status).trim_start()),
    };
    if !status.actor.is_empty() {
        text.push_str(&format!("; since {} by {}", status.since, status.actor));
    }
    if owner != settings {
        text.push_str(&format!("; after a restart the settings win: {settings}"));
    }
    if let Some(error) = &status.error {
        text.push_str(&format!("; it stopped: {}", error.message));
    }
    text
}

/// Says when it is finalised by itself, where that was asked for.
fn soaking(status: &CutoverStatus) -> String {
    match &status.soak {
        None => String::new(),
        Some(CutoverSoak { ends_at: Some(at), .. }) => {
            format!("; finalised by itself at {at} if it stays good")
        }
        Some(soak) => format!("; finalised by itself once it was good for {} s", soak.lasts_s),
    }
}

/// Says what was done.
pub(super) fn done(status: &CutoverStatus, ask: CutoverAsk, took: Duration) -> String {
    let CutoverStatus { owner, moved, events, bytes, pause_ms, settings, .. } = status;
    if ask == CutoverAsk::Finalise {
        return format!("finalised: {}", facts(status));
    }
    let differs = match owner == settings {
        true => "",
        false => "; set REALTIME_BACKEND before the next restart, or the settings win",
    };
    format!(
        "{owner} owns every stream: {moved} moved, {events} events and {bytes} bytes copied in \
         {took:.1?}; appends waited {:.1} ms in the median, {:.1} ms at the 99th percentile, \
         {:.1} ms at most{}{differs}",
        pause_ms.p50,
        pause_ms.p99,
        pause_ms.max,
        soaking(status)
    )
}
