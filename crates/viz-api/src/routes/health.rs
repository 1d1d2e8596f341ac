//! `/api/health`, `/health`, `/ready`, `/metrics`: what operators and load balancers ask.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use broker::HealthState;
use http::{HeaderValue, StatusCode, header};
use node_runtime::{COMMIT, VERSION, health::RealtimeHealth};
use serde_json::{Value, json};

use super::cutover;
use crate::{AppState, request, surface::DatabaseCheck};

/// Liveness: the process answers.
pub(crate) async fn live() -> Response {
    request::json(StatusCode::OK, json!({"status": "ok", "version": VERSION}).to_string())
}

/// Readiness: the process may be sent traffic.
pub(crate) async fn ready(State(app): State<Arc<AppState>>) -> Response {
    let realtime = app.state.realtime_refusal();
    let database = match &app.surface {
        Some(surface) => Some(surface.database().await.refusal),
        None => None,
    };
    let refusal = database.flatten();
    let ready = app.state.is_ready() && refusal.is_none();
    let body = json!({
        "status": if ready { "ok" } else { "unavailable" },
        "checks": {
            "lifecycle": app.state.phase().as_str(),
            "realtime": realtime.map_or("ok", |_| "unhealthy"),
            "database": database.map_or("unused", |refusal| refusal.map_or("ok", |_| "unhealthy")),
            "ingest": app.state.ingest_health(),
        },
        "reason": realtime.or(refusal),
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    request::json(status, body.to_string())
}

/// Health with a probe that goes through the real publish and delivery path.
pub(crate) async fn health(State(app): State<Arc<AppState>>) -> Response {
    let (realtime, database) = tokio::join!(app.state.realtime_health(), database(&app));
    let serves = app.state.is_ready();
    let healthy = serves && database.is_healthy && realtime.status == HealthState::Healthy;
    let body = json!({
        "status": if healthy { "healthy" } else { "degraded" },
        "timestamp": timestamp(&app),
        "version": VERSION,
        "checks": {
            "realtime": realtime_check(&app, &realtime),
            "database": database.shown,
            "runtime": runtime_check(&app, serves),
        },
    });
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    request::json(status, body.to_string())
}

fn runtime_check(app: &AppState, serves: bool) -> Value {
    let check = json!({
        "status": if serves { "healthy" } else { "degraded" },
        "phase": app.state.phase().as_str(),
        "replica": app.state.replica(),
        "commit": COMMIT,
        "uptime_seconds": app.state.uptime().as_secs(),
        "open_streams": app.state.delivery().map_or(0, |d| d.client_readers()),
        "cutover": cutover::in_health(app),
    });
    #[cfg(feature = "inject")]
    let check = crate::inject::named(check, app);
    check
}

async fn database(app: &AppState) -> DatabaseCheck {
    match &app.surface {
        Some(surface) => surface.database().await,
        None => {
            let reason = "no part of this process keeps data in a database";
            let shown = json!({"status": "unused", "reason": reason});
            DatabaseCheck { is_healthy: true, refusal: None, shown }
        }
    }
}

fn realtime_check(app: &AppState, health: &RealtimeHealth) -> Value {
    let settings = &app.state.settings.realtime;
    json!({
        "status": health.status.as_str(),
        "reason": health.reason,
        "requested_backend": settings.backend.as_str(),
        "selected_backend": health.selected_backend,
        "redis_configured": settings.redis_url.is_some(),
        "enforce_redis_cutover": settings.enforce_redis,
        "replay_window_seconds": settings.replay_window.as_secs(),
        "replay_max_events": settings.replay_events_max,
        "probe_ms": health.probe.map(|took| took.as_secs_f64() * 1000.0),
        "epoch": health.epoch.map(|epoch| epoch.to_string()),
    })
}

fn timestamp(app: &AppState) -> String {
    event::timestamp_text(app.state.clock.unix())
}

/// All families as Prometheus text.
pub(crate) async fn metrics(State(app): State<Arc<AppState>>) -> Response {
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let mut response = Body::from(app.state.metrics_text()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(OPENMETRICS));
    response
}

/// The OpenAPI document.
pub(crate) async fn openapi(State(app): State<Arc<AppState>>) -> Response {
    request::json(StatusCode::OK, app.openapi.clone())
}
