//! Every route once, with what the OpenAPI document is checked against.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router, middleware,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use http::{HeaderName, HeaderValue, Method, header};
use tower::util::option_layer;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
};

use crate::{
    AppState,
    error::{ApiError, Code},
    request,
    routes::{chain, cutover, events, health, ledger, page, stream, ticket, ws},
};

/// A route as documents name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteDoc {
    /// The path.
    pub path: &'static str,
    /// The methods in lower case, as OpenAPI writes them.
    pub methods: &'static [&'static str],
}

/// Every route that the router has.
pub const ROUTES: [RouteDoc; 25] = [
    RouteDoc { path: "/api/admin/cutover", methods: &["get", "post"] },
    RouteDoc { path: "/api/admin/cutover/finalise", methods: &["post"] },
    RouteDoc { path: "/api/admin/cutover/undo", methods: &["post"] },
    RouteDoc { path: "/api/admin/ledger", methods: &["get"] },
    RouteDoc { path: "/api/events", methods: &["get", "post"] },
    RouteDoc { path: "/api/health", methods: &["get"] },
    RouteDoc { path: "/api/openapi.json", methods: &["get"] },
    RouteDoc { path: "/api/stream", methods: &["get"] },
    RouteDoc { path: "/api/stream/ticket", methods: &["post"] },
    RouteDoc { path: "/api/ws", methods: &["get"] },
    RouteDoc { path: "/chains", methods: &["get"] },
    RouteDoc { path: "/chains/{key}", methods: &["get"] },
    RouteDoc { path: "/dashboard/snapshot", methods: &["get"] },
    RouteDoc { path: "/events", methods: &["get"] },
    RouteDoc { path: "/features", methods: &["get"] },
    RouteDoc { path: "/health", methods: &["get"] },
    RouteDoc { path: "/metrics", methods: &["get"] },
    RouteDoc { path: "/opps", methods: &["get"] },
    RouteDoc { path: "/ready", methods: &["get"] },
    RouteDoc { path: "/replay", methods: &["get"] },
    RouteDoc { path: "/sim", methods: &["post"] },
    RouteDoc { path: "/sim/{hash}", methods: &["get"] },
    RouteDoc { path: "/stream", methods: &["get"] },
    RouteDoc { path: "/transactions", methods: &["get"] },
    RouteDoc { path: "/transactions/{hash}", methods: &["get"] },
];

fn handler(path: &str) -> MethodRouter<Arc<AppState>> {
    match path {
        "/api/admin/cutover" => get(cutover::status).post(cutover::cutover),
        "/api/admin/cutover/finalise" => post(cutover::finalise),
        "/api/admin/cutover/undo" => post(cutover::undo),
        "/api/admin/ledger" => get(ledger::ledger),
        "/api/events" => get(page::events).post(events::publish),
        "/api/health" => get(health::health),
        "/api/openapi.json" => get(health::openapi),
        "/api/stream" => get(stream::stream),
        "/api/stream/ticket" => post(ticket::sell),
        "/api/ws" => get(ws::ws),
        "/chains" => get(chain::chains),
        "/chains/{key}" => get(chain::chain),
        "/dashboard/snapshot" => get(chain::snapshot),
        "/events" => get(chain::events),
        "/features" => get(chain::features),
        "/health" => get(health::live),
        "/metrics" => get(health::metrics),
        "/opps" => get(chain::opportunities),
        "/ready" => get(health::ready),
        "/replay" => get(chain::replay),
        "/sim" => post(chain::simulate),
        "/sim/{hash}" => get(chain::simulation),
        "/stream" => get(ws::chains),
        "/transactions" => get(chain::transactions),
        "/transactions/{hash}" => get(chain::transaction),
        _ => unreachable!("{path} stands in the table without a handler"),
    }
}

/// Returns the router over a state.
pub fn router(app: Arc<AppState>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(route.path, handler(route.path));
    }
    #[cfg(feature = "websocket-echo")]
    {
        router = router.route("/echo", get(crate::echo::echo));
    }
    if let Some(surface) = &app.surface {
        router = router.merge(surface.routes());
    }
    if let Some(annex) = &app.annex {
        router = router.merge(annex.routes());
    }
    #[cfg(feature = "inject")]
    {
        let around = middleware::from_fn_with_state(Arc::clone(&app), crate::inject::around);
        router = router.route_layer(around);
    }
    let origins = &app.state.settings.cors_origins;
    // Without origins there is no layer, which would answer every OPTIONS request.
    let cors = (!origins.is_empty()).then(|| cors(origins));
    router
        .route_layer(middleware::from_fn(request::note_route))
        .method_not_allowed_fallback(async || {
            ApiError::new(Code::MethodNotAllowed, "this path does not take this method")
        })
        .fallback(async || ApiError::not_found("there is no such path"))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(option_layer(cors))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), request::around))
        .with_state(app)
}

/// Answers a request whose handler panicked.
pub(crate) fn after_panic(_: Box<dyn Any + Send>) -> Response {
    // The panic hook has written message and place to the log.
    ApiError::internal().into_response()
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("x-correlation-id"),
            HeaderName::from_static("x-api-key"),
            request::REQUEST_ID,
        ])
        .expose_headers([
            header::RETRY_AFTER,
            HeaderName::from_static("idempotency-replayed"),
            request::REQUEST_ID,
        ])
        .max_age(Duration::from_secs(3600))
}
