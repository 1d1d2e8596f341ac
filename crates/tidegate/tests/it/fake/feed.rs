//! What a reader is sent next, and what a fault makes of it; on every transport the same.

use event::Position;

use super::{
    Fault,
    log::{Log, place},
};

/// What a reader is sent.
pub(super) enum Next {
    /// An event, its place and its text.
    Event(Position, String),
    /// A gap, where it resumes and what it says, a JSON object.
    Gap(Position, String),
}

/// Returns what is behind the events that were sent.
pub(super) fn next(log: &mut Log, sent: &mut usize) -> Vec<Next> {
    let at = *sent;
    *sent += 1;
    let event = |log: &Log, at: usize| {
        let (position, json) = &log.events[at];
        Next::Event(*position, json.clone())
    };
    let this = event(log, at);
    if at < 10 {
        return vec![this];
    }
    if log.once(Fault::Drop) {
        return Vec::new();
    }
    if log.once(Fault::Repeat) {
        return vec![this, event(log, at)];
    }
    if log.events.len() > at + 1 && log.once(Fault::Reorder) {
        *sent += 1;
        return vec![event(log, at + 1), this];
    }
    if log.once(Fault::Alter) {
        let (position, json) = &log.events[at];
        return vec![Next::Event(*position, json.replace("acme", "acne"))];
    }
    if log.once(Fault::Gap) {
        let (resumes_at, after) = (place(at + 1), place(at));
        let data = format!(
            r#"{{"reason":"lagged","after":"{after}","resumes_at":"{resumes_at}","missed":1}}"#
        );
        return vec![Next::Gap(resumes_at, data)];
    }
    vec![this]
}
