//! What a run does, from its arguments: checked. Pure.

use std::time::Duration;

use serde::Serialize;

use super::cast::Cast;
use crate::{
    args::{ChatArgs, Database, Rate},
    error::BenchError,
};

/// Open files of this process beside its connections.
const FILES_BESIDE: u64 = 200;

/// What starting, filling and reading back take beside what is measured, about.
const BESIDE: Duration = Duration::from_secs(5);

/// How many messages a second a thread is filled with, about.
const FILLED_PER_SECOND: u32 = 1500;

/// How many connections make threads, fill one and read them back.
pub(super) const HANDS: usize = 32;

/// Messages that each thread and each sender has before anything is measured.
const WARM_UP_MESSAGES: usize = 2;
const WARM_UP_MESSAGES_MAX: usize = 20_000;

/// What a run does.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ChatPlan {
    #[serde(flatten)]
    pub(super) args: ChatArgs,
    #[serde(skip)]
    pub(super) cores: usize,
}

impl ChatPlan {
    /// Reads the arguments; `cores` is how many the machine has.
    ///
    /// # Errors
    /// Fails where they make no sense together.
    pub(super) fn of(args: ChatArgs, cores: usize) -> Result<Self, BenchError> {
        let refused = |what: &str| Err(BenchError::Usage(what.to_owned()));
        if args.replicas > 1 && args.database != Database::Surreal {
            return refused("replicas share a database: --replicas 2 needs --database surreal");
        }
        if args.surreal.is_some() && args.database != Database::Surreal {
            return refused("--surreal names a server that only --database surreal starts");
        }
        if args.senders == 0 && args.catch_up.is_none() {
            return refused("nothing is measured: --senders is 0, and there is no --catch-up");
        }
        if args.senders == 0 && args.readers > 0 {
            return refused("readers have nothing to read: --senders is 0");
        }
        let idle = args.threads > args.senders.max(1) * 10_000;
        if idle {
            return refused("--threads is more than 10,000 for each of --senders");
        }
        Ok(ChatPlan { args, cores })
    }

    /// Returns who sends where.
    pub(super) fn cast(&self) -> Cast {
        Cast::new(self.args.threads as usize, self.args.senders as usize)
    }

    /// Returns how long is measured.
    pub(super) fn time(&self) -> Duration {
        Duration::from_secs(self.args.seconds.into())
    }

    /// Returns about how long all of it takes.
    pub(super) fn length(&self) -> Duration {
        let filled = self.args.catch_up.map_or(0, |messages| messages / FILLED_PER_SECOND);
        let filling = Duration::from_secs(filled.into());
        (self.time() + BESIDE + filling) * self.args.repeat
    }

    /// Returns how many messages are sent before anything is measured.
    pub(super) fn warm_up(&self) -> u64 {
        let most = self.args.threads.max(self.args.senders) as usize;
        match self.args.senders {
            0 => 0,
            _ => (WARM_UP_MESSAGES * most).min(WARM_UP_MESSAGES_MAX) as u64,
        }
    }

    /// Returns how many open files the generator needs.
    pub(super) fn files(&self) -> u64 {
        u64::from(self.args.readers) + u64::from(self.args.senders) + FILES_BESIDE
    }

    /// Returns how many threads of the generator readers run on.
    pub(super) fn reader_threads(&self) -> usize {
        self.args.reader_threads.map_or(self.cores, usize::from)
    }

    /// Returns what is done, in a line.
    pub(super) fn headline(&self) -> String {
        let ChatArgs { senders, threads, readers, seconds, repeat, .. } = self.args;
        let mut parts = Vec::new();
        if senders > 0 {
            let rate = match self.args.rate {
                Rate::Max => "as fast as it goes".to_owned(),
                Rate::PerSecond(rate) => format!("{rate} messages/s"),
            };
            let threads =
                if threads == 1 { "one thread".to_owned() } else { format!("{threads} threads") };
            parts.push(format!("{senders} senders to {threads}, {rate}"));
        }
        if readers > 0 {
            parts.push(format!("{readers} readers of one thread"));
        }
        if let Some(messages) = self.args.catch_up {
            let reads = self.args.reads;
            parts.push(format!("{reads} reads of 200 from a thread of {messages}"));
        }
        format!("chat: {}, {seconds} s, medians of {repeat}", parts.join(", "))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ChatArgs,
    }

    pub(in crate::chat) fn plan(line: &str) -> Result<ChatPlan, String> {
        let words = ["chat"].into_iter().chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        ChatPlan::of(line.args, 2).map_err(|error| error.to_string())
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let check = |line: &str, part: &str| {
            let error = plan(line).expect_err(line);
            assert!(error.contains(part), "{line}: {error}");
        };
        check("--replicas 2", "--database surreal");
        check("--replicas 3 --database surreal", "1..=2");
        check("--surreal x", "--surreal");
        check("--senders 0", "--catch-up");
        check("--senders 0 --readers 3 --catch-up 300", "--senders is 0");
        check("--catch-up 199", "200");
        check("--body-chars 2001", "2000");
        check("--threads 20001 --senders 2", "--threads");
    }

    #[test]
    fn a_plan_says_what_it_does() {
        let plan = plan("--senders 8 --rate 50 --readers 20 --catch-up 500 --reads 9").unwrap();
        assert_eq!(
            plan.headline(),
            "chat: 8 senders to one thread, 50 messages/s, 20 readers of one thread, 9 reads of 200 \
             from a thread of 500, 10 s, medians of 1"
        );
        assert_eq!((plan.warm_up(), plan.cast().authors), (16, 8));
    }
}
