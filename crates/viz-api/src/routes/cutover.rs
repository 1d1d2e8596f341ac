//! `/api/admin/cutover`: the live switch between memory and Redis, for operators.
//!
//! A switch goes on by itself once it was asked for; an answer that takes longer than a moment says
//! how far it is. Asking again for what is being done, or is done, changes nothing.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    response::Response,
};
use broker::live::{Ask, Stage, SwitchError, SwitchStatus, Target};
use http::StatusCode;
use node_runtime::{SOAK_MAX, SOAK_MIN, Scope, SwitchRefusal};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::events::{check_media_type, read_body};
use crate::{
    AppState,
    auth::Caller,
    error::{ApiError, kind_of},
    publish::read_object,
    request,
};

/// How long an answer waits for the end of what was asked for.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Most bytes of a request's body.
const BODY_BYTES_MAX: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    to: String,
    /// After how many good seconds it is finalised by itself.
    soak_s: Option<u64>,
}

impl Wanted {
    fn to(&self) -> Result<Target, ApiError> {
        let targets = [Target::Memory, Target::Redis];
        let to = targets.into_iter().find(|target| target.as_str() == self.to);
        to.ok_or_else(|| ApiError::validation("`to` is memory or redis"))
    }

    fn soak(&self) -> Result<Option<Duration>, ApiError> {
        let soak = self.soak_s.map(Duration::from_secs);
        match soak {
            Some(soak) if !(SOAK_MIN..=SOAK_MAX).contains(&soak) => {
                let (min, max) = (SOAK_MIN.as_secs(), SOAK_MAX.as_secs());
                let message = format!("`soak_s` is a number of seconds from {min} to {max}");
                Err(ApiError::validation(message))
            }
            soak => Ok(soak),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Says how far the switch is.
pub(crate) async fn status(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = app.auth.caller(request.headers()).await?;
    caller.need(Scope::Admin)?;
    let status = app.state.switch_status().ok_or(SwitchRefusal::Starting)?;
    Ok(answer(&app, StatusCode::OK, &status))
}

/// Makes a backend the owner of every stream.
pub(crate) async fn cutover(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (caller, body) = read(&app, request).await?;
    let wanted: Wanted = read_object(&body).map_err(ApiError::validation)?;
    let (to, ask) = (wanted.to()?, Ask::Cutover(wanted.to()?));
    let Some(lasts) = wanted.soak()? else { return carry_out(&app, &caller, ask).await };
    // Before the switch: that goes on also where nobody waits for the answer.
    let before = app.state.soak_switch(to, lasts, &caller.in_words());
    let answered = carry_out(&app, &caller, ask).await;
    let status = app.state.switch_status().ok_or(SwitchRefusal::Starting)?;
    let is_at_rest = status.stage == Stage::Idle && !app.state.is_switching();
    if answered.is_err() || is_at_rest {
        // There is nothing that could be finalised.
        app.state.restore_soak(before);
    }
    Ok(answer(&app, answered?.status(), &status))
}

/// Makes everything as it was before the switch.
pub(crate) async fn undo(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = bare(&app, request).await?;
    carry_out(&app, &caller, Ask::Undo).await
}

/// Ends a switch whose streams have all changed hands.
pub(crate) async fn finalise(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = bare(&app, request).await?;
    carry_out(&app, &caller, Ask::Finalise).await
}

async fn read(app: &AppState, request: Request) -> Result<(Caller, String), ApiError> {
    let (parts, body) = request.into_parts();
    let caller = app.auth.caller(&parts.headers).await?;
    caller.need(Scope::Admin)?;
    check_media_type(&parts.headers)?;
    let body = read_body(body, &parts.headers, BODY_BYTES_MAX).await?;
    let text = std::str::from_utf8(&body);
    let text = text.map_err(|_| ApiError::validation("the body is not UTF-8"))?;
    Ok((caller, text.to_owned()))
}

/// Reads a request that says all by its path.
async fn bare(app: &AppState, request: Request) -> Result<Caller, ApiError> {
    let (caller, body) = read(app, request).await?;
    if !body.trim().is_empty() {
        read_object::<Nothing>(&body).map_err(ApiError::validation)?;
    }
    Ok(caller)
}

async fn carry_out(app: &AppState, caller: &Caller, ask: Ask) -> Result<Response, ApiError> {
    let by = caller.in_words();
    tracing::info!(?ask, by, "a switch is asked for");
    let asked = app.state.ask_switch(ask, &by);
    let refused = match timeout(ANSWER_WITHIN, asked).await {
        Ok(Ok(status)) => return Ok(answer(app, StatusCode::OK, &status)),
        Ok(Err(refused)) => Some(refused),
        Err(_) => None,
    };
    let status = app.state.switch_status().ok_or(SwitchRefusal::Starting)?;
    match refused {
        Some(refused) if !is_being_done(&refused, ask, &status) => Err(refused.into()),
        _ => Ok(answer(app, StatusCode::ACCEPTED, &status)),
    }
}

/// Returns whether what is refused is what is being done already.
fn is_being_done(refused: &SwitchRefusal, ask: Ask, status: &SwitchStatus) -> bool {
    *refused == SwitchRefusal::Switch(SwitchError::Underway)
        && match ask {
            Ask::Cutover(to) => to == status.to,
            Ask::Undo => status.is_undo,
            Ask::Finalise => false,
        }
}

fn answer(app: &AppState, code: StatusCode, status: &SwitchStatus) -> Response {
    request::json(code, document(app, status).to_string())
}

fn document(app: &AppState, status: &SwitchStatus) -> Value {
    let settings = app.state.owner_by_settings();
    let soak = app.state.soak_status();
    let of_micros = |micros: u64| micros as f64 / 1000.0;
    let pauses = &status.pauses;
    json!({
        "state": status.stage.as_str(),
        "is_running": app.state.is_switching(),
        "owner": status.owner.as_str(),
        "to": status.to.as_str(),
        "settings": settings.as_str(),
        "is_undo": status.is_undo,
        "actor": status.by,
        "since": event::timestamp_text(status.since),
        "streams": status.streams,
        "copied": status.copied,
        "moved": status.moved,
        "events": status.events,
        "bytes": status.bytes,
        "pause_ms": {
            "p50": of_micros(pauses.permille_micros(500)),
            "p99": of_micros(pauses.permille_micros(990)),
            "max": of_micros(pauses.max_micros()),
        },
        "soak": soak.map(|soak| {
            json!({
                "lasts_s": soak.lasts.as_secs(),
                "ends_at": soak.ends_at.map(event::timestamp_text),
            })
        }),
        "error": status.error.as_ref().map(|error| {
            json!({"kind": kind_of(error), "message": error.to_string()})
        }),
    })
}

/// Returns the part of health that says how the switch stands.
pub(crate) fn in_health(app: &AppState) -> Value {
    let Some(status) = app.state.switch_status() else { return Value::Null };
    json!({
        "state": status.stage.as_str(),
        "owner": status.owner.as_str(),
        "settings": app.state.owner_by_settings().as_str(),
        "error": status.error.map(|error| error.to_string()),
        "is_open": status.stage != Stage::Idle,
    })
}
