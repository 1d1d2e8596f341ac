//! What a rehearsal was done with, by what runs: the one version of an arm, with one set of migrations,
//! and no faults on purpose. Pure.

use std::collections::BTreeMap;

use evidence::Hash;

use super::{Baseline, ReplicaRecord};
use crate::Rehearsed;

/// What a database is called where there is none.
const NO_DATABASE: &str = "none";

/// Why what runs is nothing that a certificate can be for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unvouched {
    /// There is none.
    #[error("no replica was deployed, so that nothing was rehearsed")]
    NoReplica,
    /// One does not answer.
    #[error("{0} did not say what it is, so that it can't be told what was rehearsed")]
    Unseen(String),
    /// Several versions.
    #[error("replicas of one arm have different binaries: {0}")]
    Binaries(String),
    /// Several sets of migrations.
    #[error(
        "replicas tell of different migrations: {0}; give all of them one version, and the database its \
         migrations"
    )]
    Migrations(String),
    /// No migrations, with a database.
    #[error("{0} did not tell of its migrations, although there is a database")]
    NoMigrations(String),
    /// A checksum that is none.
    #[error("{replica} tells of migrations with the checksum `{text}`, which is no SHA-256")]
    Checksum {
        /// Which.
        replica: String,
        /// What it says.
        text: String,
    },
}

impl Baseline {
    /// Returns what a rehearsal of a runbook was done with: the version of the canary's replicas where
    /// there are any, else of the stable arm's.
    ///
    /// # Errors
    /// Fails with every reason why there is no one answer.
    pub fn rehearsed(&self, runbook: Hash) -> Result<Rehearsed, Vec<Unvouched>> {
        let replicas = self.candidates();
        let (Some(first), mut faults) = (replicas.first(), Vec::new()) else {
            return Err(vec![Unvouched::NoReplica]);
        };
        let unseen = replicas.iter().filter(|(_, it)| it.version.is_none() || it.binary.is_none());
        faults.extend(unseen.map(|(name, _)| Unvouched::Unseen((*name).clone())));
        if replicas.iter().any(|(_, it)| it.binary != first.1.binary) {
            let shown = |it: &ReplicaRecord| it.binary.map_or("none".into(), |it| it.to_string());
            faults.push(Unvouched::Binaries(listed(&replicas, shown)));
        }
        // The stable arm's have to go with the same database.
        let migrations = self.migrations().map_err(|fault| faults.push(fault)).unwrap_or_default();
        match first.1.binary {
            Some(binary) if faults.is_empty() => Ok(Rehearsed {
                binary,
                migrations,
                router_configuration: self.router_configuration,
                runbook,
            }),
            _ => Err(faults),
        }
    }

    /// Returns what replicas say of faults that they were built to have.
    pub fn faults_on_purpose(&self) -> Vec<String> {
        let told = self.replicas.iter().filter_map(|(name, it)| {
            let faults = it.inject.as_ref()?;
            let faults = faults.as_str().map_or_else(|| faults.to_string(), ToOwned::to_owned);
            Some(format!("{name} was built to fail on purpose (feature `inject`): {faults}"))
        });
        told.collect()
    }

    fn candidates(&self) -> Vec<(&String, &ReplicaRecord)> {
        let of_arm = |arm: &'static str| {
            let all = self.replicas.iter().filter(move |(_, it)| it.arm == arm);
            all.collect::<Vec<_>>()
        };
        let canary = of_arm("canary");
        if canary.is_empty() { of_arm("stable") } else { canary }
    }

    /// Returns the checksum that all replicas tell of; none without a database.
    fn migrations(&self) -> Result<Option<Hash>, Unvouched> {
        // One that is not up tells of nothing, and is named for that.
        let up: Vec<_> = self.replicas.iter().filter(|(_, it)| it.version.is_some()).collect();
        let checksum = |it: &ReplicaRecord| {
            it.store.get("migration_checksum").and_then(|it| it.as_str()).map(ToOwned::to_owned)
        };
        let told: BTreeMap<_, _> =
            up.iter().filter_map(|(name, it)| Some((*name, checksum(it)?))).collect();
        let Some((replica, text)) = told.first_key_value() else {
            return match up.first() {
                Some((name, _)) if self.database != NO_DATABASE => {
                    Err(Unvouched::NoMigrations((*name).clone()))
                }
                _ => Ok(None),
            };
        };
        if let Some((name, _)) = up.iter().find(|(name, _)| !told.contains_key(name)) {
            return Err(Unvouched::NoMigrations((*name).clone()));
        }
        if told.values().any(|other| other != text) {
            let shown = |it: &ReplicaRecord| checksum(it).unwrap_or_default();
            return Err(Unvouched::Migrations(listed(&up, shown)));
        }
        let (replica, text) = ((*replica).clone(), text.clone());
        text.parse().map(Some).map_err(|_| Unvouched::Checksum { replica, text })
    }
}

/// Lists replicas, each with what is shown of it.
fn listed(
    replicas: &[(&String, &ReplicaRecord)],
    shown: impl Fn(&ReplicaRecord) -> String,
) -> String {
    let each = replicas.iter().map(|(name, it)| format!("{name} {}", shown(it)));
    each.collect::<Vec<_>>().join(", ")
}
