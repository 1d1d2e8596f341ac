//! The routes: the page's files for everybody, runs for who has the scope `admin`.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    extract::{FromRequestParts, Path, Request, State},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use node_runtime::Scope;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio::task::spawn_blocking;
use viz_api::{
    ApiError, AppState, Code, RouteDoc,
    surface::{json as answer, query_value, read_json},
};

use crate::{
    Console, asset,
    runs::{self, Detail, Given, JournalPage, ReportText, RunError, SamplesPage, Speech},
};

/// Entries of a journal in one answer, where nothing else is said, and at most.
const ENTRIES_DEFAULT: usize = 200;
const ENTRIES_MAX: usize = 1000;

/// Every route of the console.
pub const CONSOLE_ROUTES: [RouteDoc; 10] = [
    RouteDoc { path: "/api/runs", methods: &["get"] },
    RouteDoc { path: "/api/runs/{id}", methods: &["get"] },
    RouteDoc { path: "/api/runs/{id}/journal", methods: &["get"] },
    RouteDoc { path: "/api/runs/{id}/outputs/{sha256}", methods: &["get"] },
    RouteDoc { path: "/api/runs/{id}/report", methods: &["get"] },
    RouteDoc { path: "/api/runs/{id}/samples", methods: &["get"] },
    RouteDoc { path: "/api/runs/{id}/say", methods: &["post"] },
    RouteDoc { path: "/api/runs/{id}/statement", methods: &["post"] },
    RouteDoc { path: "/console", methods: &["get"] },
    RouteDoc { path: "/console/{file}", methods: &["get"] },
];

fn handler(path: &str) -> MethodRouter<Arc<AppState>> {
    match path {
        "/api/runs" => get(list),
        "/api/runs/{id}" => get(show),
        "/api/runs/{id}/journal" => get(journal),
        "/api/runs/{id}/outputs/{sha256}" => get(output),
        "/api/runs/{id}/report" => get(report),
        "/api/runs/{id}/samples" => get(samples),
        "/api/runs/{id}/say" => post(say),
        "/api/runs/{id}/statement" => post(statement),
        "/console" => get(page),
        "/console/{file}" => get(file),
        _ => unreachable!("{path} stands in the table without a handler"),
    }
}

/// Returns the routes.
pub(crate) fn router(console: Console) -> Router<Arc<AppState>> {
    let mut router = Router::new();
    for route in CONSOLE_ROUTES {
        router = router.route(route.path, handler(route.path));
    }
    router.layer(Extension(console))
}

/// A refusal, in the form of every error.
struct Failure(ApiError);

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Failure(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Failure(match error {
            RunError::Missing => ApiError::not_found("there is no such run"),
            RunError::NoOutput => ApiError::not_found("the run has no such output"),
            RunError::Unreadable(_) => ApiError::new(Code::Unprocessable, error.to_string()),
        })
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// What a path names; one that is no text is refused in the form that all errors have.
struct Named<T>(T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        state: &S,
    ) -> Result<Self, Failure> {
        let named = Path::from_request_parts(parts, state).await;
        let Path(named) = named.map_err(|_| ApiError::validation("the path must be UTF-8"))?;
        Ok(Named(named))
    }
}

async fn page(request: Request) -> Result<Response, Failure> {
    of_page(asset::ASSETS[0].name, &request)
}

async fn file(Named(name): Named<String>, request: Request) -> Result<Response, Failure> {
    of_page(&name, &request)
}

fn of_page(name: &str, request: &Request) -> Result<Response, Failure> {
    let found = asset::answer(name, request.headers());
    found.ok_or_else(|| ApiError::not_found("the console has no such file").into())
}

async fn list(
    State(app): State<Arc<AppState>>,
    Extension(console): Extension<Console>,
    request: Request,
) -> Result<Response, Failure> {
    admin(&app, request.headers()).await?;
    let runs = aside(move || console.runs.list()).await?;
    shown(&json!({ "runs": runs }))
}

async fn show(
    State(app): State<Arc<AppState>>,
    Extension(console): Extension<Console>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    admin(&app, request.headers()).await?;
    let detail = aside(move || {
        let (found, run) = console.runs.open(&id)?;
        Detail::of(&found, &run)
    });
    shown(&detail.await?)
}

async fn journal(
    State(app): State<Arc<AppState>>,
    Extension(console): Extension<Console>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    admin(&app, request.headers()).await?;
    let after = number(&request, "after")?.unwrap_or(0);
    let limit = number(&request, "limit")?.unwrap_or(ENTRIES_DEFAULT);
    if !(1..=ENTRIES_MAX).contains(&limit) {
        let message = format!("`limit` is a number from 1 to {ENTRIES_MAX}");
        return Err(ApiError::validation(message).into());
    }
    let page = aside(move || JournalPage::of(&console.runs.open(&id)?.1, after, limit));
    shown(&page.await?)
}

async fn samples(
    State(app): State<Arc<AppState>>,
    Extension(console): Extension<Console>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    admin(&app, request.headers()).await?;
    let after = number(&request, "after")?.unwrap_or(0);
    let page = aside(move || SamplesPage::of(&console.runs.folder_of(&id)?, after));
    shown(&page.await?)
}

async fn output(
    State(app): State<Arc<AppState>>,
    Extension(console): Extension<Console>,
    Named((id, sha256)): Named<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    admin(&app, request.headers()).await?;
    let bytes = aside(move || runs::output(&console.runs.folder_of(&id)?, &sha256)).await?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    // Whatever a program printed: a browser shows it as text and makes nothing else of it.
    for (name, value) in [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

async fn report(
    State(app): State<Arc<AppState>>,
    Extension(console): Extension<Console>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    admin(&app, request.headers()).await?;
    let text = aside(move || {
        let (found, run) = console.runs.open(&id)?;
        ReportText::of(&found, &run)
    });
    shown(&text.await?)
}

/// Answers with what is to be signed.
async fn statement(
    State(app): State<Arc<AppState>>,
    Extension(console): Extension<Console>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let speech: Speech = read(&app, request).await?;
    let envelope = aside(move || speech.envelope(&console.runs.open(&id)?.1));
    shown(&envelope.await?)
}

/// Puts what somebody says into the run's inbox.
async fn say(
    State(app): State<Arc<AppState>>,
    Extension(console): Extension<Console>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Failure> {
    let given: Given = read(&app, request).await?;
    let checked = aside(move || {
        let run = console.runs.open(&id)?.1;
        Ok((given.check(&run)?, run.is_carried_out()))
    });
    let (said, is_carried_out) = checked.await?;
    shown(&said.put(is_carried_out).await?)
}

async fn admin(app: &AppState, headers: &HeaderMap) -> Result<(), Failure> {
    Ok(app.caller(headers).await?.need(Scope::Admin)?)
}

async fn read<T: DeserializeOwned>(app: &AppState, request: Request) -> Result<T, Failure> {
    admin(app, request.headers()).await?;
    let (parts, body) = request.into_parts();
    let body = read_json(app, &parts.headers, body).await?;
    let malformed = |error| ApiError::validation(format!("the body can't be understood: {error}"));
    Ok(serde_json::from_slice(&body).map_err(malformed)?)
}

fn number(request: &Request, name: &str) -> Result<Option<usize>, Failure> {
    let Some(text) = query_value(request.uri().query(), name)? else { return Ok(None) };
    let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let malformed = || ApiError::validation(format!("`{name}` is a whole number"));
    Ok(Some(number.ok_or_else(malformed)?))
}

/// Reads files on a thread that may wait for a disk.
async fn aside<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, Failure> {
    let ended = spawn_blocking(read).await.map_err(|error| {
        tracing::error!(%error, "a run was not read to its end");
        ApiError::internal()
    })?;
    Ok(ended?)
}

fn shown(value: &impl Serialize) -> Result<Response, Failure> {
    let text = serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "an answer can't be written as JSON");
        ApiError::internal()
    })?;
    Ok(answer(StatusCode::OK, text))
}
