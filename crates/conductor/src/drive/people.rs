//! What people say to a run, taken in from its folder.

use evidence::{Choice, Predicate, Statement};

use super::{Conductor, DriveError};
use crate::{Answer, Event, JournalError, Phase, Request, RequestName, Status};

impl Conductor {
    /// Takes in what people have said since.
    pub(super) fn listen(&mut self) -> Result<(), DriveError> {
        let waiting = match self.inbox.waiting() {
            Ok(waiting) => waiting,
            Err(error) => {
                self.trouble(&format!("what people say can't be read: {error}"));
                return Ok(());
            }
        };
        for (name, request) in waiting {
            let answer = match request {
                Ok(Request::Said(event)) if self.is_too_old(&name, &event) => {
                    let why = "it was said before the run stood still: see why, and say it again";
                    Answer::Refused(why.to_owned())
                }
                Ok(request) => self.hear(request)?,
                Err(why) => Answer::Refused(why),
            };
            self.answer(&name, answer);
            self.keep_room_for_words();
        }
        Ok(())
    }

    /// Keeps room on the disk, so that people can stop the run also where that has become full.
    pub(super) fn keep_room_for_words(&mut self) {
        if let Err(error) = self.inbox.keep_room() {
            self.trouble(&format!(
                "the disk is full ({error}): make room; what was kept for what people say lasts for some words"
            ));
        }
    }

    /// Returns whether somebody without a key lets the run go on who can't have seen why it stands still;
    /// what is signed says itself what was seen.
    fn is_too_old(&self, name: &RequestName, event: &Event) -> bool {
        let Event::Decided { choice: Choice::Go | Choice::Waive, .. } = event else { return false };
        let held_at = self.facts.held_at.filter(|_| self.state().phase() == Phase::Hold);
        held_at.is_some_and(|held_at| name.put_at() < held_at)
    }

    fn answer(&mut self, name: &RequestName, answer: Answer) {
        let answer = self.clean_answer(answer);
        if let Err(error) = self.inbox.settle(name, &answer) {
            let name = name.as_str();
            self.trouble(&format!(
                "the request {name} was heard and can't be answered or moved away: {error}"
            ));
        }
    }

    fn hear(&mut self, request: Request) -> Result<Answer, DriveError> {
        match request {
            Request::Said(event) => self.said(*event),
            Request::Again { step } => self.asked_again(&step),
        }
    }

    /// Writes down what somebody said, where it counts.
    fn said(&mut self, event: Event) -> Result<Answer, DriveError> {
        if let Err(why) = self.journal.may_follow(&event) {
            return Ok(Answer::Refused(why.to_string()));
        }
        if self.facts.is_lease_lost && choice(&event) == Some(Choice::Go) {
            let why =
                "the lease is lost: another run may act on the same, and this one does not go on";
            return Ok(Answer::Refused(why.to_owned()));
        }
        match self.append(event, Vec::new()) {
            Ok(()) => {}
            // What can't be an entry changes nothing.
            Err(DriveError::Journal(
                error @ (JournalError::Refused { .. }
                | JournalError::Entry(_)
                | JournalError::NoRoom
                | JournalError::EntryTooLong(_)),
            )) => return Ok(Answer::Refused(error.to_string())),
            Err(error) => return Err(error),
        }
        if self.state().phase() == Phase::Aborted {
            self.under_way = None;
        }
        self.wait_on()?;
        Ok(Answer::Taken)
    }

    /// A gate or a step that did not pass is carried out again where it may.
    fn asked_again(&mut self, step: &str) -> Result<Answer, DriveError> {
        let Some(planned) = self.plan.all_steps().find(|other| other.id == step).cloned() else {
            return Ok(Answer::Refused(format!("the plan has no `{step}`")));
        };
        let refused = |why: &str| Ok(Answer::Refused(format!("{step} {why}")));
        match self.state().status(step) {
            // That it was not done is decided, by somebody: it may be done twice by that.
            Some(Status::Unknown(_)) => {
                return refused(
                    "was begun, and nobody knows what became of it: that it was not done is for its \
                     owners to decide (`tidegate runbook approve --again`, with their key or name)",
                );
            }
            Some(Status::Done(_, verdict)) if !verdict.is_pass() => {
                if self.state().phase() == Phase::RollingBack {
                    return refused("is not carried out while the run goes back");
                }
                if planned.class.is_grave() {
                    return refused("must not be done twice; waive it, or go back");
                }
                let is_gate = self.plan.gates.iter().any(|gate| gate.id == step);
                if self.state().phase() == Phase::Hold && !is_gate {
                    return refused("is carried out again once people say GO");
                }
                self.again.insert(step.to_owned());
            }
            Some(Status::Done(..)) => return refused("has passed"),
            Some(Status::Open(_)) => return refused("is under way"),
            _ => return refused("was not carried out yet"),
        }
        Ok(Answer::Taken)
    }
}

/// Returns what is decided.
fn choice(event: &Event) -> Option<Choice> {
    match event {
        Event::Decided { choice, .. } => Some(*choice),
        Event::Signed { envelope, .. } => match Statement::read(envelope) {
            Ok((_, Predicate::Decision(decision))) => Some(decision.decision),
            _ => None,
        },
        _ => None,
    }
}
