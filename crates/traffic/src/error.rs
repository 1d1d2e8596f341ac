//! What can go wrong with a router, and what a person can do.

use std::{error::Error, io, path::PathBuf, time::Duration};

use crate::{Owner, UnixTime};

/// A router that can't be reached, does not do what it is told, or is another run's.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// Nobody is there.
    #[error(
        "{router} can't be reached; check that it runs, that the address of its socket is right, and \
         that this user may open it"
    )]
    Unreachable {
        /// The router.
        router: String,
        /// Why.
        source: io::Error,
    },
    /// It takes a connection and says nothing more.
    #[error("{router} did not answer `{command}` within {within:?}; it hangs, or is overloaded")]
    Silent {
        /// The router.
        router: String,
        /// What it was asked.
        command: String,
        /// How long was waited.
        within: Duration,
    },
    /// An answer without an end.
    #[error(
        "{router} broke off its answer to `{command}` after {bytes} bytes; it may have ended or have \
         been reloaded: look at its log, then try again"
    )]
    BrokeOff {
        /// The router.
        router: String,
        /// What it was asked.
        command: String,
        /// What came.
        bytes: usize,
    },
    /// An answer that never ends.
    #[error("{router} answered `{command}` with more than {bytes_max} bytes")]
    TooLong {
        /// The router.
        router: String,
        /// What it was asked.
        command: String,
        /// What is taken.
        bytes_max: usize,
    },
    /// It may not, or does not know how.
    #[error("{router} refused `{command}`: {said}; {advice}")]
    Refused {
        /// The router.
        router: String,
        /// What it was asked.
        command: String,
        /// What it said.
        said: String,
        /// What a person can do.
        advice: &'static str,
    },
    /// An answer that is none to what was asked.
    #[error(
        "{router} answered `{command}` with what can't be understood ({what}); check that its version \
         is one that docs/traffic.md names and that its configuration is for this"
    )]
    Unreadable {
        /// The router.
        router: String,
        /// What it was asked.
        command: String,
        /// What is wrong with it.
        what: String,
    },
    /// It took what it was told, and reports something else.
    #[error(
        "the {what} was set to {set}, but {router} reports {found}; somebody or something else sets \
         it too, or several processes of the router share the socket"
    )]
    Differs {
        /// The router.
        router: String,
        /// What was set.
        what: &'static str,
        /// To what.
        set: String,
        /// What is reported.
        found: String,
    },
    /// The canary is another run's.
    #[error(
        "the canary belongs to the run `{by}` until {until}; end that run, or wait until its lease is \
         over"
    )]
    Owned {
        /// Whose it is.
        by: Owner,
        /// Until when.
        until: UnixTime,
    },
    /// The canary is not this run's any more.
    #[error(
        "the canary is not `{owner}`'s any more but {}; look at what is true, and acquire it again \
         only if nobody else acts",
        shown(now_of.as_ref())
    )]
    Lost {
        /// Whose it was.
        owner: Owner,
        /// Whose it is; nobody's after a router was started anew.
        now_of: Option<Owner>,
    },
    /// The lease is over.
    #[error(
        "the lease of the canary ended at {until}, and it is {now} for {router}; look at what was \
         done meanwhile, then acquire it again"
    )]
    Expired {
        /// The router.
        router: String,
        /// When it ended.
        until: UnixTime,
        /// The router's clock.
        now: UnixTime,
    },
    /// A lease that is over before it begins.
    #[error(
        "a lease until {until} is over already by the clock of {router}, where it is {now}; set the \
         clocks of both machines"
    )]
    ClockAhead {
        /// The router.
        router: String,
        /// What was asked for.
        until: UnixTime,
        /// The router's clock.
        now: UnixTime,
    },
    /// Another process of this machine has the canary.
    #[error("another process holds {}; end it, or wait until it ends", path.display())]
    Locked {
        /// The file that it holds.
        path: PathBuf,
    },
    /// The file that keeps processes apart can't be used.
    #[error("{} can't be opened and locked", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An arm without a replica.
    #[error("{router} knows no replica of {arm}; add one to its configuration")]
    NoServer {
        /// The router.
        router: String,
        /// The arm as the router names it.
        arm: String,
    },
}

impl RouterError {
    /// Returns whether the canary is another run's, so that nothing may be done about it.
    pub const fn is_fenced(&self) -> bool {
        matches!(self, RouterError::Owned { .. } | RouterError::Lost { now_of: Some(_), .. })
    }

    /// Returns whether the canary is nobody's: it was given back, or the router was started anew.
    pub const fn is_of_nobody(&self) -> bool {
        matches!(self, RouterError::Lost { now_of: None, .. })
    }
}

fn shown(owner: Option<&Owner>) -> String {
    owner.map_or_else(|| "nobody's".to_owned(), |owner| format!("`{owner}`'s"))
}

/// Returns an error with what caused it, on one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
