//! `chat`: messages are sent to chat's threads, read live and from the past, and every one is read
//! back.
//!
//! It knows chat by its sockets alone. Each sender awaits its answer; readers get the first thread.
//! Whatever is measured, the run fails where a message that was acknowledged is not there under its
//! number on every replica, or did not come to every reader once, in order and as it is read back.
//! What is decided, is decided by pure parts: [`plan`], [`cast`], [`pace`], [`account`].

mod account;
mod cast;
mod exchange;
mod listener;
mod measure;
mod meters;
mod pace;
mod plan;
mod reads;
mod report;
mod said;
mod sample;
mod sends;
mod stage;
mod wire;

use std::{
    fs,
    time::{Duration, Instant},
};

use self::{measure::Measuring, plan::ChatPlan, report::Report};
use crate::{
    args::ChatArgs, error::BenchError, plot, process::provide_files, run::Outcome, stop::Stop,
    work::Watch,
};

/// A measurement of chat that makes sense.
#[derive(Debug)]
pub struct Chat {
    plan: ChatPlan,
}

impl Chat {
    /// Reads the arguments; `cores` is how many the machine has.
    ///
    /// # Errors
    /// Fails where they make no sense together.
    pub(crate) fn of(args: ChatArgs, cores: usize) -> Result<Self, BenchError> {
        Ok(Chat { plan: ChatPlan::of(args, cores)? })
    }

    /// Returns about how long it takes.
    pub fn length(&self) -> Duration {
        self.plan.length()
    }

    /// Carries it out.
    ///
    /// # Errors
    /// Fails where a server is not there, or the machine does not allow what is asked for. What a
    /// server does wrong is in the outcome.
    pub fn run(&self, watch: &mut dyn Watch, stop: &Stop) -> Result<Outcome, BenchError> {
        provide_files(self.plan.files())?;
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let kernel = kernel.trim().to_owned();
        let (samples, failures, about) = (Vec::new(), Vec::new(), String::new());
        let mut report = Report { plan: &self.plan, kernel, about, samples, failures };
        let began = Instant::now();
        for turn in 1..=self.plan.args.repeat {
            let title = format!("chat {turn}/{}", self.plan.args.repeat);
            let mut measuring = Measuring { plan: &self.plan, watch, stop, began, title };
            match measuring.once(&mut report.about) {
                Ok(sample) => report.samples.push(sample),
                Err(BenchError::Refused { what, .. }) => report.failures.push(what),
                Err(error) => return Err(error),
            }
        }
        if let Some(file) = &self.plan.args.svg {
            fs::write(file, plot::svg(&report.drawing())).map_err(BenchError::file(file))?;
        }
        Ok(Outcome {
            text: report.to_string(),
            document: report.document(),
            passed: report.problems().is_empty(),
        })
    }
}
