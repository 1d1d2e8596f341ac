//! `GET /api/events`: the window as pages of JSON.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use broker::{Page, PageLimit};
use event::After;
use http::StatusCode;

use crate::{
    AppState,
    error::ApiError,
    request::{json, query_value},
};

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 500;

/// Most bytes of events in one answer, as long as there is more than one.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Reads a page, oldest first; without `after` it begins with the oldest event of the window.
pub(crate) async fn events(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = app.auth.caller(request.headers()).await?;
    let query = request.uri().query();
    let stream = app.stream_for(&caller, query_value(query, "stream")?.as_deref())?;
    let limit = limit(query_value(query, "limit")?.as_deref())?;
    app.check_available()?;
    app.terms(&caller, &stream).await?;
    let after = match query_value(query, "after")?.filter(|after| !after.is_empty()) {
        Some(after) => After::from_client(Some(&after)),
        None => After::Oldest,
    };
    let mut page = app.state.broker.page(&stream, &after, limit).await?;
    cut(&mut page);
    if let Some(gap) = &page.gap {
        app.state.metrics.delivery.gap(gap.reason);
    }
    Ok(json(StatusCode::OK, body(&page)))
}

fn limit(text: Option<&str>) -> Result<PageLimit, ApiError> {
    let Some(text) = text else { return Ok(PageLimit::clamped(LIMIT_DEFAULT)) };
    match text.parse::<usize>() {
        Ok(limit @ 1..=LIMIT_MAX) => Ok(PageLimit::clamped(limit)),
        _ => Err(ApiError::validation(format!("`limit` is a whole number from 1 to {LIMIT_MAX}"))),
    }
}

/// Ends a page where its answer would get too large; the next one goes on there.
fn cut(page: &mut Page) {
    let mut bytes = 0;
    let fits = page.events.iter().position(|event| {
        bytes += event.json.len();
        bytes > ANSWER_BYTES_MAX
    });
    if let Some(over) = fits {
        page.events = page.events[..over.max(1)].into();
        page.next = page.events.last().map_or(page.after, |event| event.position);
    }
}

/// Writes the page; an envelope's own text goes in unchanged, behind its cursor.
fn body(page: &Page) -> Vec<u8> {
    let json_bytes: usize = page.events.iter().map(|event| event.json.len() + 48).sum();
    let mut out = Vec::with_capacity(json_bytes + 256);
    out.extend_from_slice(br#"{"events":["#);
    for (i, event) in page.events.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        out.extend_from_slice(format!(r#"{comma}{{"cursor":"{}","#, event.position).as_bytes());
        out.extend_from_slice(event.json.strip_prefix(b"{").unwrap_or(&event.json));
    }
    let gap = page.gap.as_ref().map_or_else(|| "null".to_owned(), delivery::sse::gap_json);
    let end = format!(r#"],"next":"{}","has_more":{},"gap":{gap}}}"#, page.next, page.has_more());
    out.extend_from_slice(end.as_bytes());
    out
}
