//! The live switch: one replica takes its streams out of Redis into its memory, and gives them back.
//!
//! While it has them it is beside the others, as one that is cut off. A storm may break Redis, the
//! way to it or the replica itself meanwhile; then the switch says that it does not go on, and is
//! asked again until it is through.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Deed, Done, Kind, Marks, Place, Span};
use crate::{act::Act, field::Field, http};

/// How long a replica is asked to give its streams back, and how often.
const PATIENCE: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(200);

const STATUS: &str = "/api/admin/cutover";
const UNDO: &str = "/api/admin/cutover/undo";
const FINALISE: &str = "/api/admin/cutover/finalise";
const TO_MEMORY: &str = r#"{"to":"memory"}"#;
const TO_REDIS: &str = r#"{"to":"redis"}"#;

/// The level says how the streams go back: 0 by an undo, 1 by a switch, 2 by one after the first was
/// finalised.
const fn switch(name: &'static str, weight: u64, span: (u64, u64), begin: Deed) -> Kind {
    Kind {
        name,
        place: Place::Backend,
        span: Span::Lasts(span),
        weight,
        level: (0, 2),
        marks: Marks { parts: true, ..Marks::NONE },
        begin,
        end: Some(|field, act| Box::pin(back_to_redis(field, act))),
    }
}

pub(super) const KINDS: &[Kind] = &[
    switch("backend.memory", 6, (800, 7_000), |field, act| Box::pin(to_memory(field, act))),
    switch("backend.undo", 3, (1, 300), |field, act| Box::pin(to_memory(field, act))),
];

/// Asks a replica to take its streams into its memory; where that is not through at once it goes on
/// beside whatever else happens.
async fn to_memory(field: Arc<Field>, act: Act) -> Done {
    let Some(address) = field.replicas[act.replica.unwrap_or(0)].address() else {
        return Err("it does not run".into());
    };
    let answer = http::post(address, STATUS, TO_MEMORY).await.map_err(|error| error.to_string())?;
    let note = format!("{} {}", answer.status, shown(&answer.json()));
    if answer.status == 409 { Err(note) } else { Ok(note) }
}

/// Asks a replica to give its streams back until it has: by an undo, by a switch of its own, or by
/// one after the first was finalised.
async fn back_to_redis(field: Arc<Field>, act: Act) -> Done {
    let replica = &field.replicas[act.replica.unwrap_or(0)];
    let (begun, mut asked) = (Instant::now(), 0_u32);
    while begun.elapsed() < PATIENCE {
        let Some(address) = replica.address() else {
            // It comes back with its settings, which say Redis.
            return Ok("it does not run".into());
        };
        if let Ok(answer) = http::get(address, STATUS).await
            && is_on_redis(&answer.json())
        {
            return Ok(format!("after {asked} times: {}", shown(&answer.json())));
        }
        asked += 1;
        if act.level == 2 && asked == 1 {
            let _ = http::post(address, FINALISE, "").await;
        }
        // What is refused is asked again. There may be nothing to undo, or the other way round.
        let _ = match act.level {
            0 if asked == 1 => http::post(address, UNDO, "").await,
            _ => http::post(address, STATUS, TO_REDIS).await,
        };
        sleep(ASK_EVERY).await;
    }
    replica.misdeed(&format!("its streams did not go back to Redis in {} s", PATIENCE.as_secs()))
}

/// Returns whether every stream is Redis's, by what a replica says of its switch.
pub(crate) fn is_on_redis(status: &Value) -> bool {
    status["owner"] == "redis" && status["is_running"] == false && status["error"].is_null()
}

fn shown(status: &Value) -> String {
    let word = |name: &str| status[name].as_str().unwrap_or("?").to_owned();
    let error = status["error"]["message"].as_str().or(status["detail"].as_str());
    let error = error.map(|why| format!(": {why}")).unwrap_or_default();
    format!("{} of {}, {} streams moved{error}", word("state"), word("owner"), status["moved"])
}
