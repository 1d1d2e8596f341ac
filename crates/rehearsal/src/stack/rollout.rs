//! A version or settings given to the replicas of an arm, one after the other.

use std::{collections::BTreeMap, fmt, time::Instant};

use guard::Arm;
use serde::Serialize;

use super::{Replica, Stack, Stopped, replica::ReplicaState};
use crate::{ServerProgram, StackError, baseline::masked};

/// What an arm is given.
#[derive(Clone, Default)]
pub struct Rollout {
    /// The binary; none keeps what each replica has.
    pub program: Option<ServerProgram>,
    /// Settings that replace those of the same name.
    pub set: BTreeMap<String, String>,
    /// Names of settings that are taken away.
    pub unset: Vec<String>,
}

/// What became of one replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rolled {
    /// Its name.
    pub replica: String,
    /// How it ended, where it ran.
    pub stopped: Option<Stopped>,
    /// From when the router left it alone until it gave it requests again, in milliseconds.
    pub took_ms: u64,
}

impl fmt::Debug for Rollout {
    /// Secrets among the settings are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Rollout");
        shown.field("program", &self.program).field("set", &masked(self.set.clone()));
        shown.field("unset", &self.unset).finish()
    }
}

impl Stack {
    /// Gives an arm a version or settings, replica by replica: each is drained, ended, started, and has
    /// requests again before the next one's turn. Those that do not run are started.
    ///
    /// # Errors
    /// Fails at the first replica that does not start; it does not run then and the router leaves it
    /// alone until a rollout succeeds, and those behind it are as they were.
    pub async fn roll_out(&self, arm: Arm, rollout: &Rollout) -> Result<Vec<Rolled>, StackError> {
        let mut rolled = Vec::new();
        for replica in self.replicas_of(arm) {
            rolled.push(self.roll_one(replica, rollout).await?);
        }
        Ok(rolled)
    }

    /// Ends the replicas of an arm, which the router leaves alone first.
    ///
    /// # Errors
    /// Fails where the router does not do what it is told; the replicas are ended all the same.
    pub async fn withdraw(&self, arm: Arm) -> Result<Vec<(String, Stopped)>, StackError> {
        let mut told = Ok(());
        let mut ended = Vec::new();
        for replica in self.replicas_of(arm) {
            told = told.and(self.router.drain(replica).await);
            if let Some(stopped) = replica.stop().await {
                ended.push((replica.name().to_owned(), stopped));
            }
        }
        told.map(|()| ended)
    }

    async fn roll_one(&self, replica: &Replica, rollout: &Rollout) -> Result<Rolled, StackError> {
        let began = Instant::now();
        if replica.state() != ReplicaState::Stopped {
            self.router.drain(replica).await?;
        }
        let mut settings = match replica.digest() {
            Some(_) => replica.settings(),
            None => self.settings().clone(),
        };
        settings.retain(|name, _| !rollout.unset.contains(name));
        settings.extend(rollout.set.clone());
        let stopped = match (&rollout.program, replica.digest()) {
            (Some(program), _) => replica.deploy(program, program.digest()?, settings).await?,
            (None, Some(_)) => replica.restart(settings).await?,
            (None, None) => {
                let program = &self.settings.stable;
                replica.deploy(program, program.digest()?, settings).await?
            }
        };
        self.router.admit(replica).await?;
        self.router.wait_until_up(replica).await?;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Rolled { replica: replica.name().to_owned(), stopped, took_ms })
    }
}
