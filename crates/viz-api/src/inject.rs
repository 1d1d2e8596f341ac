//! A server that fails on purpose, for tests of what watches a release: which requests are answered
//! with an error or late, whose keys are ignored, and when the process aborts.
//!
//! Built with the feature `inject` alone, which no release has (docs/inject.md). Owns: the draws for
//! requests. Must not know: what happens to events on their way to readers, which is delivery's.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use delivery::inject::Dice;
use node_runtime::{Tasks, settings::InjectSettings};
use serde_json::Value;

use crate::{
    AppState,
    error::{ApiError, Code},
    ws::message::Said,
};

/// What operators and load balancers ask: it shows that a server is up, whatever else it does.
const PROBES: [&str; 4] = ["/api/health", "/health", "/metrics", "/ready"];

/// What makes another attempt harmless: the second counts for chat where there is no first.
const KEYS: [&str; 2] = ["idempotency-key", "x-request-id"];

/// What goes wrong with requests.
#[derive(Debug)]
pub(crate) struct Injector {
    settings: InjectSettings,
    /// How many requests drew for an error, and for being late.
    draws: [AtomicU64; 2],
}

impl Injector {
    pub(crate) fn new(settings: &InjectSettings) -> Self {
        Injector { settings: settings.clone(), draws: Default::default() }
    }

    /// Returns whether no request may pass by [`around`].
    pub(crate) fn needs_all_requests(&self) -> bool {
        let InjectSettings { errors, latency, ignores_keys, .. } = &self.settings;
        errors.is_some() || latency.is_some() || *ignores_keys
    }

    fn shown(&self) -> &str {
        if self.settings.shown.is_empty() { "none" } else { &self.settings.shown }
    }

    /// Draws for an error.
    fn error(&self, is_probe: bool) -> Option<ApiError> {
        if is_probe && !self.settings.errors_all {
            return None;
        }
        let dice = Dice::new(self.settings.seed).of("errors");
        let number = self.draws[0].fetch_add(1, Ordering::Relaxed);
        let is_internal = dice.of("status").roll(number).is_multiple_of(2);
        let code = if is_internal { Code::Internal } else { Code::Unavailable };
        let is_hit = dice.hits(number, self.settings.errors);
        is_hit.then(|| ApiError::new(code, "a fault that was asked for"))
    }

    /// Draws for how long an answer is held back.
    fn delay(&self, is_probe: bool) -> Option<Duration> {
        let (by, share) = self.settings.latency.filter(|_| !is_probe)?;
        let number = self.draws[1].fetch_add(1, Ordering::Relaxed);
        Dice::new(self.settings.seed).of("latency").hits(number, Some(share)).then_some(by)
    }

    /// Takes away what makes another attempt harmless, where that is asked for.
    pub(crate) fn without_keys<'a>(&self, mut said: Said<'a>) -> Said<'a> {
        if self.settings.ignores_keys {
            match &mut said {
                Said::Publish { idempotency_key: key, .. } | Said::Send { request_id: key, .. } => {
                    *key = None;
                }
                _ => {}
            }
        }
        said
    }
}

/// Wraps every route: a request that draws an error is not carried out.
pub(crate) async fn around(
    State(app): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let is_probe = PROBES.contains(&request.uri().path());
    // Both are drawn for now: which request is hit depends on their order alone.
    let (delay, error) = (app.inject.delay(is_probe), app.inject.error(is_probe));
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    if let Some(error) = error {
        return error.into_response();
    }
    if app.inject.settings.ignores_keys {
        for key in KEYS {
            request.headers_mut().remove(key);
        }
    }
    next.run(request).await
}

/// Adds to what health says of the process that nobody may ship it.
pub(crate) fn named(mut check: Value, app: &AppState) -> Value {
    check["inject"] = app.inject.shown().into();
    check
}

/// Says what this process is, and begins to wait for its end where it is to crash.
pub(crate) fn begin(app: &AppState, tasks: &Tasks) {
    tracing::warn!(
        faults = app.inject.shown(),
        "THIS BUILD FAILS ON PURPOSE WHERE IT IS TOLD TO: it is for tests, and must never be shipped"
    );
    let Some(after) = app.inject.settings.crash_after else { return };
    let mut end = tasks.shutdown();
    tasks.spawn("crash", async move {
        tokio::select! {
            () = tokio::time::sleep(after) => {
                tracing::error!("aborting: a crash was asked for");
                std::process::abort();
            }
            () = end.asked() => {}
        }
    });
}
