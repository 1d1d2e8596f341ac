//! What a stack is told.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use super::{Chain, Database};
use crate::{ServerProgram, StackError, baseline::masked, load::check_rate};

/// What a stack is made of.
#[derive(Clone)]
pub struct StackSettings {
    /// Where its files go; one stack at a time is in a folder.
    pub folder: PathBuf,
    /// The version that is there.
    pub stable: ServerProgram,
    /// How many replicas of it there are.
    pub stable_replicas: usize,
    /// For how many replicas of the new version there is a place in the router.
    pub canary_replicas: usize,
    /// Settings of every replica, beside those that the stack gives each: address, state folder, and
    /// where Redis and the database are. An empty value, as that of `REDIS_URL`, leaves a setting out.
    pub settings: BTreeMap<String, String>,
    /// How long a replica may take to end.
    pub drain: Duration,
    /// How long a process may take to be ready.
    pub start_max: Duration,
    /// `redis-server`, by name or path; none for a stack without Redis.
    pub redis: Option<PathBuf>,
    /// What keeps chat's messages.
    pub database: Database,
    /// The chain that replicas may follow; none for a stack without.
    pub chain: Option<Chain>,
    /// `haproxy`, by name or path.
    pub haproxy: PathBuf,
}

impl StackSettings {
    /// Returns settings for two replicas of a server, one place for a candidate, Redis, and no
    /// database.
    pub fn new(folder: impl Into<PathBuf>, stable: ServerProgram) -> Self {
        StackSettings {
            folder: folder.into(),
            stable,
            stable_replicas: 2,
            canary_replicas: 1,
            settings: BTreeMap::new(),
            drain: Duration::from_secs(5),
            start_max: Duration::from_secs(60),
            redis: Some(PathBuf::from("redis-server")),
            database: Database::None,
            chain: None,
            haproxy: PathBuf::from("haproxy"),
        }
    }

    /// Checks what can be known before anything is started.
    ///
    /// # Errors
    /// Fails on what makes no stack.
    pub(super) fn check(&self) -> Result<(), StackError> {
        if self.stable_replicas == 0 || self.canary_replicas == 0 {
            let why = "a stack has one stable replica and a place for one candidate at least";
            return Err(StackError::Settings(why.into()));
        }
        let payments = self.chain.as_ref().map_or(0.0, |chain| chain.transactions_per_second);
        check_rate(payments)
            .map_err(|why| StackError::Settings(format!("transactions of the chain: {why}")))
    }
}

impl fmt::Debug for StackSettings {
    /// Secrets among the settings are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = masked(self.settings.clone());
        let mut shown = f.debug_struct("StackSettings");
        shown.field("folder", &self.folder).field("stable", &self.stable);
        shown.field("settings", &settings).finish_non_exhaustive()
    }
}
