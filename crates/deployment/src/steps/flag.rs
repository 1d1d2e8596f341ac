//! Settings are made so, brought into effect, and seen to be so: where they stand, and in what each
//! replica says of itself.

use std::time::Duration;

use conductor::{Done, Work};
use futures_util::future::join_all;
use runbook::Flag;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{check::field, endpoint::until_holds, error, fail, pass, with};
use crate::{Deployment, Replica, SecretText, Setting, http::Question};

/// How long a replica's health may take.
const HEALTH_TIME_MAX: Duration = Duration::from_secs(2);

/// Settings that a replica's health shows, and where.
const SHOWN: [(&str, &str); 4] = [
    ("REALTIME_BACKEND", "checks.realtime.requested_backend"),
    ("REALTIME_ENFORCE_REDIS", "checks.realtime.enforce_redis_cutover"),
    ("REALTIME_REPLAY_WINDOW_SECONDS", "checks.realtime.replay_window_seconds"),
    ("REALTIME_REPLAY_MAX_EVENTS", "checks.realtime.replay_max_events"),
];

impl Deployment {
    pub(super) async fn flag(&self, work: &Work, until: Instant) -> Done {
        if work.step.content.flags.is_empty() {
            return error("It names no setting; write one as `NAME=value`.");
        }
        self.set_flags(&work.step.content.flags, until).await
    }

    /// Makes settings so and reads them back.
    pub(super) async fn set_flags(&self, flags: &[Flag], until: Instant) -> Done {
        let settings = match self.resolved(flags) {
            Ok(settings) => settings,
            Err(why) => return error(format!("{why}.")),
        };
        let acted = match timeout_at(until, self.hands.apply(&settings)).await {
            Ok(Ok(acted)) => acted,
            Ok(Err(failed)) => return with(error(format!("{}.", failed.text)), failed.artefacts),
            Err(_) => return error("The settings were not applied in the step's time."),
        };
        let seen = until_holds("a replica", until, || self.settings_hold(&settings)).await;
        let names = settings.iter().map(|it| format!("{}={}", it.name, it.value));
        let names = names.collect::<Vec<_>>().join(", ");
        let done = match seen {
            Ok(where_seen) => pass(format!("{} {names} is so {where_seen}.", acted.text)),
            Err(why) => fail(format!("{} But {why}.", acted.text)),
        };
        with(done, acted.artefacts)
    }

    /// Returns settings with secrets in their places.
    pub(super) fn resolved(&self, flags: &[Flag]) -> Result<Vec<Setting>, String> {
        let resolved = flags.iter().map(|flag| {
            let value = match flag.value.strip_prefix(crate::secret::SECRET) {
                Some(name) => {
                    self.settings.secrets.read(name).map_err(|error| error.to_string())?
                }
                None => SecretText::plain(&flag.value),
            };
            Ok(Setting { name: flag.name.clone(), value })
        });
        resolved.collect()
    }

    /// Looks whether settings are so; returns where that was seen.
    ///
    /// # Errors
    /// Fails with what differs, or can't be seen.
    pub(super) async fn settings_hold(&self, settings: &[Setting]) -> Result<String, String> {
        let set = self.hands.settings().await.map_err(|error| error.text)?;
        for Setting { name, value } in settings {
            match set.get(name) {
                Some(found) if found.expose() == value.expose() => {}
                // Another value may be a secret too.
                Some(_) => return Err(format!("`{name}` has another value where settings stand")),
                None => return Err(format!("`{name}` is not where settings stand")),
            }
        }
        let shown: Vec<_> =
            settings.iter().filter_map(|it| Some((path_of(&it.name)?, it))).collect();
        if shown.is_empty() {
            return Ok("where settings stand".to_owned());
        }
        let replicas = self.serving_replicas().await?;
        let looked = replicas.iter().map(|replica| self.health_shows(replica, &shown));
        join_all(looked).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let count = replicas.len();
        Ok(format!("where settings stand and in the health of {count} replicas"))
    }

    async fn health_shows(
        &self,
        replica: &Replica,
        shown: &[(&str, &Setting)],
    ) -> Result<(), String> {
        let health = self.health_of(replica).await?;
        for (path, Setting { name, value }) in shown {
            let of = |what: &str| format!("the replica {} {what}", replica.name);
            let found = field(&health, path).map(super::check::shown);
            let found = found.ok_or_else(|| of(&format!("does not show `{name}` at `{path}`")))?;
            if !is_same(&found, value.expose()) {
                return Err(of(&format!("has `{path}` `{found}` and not `{value}`")));
            }
        }
        Ok(())
    }

    /// Returns a replica's health, whether it is well or not.
    pub(super) async fn health_of(&self, replica: &Replica) -> Result<Value, String> {
        let url = format!("{}/api/health", replica.url);
        let question = Question { within: Some(HEALTH_TIME_MAX), ..Question::default() };
        let answer = self.http.ask("GET", &url, question).await;
        let answer = answer.map_err(|error| format!("the replica {}: {error}", replica.name))?;
        answer.json().map_err(|why| format!("the replica {}: its health: {why}", replica.name))
    }
}

fn path_of(name: &str) -> Option<&'static str> {
    SHOWN.iter().find(|(shown, _)| *shown == name).map(|(_, path)| *path)
}

/// Returns whether both mean the same to the server.
fn is_same(one: &str, other: &str) -> bool {
    let truth = |text: &str| match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    };
    one == other || (truth(one).is_some() && truth(one) == truth(other))
}
