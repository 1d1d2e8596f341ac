//! What is, for later: versions, health, settings without secrets, the router, and what hands know.

use std::{collections::BTreeMap, time::Duration};

use conductor::{Artefact, Done, Work};
use evidence::secrets;
use futures_util::future::join_all;
use guard::Arm;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use traffic::chain;

use super::{document, error, pass, with};
use crate::{Artefacts, Deployment, Replica, http::Question};

/// What a capture leaves behind.
pub(super) const CAPTURE: &str = "capture.json";

/// The field that says why something could not be seen.
pub(super) const UNSEEN: &str = "unseen";

/// How long a replica's figures may take.
const METRICS_TIME_MAX: Duration = Duration::from_secs(2);

/// How much of a replica's figures is kept.
const METRICS_BYTES_MAX: usize = 1 << 20;

/// What stands in a secret's place.
const HIDDEN: &str = "[secret]";

/// What is. What can't be seen says why.
#[derive(Debug, Serialize)]
pub(super) struct Captured {
    taken_at: Timestamp,
    replicas: BTreeMap<String, Value>,
    settings: Value,
    router: Value,
    described: Value,
    /// What could not be seen.
    #[serde(skip)]
    unseen: Vec<String>,
}

impl Deployment {
    pub(super) async fn capture(&self, work: &Work, until: Instant) -> Done {
        let captured = async { tokio::join!(self.captured(), self.figures()) };
        let Ok((captured, figures)) = timeout_at(until, captured).await else {
            return error("What is could not be seen in the step's time.");
        };
        let mut artefacts = vec![document(CAPTURE, &captured)];
        artefacts.extend(figures);
        let replicas = captured.replicas.len();
        if replicas == 0 {
            return with(error("There is no replica that could be looked at."), artefacts);
        }
        if captured.unseen.is_empty() {
            return with(
                pass(format!("{replicas} replicas, settings and router were kept.")),
                artefacts,
            );
        }
        let text =
            format!("What could be seen was kept; not seen: {}.", captured.unseen.join("; "));
        // A baseline has to be whole. On the way back what does not answer may be what failed, and what
        // is left of it is kept for those who look for the cause.
        let done = if work.going_back_since.is_some() { pass(text) } else { error(text) };
        with(done, artefacts)
    }

    pub(super) async fn captured(&self) -> Captured {
        let replicas = self.hands.replicas();
        let looked = join_all(replicas.iter().map(|replica| self.health_of(replica)));
        let (health, settings, described, router) =
            tokio::join!(looked, self.hands.settings(), self.hands.describe(), self.router_seen(),);
        let mut unseen = Vec::new();
        let mut or_why = |read: Result<Value, String>| {
            read.unwrap_or_else(|why| {
                unseen.push(why.clone());
                json!({ UNSEEN: why })
            })
        };
        let of_replica = |(replica, health): (&Replica, Value)| {
            let arm = if replica.arm == Arm::Canary { "canary" } else { "stable" };
            (replica.name.clone(), json!({"arm": arm, "url": replica.url, "health": health}))
        };
        let health: Vec<_> = health.into_iter().map(&mut or_why).collect();
        let replicas = replicas.iter().zip(health).map(of_replica).collect();
        let shown = settings.map(|all| {
            all.into_iter().map(|(name, value)| {
                let is_hidden = value.is_secret() || looks_secret(&name, value.expose());
                let text = if is_hidden { HIDDEN } else { value.expose() };
                (name, Value::from(text))
            })
        });
        let settings = or_why(shown.map(Iterator::collect).map_err(|error| error.text));
        let described = or_why(match described {
            Ok(described) => serde_json::to_value(described).map_err(|error| error.to_string()),
            Err(error) => Err(error.text),
        });
        let router = or_why(router);
        Captured { taken_at: Timestamp::now(), replicas, settings, router, described, unseen }
    }

    async fn router_seen(&self) -> Result<Value, String> {
        let Some(router) = self.router() else { return Ok(Value::Null) };
        let seen = router.observe().await.map_err(|error| chain(&error))?;
        let servers = |arm: &traffic::ArmState| {
            let of = |it: &traffic::Server| json!({"name": it.name, "address": it.address, "state": it.state});
            arm.servers.iter().map(of).collect::<Vec<_>>()
        };
        Ok(json!({
            "weight_percent": seen.weight_in_effect().percent(),
            "canary": servers(&seen.canary),
            "stable": servers(&seen.stable),
        }))
    }

    /// Returns the figures of each replica that answers.
    async fn figures(&self) -> Artefacts {
        let replicas = self.hands.replicas();
        let asked = replicas.iter().map(|replica| async move {
            let url = format!("{}/metrics", replica.url);
            let question = Question { within: Some(METRICS_TIME_MAX), ..Question::default() };
            let answer = self.http.ask("GET", &url, question).await.ok()?;
            let mut bytes = answer.is_good().then_some(answer.body)?;
            bytes.truncate(METRICS_BYTES_MAX);
            Some(Artefact { name: format!("metrics-{}.txt", file_name(&replica.name)), bytes })
        });
        join_all(asked).await.into_iter().flatten().collect()
    }
}

fn looks_secret(name: &str, value: &str) -> bool {
    !secrets(&format!("{name}={value}")).is_empty()
}

fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}
