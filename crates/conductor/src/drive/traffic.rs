//! Whether the canary has what the run gave it: what was watched without its traffic says nothing of it.

use std::time::Duration;

use runbook::PlannedStep;
use tokio::time::Instant;

use super::{Conductor, DriveError, show::Given};
use crate::{Event, NoSight, Phase, Sample, TrafficShare};

/// How old a look may be by which something is changed.
const FRESH: Duration = Duration::from_secs(2);

/// How long a step waits for a look.
const BLIND_MAX: Duration = Duration::from_secs(10);

/// Shares are told apart by hundredths of a per cent.
const SAME: f64 = 0.005;

impl Conductor {
    /// Takes in how the traffic is shared, by a look that began then, when the canary was given that.
    pub(super) fn shared(
        &mut self,
        begun: Instant,
        given: Option<Given>,
        shared: Result<Option<TrafficShare>, NoSight>,
    ) -> Result<(), DriveError> {
        self.is_sharing = false;
        let share = match shared {
            Ok(share) => share,
            Err(NoSight(why)) => {
                self.trouble(&format!("the traffic can't be seen: {why}"));
                return Ok(());
            }
        };
        self.facts.traffic = share;
        if let Some(share) = share {
            self.samples.push(Sample::Traffic { at: self.clock.now(), share });
        }
        let is_of_now = given == self.facts.given;
        if is_of_now {
            (self.seen_at, self.blind_since) = (Some(begun), None);
        }
        let is_watched = matches!(self.state().phase(), Phase::Go | Phase::Hold);
        let found = share.and_then(|share| share.given_percent);
        match (given, found) {
            (Some(given), Some(found)) if is_of_now && is_watched => self.compare(&given, found),
            _ => Ok(()),
        }
    }

    fn compare(&mut self, given: &Given, found: f64) -> Result<(), DriveError> {
        if (given.percent - found).abs() < SAME {
            return Ok(());
        }
        let (step, percent) = (&given.step, given.percent);
        self.traffic_trouble(format!(
            "{step} gave the canary {percent} % of the clients, and the router gives it {found} %: the lease \
             was lost for a time, or somebody else moved the traffic. What was watched since says little of \
             the canary: go back, or say GO to go on as it is."
        ))
    }

    fn traffic_trouble(&mut self, text: String) -> Result<(), DriveError> {
        self.trouble(&text);
        self.append_or_hold(Event::Trouble { what: "traffic".into(), text }).map(|_| ())
    }

    /// Returns whether a step may begin as far as the traffic is concerned: what changes something while a
    /// canary has a share waits for a look of now.
    pub(super) fn may_change(&mut self, step: &PlannedStep) -> Result<bool, DriveError> {
        let is_fresh = self.seen_at.is_some_and(|at| at.elapsed() <= FRESH);
        let is_of_the_run = self.state().phase() == Phase::Go && step.class.changes();
        if !is_of_the_run || self.facts.given.is_none() || is_fresh {
            return Ok(true);
        }
        let since = *self.blind_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= BLIND_MAX {
            self.blind_since = None;
            let (seconds, id) = (BLIND_MAX.as_secs(), &step.id);
            self.traffic_trouble(format!(
                "{id} was not begun: for {seconds} seconds the router has not said whether the canary has its \
                 share. Look at the router, then say GO, or go back."
            ))?;
        }
        Ok(false)
    }
}
