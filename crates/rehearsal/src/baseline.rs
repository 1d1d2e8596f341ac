//! What runs: captured before something is changed, and compared with what runs afterwards.
//!
//! Only what is to be the same again is captured: no times, no counts, no addresses of clients. Secrets
//! are named and never shown.

mod compare;
mod rehearsed;

use std::collections::BTreeMap;

use evidence::{Hash, secrets};
use guard::Arm;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::{
    compare::{Difference, compare},
    rehearsed::Unvouched,
};
use crate::{Stack, stack::Replica};

/// What stands in a secret's place.
const MASK: &str = "[secret]";

/// Parts of names whose values are secrets.
const SECRET_NAMES: [&str; 6] = ["KEYS", "_KEY", "SECRET", "PASS", "TOKEN", "REDIS_URL"];

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Each replica that was ever deployed, by its name.
    pub replicas: BTreeMap<String, ReplicaRecord>,
    /// The SHA-256 of what the router's configuration says.
    pub router_configuration: Hash,
    /// What the router says of its version.
    pub router_version: String,
    /// What Redis says of its version; none where there is none.
    pub redis_version: Option<String>,
    /// `none`, `embedded` or `server`.
    pub database: String,
    /// What the database's server says of its version.
    pub database_version: Option<String>,
}

/// One replica as it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaRecord {
    /// `stable` or `canary`.
    pub arm: String,
    /// The SHA-256 of its binary.
    pub binary: Option<Hash>,
    /// `running`, `stopped` …
    pub state: String,
    /// What it says of its version; none where it does not answer.
    pub version: Option<String>,
    /// The commit that it says it was made of; none where whoever built it did not say.
    #[serde(default)]
    pub commit: Option<String>,
    /// What it says of its realtime backend.
    pub realtime: Value,
    /// What it says of faults that it was built to have; absent in every release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inject: Option<Value>,
    /// What it says of its database: version, migrations and their checksum.
    pub store: Value,
    /// Under which prefix chat's keys and channels are.
    pub channel_prefix: Option<String>,
    /// What it was started with, secrets masked.
    pub settings: BTreeMap<String, String>,
}

impl Stack {
    /// Captures what runs. A replica that does not answer is recorded as such.
    pub async fn capture(&self) -> Baseline {
        let mut replicas = BTreeMap::new();
        for replica in self.replicas().iter().filter(|replica| replica.digest().is_some()) {
            replicas.insert(replica.name().to_owned(), self.record(replica).await);
        }
        let parts = self.parts();
        Baseline {
            replicas,
            router_configuration: parts.router_configuration,
            router_version: parts.router_version,
            redis_version: parts.redis_version,
            database: parts.database.to_owned(),
            database_version: parts.database_version,
        }
    }

    async fn record(&self, replica: &Replica) -> ReplicaRecord {
        let health = self.http().json(replica.address(), "/api/health").await;
        let health = health.unwrap_or_default();
        let checks = &health["checks"];
        let settings = replica.settings();
        ReplicaRecord {
            arm: match replica.arm() {
                Arm::Stable => "stable".to_owned(),
                Arm::Canary => "canary".to_owned(),
            },
            binary: replica.digest(),
            state: word(&json!(replica.state())),
            version: health["version"].as_str().map(str::to_owned),
            commit: checks["runtime"]["commit"].as_str().map(str::to_owned),
            realtime: picked(
                &checks["realtime"],
                &["status", "requested_backend", "selected_backend", "enforce_redis_cutover"],
            ),
            inject: checks["runtime"].get("inject").cloned(),
            store: picked(
                &checks["database"],
                &["status", "backend", "version", "engine", "migration_checksum", "migrations"],
            ),
            channel_prefix: settings.get("CHAT_REALTIME_CHANNEL_PREFIX").cloned(),
            settings: masked(settings),
        }
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Returns the named fields that are there.
fn picked(object: &Value, names: &[&str]) -> Value {
    let field = |name: &&str| Some(((*name).to_owned(), object.get(*name)?.clone()));
    Value::Object(names.iter().filter_map(field).collect())
}

/// Puts a mask in the place of every value that is a secret, by its name or by its look.
pub(crate) fn masked(settings: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mask = |(name, value): (String, String)| {
        let shown = masked_value(&name, &value).to_owned();
        (name, shown)
    };
    settings.into_iter().map(mask).collect()
}

/// Returns the value of a setting, or a mask where it is a secret, by its name or by its look.
pub(crate) fn masked_value<'v>(name: &str, value: &'v str) -> &'v str {
    let is_secret = SECRET_NAMES.iter().any(|part| name.contains(part))
        || !secrets(&format!("{name}={value}")).is_empty();
    if is_secret { MASK } else { value }
}

#[cfg(test)]
mod tests;
