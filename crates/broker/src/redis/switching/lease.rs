//! The lease of the one switch that may be under way over all replicas.

use std::time::Duration;

use event::StreamName;
use redis::Cmd;

use super::{RedisBroker, Words, ms};
use crate::redis::{failure::Failure, library::Function};

/// Whether a switch may be under way here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lease {
    /// It is ours, with this token.
    Held(u64),
    /// Another replica has it.
    Busy(String),
}

/// What is done to the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeaseWord {
    Take,
    Keep,
    Leave,
}

impl RedisBroker {
    /// Takes, keeps or gives back the lease of the one switch that may be under way.
    pub(crate) async fn lease(
        &self,
        word: LeaseWord,
        holder: &str,
        lasts: Duration,
        token: u64,
    ) -> Result<Lease, Failure> {
        let key = self.naming.switch();
        let word = match word {
            LeaseWord::Take => "take",
            LeaseWord::Keep => "keep",
            LeaseWord::Leave => "leave",
        };
        let arguments = |command: &mut Cmd, _: &str| {
            command.arg(word).arg(holder).arg(ms(lasts)).arg(token);
        };
        let ops = self.naming.of(&StreamName::Ops);
        let answered = self.call(&ops, Function::Lease, &[&key], &arguments).await?;
        let mut words = Words::read(answered.value)?;
        match words.word() {
            "held" => Ok(Lease::Held(words.number()?)),
            "busy" => Ok(Lease::Busy(words.text()?)),
            _ => Err(words.unexpected()),
        }
    }
}
