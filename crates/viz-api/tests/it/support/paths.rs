//! The fast path and the slow one: how a request is sent down each, and what the answers share.

use std::collections::BTreeMap;

use super::{
    http::Answer,
    server::{Plan, Server},
};

/// A header that changes nothing.
pub(crate) const FAST: &str = "x-nothing: x";

/// A header that no fast path takes, and that asks for nothing.
pub(crate) const SLOW: &str = "trailer: x";

/// Returns plans of servers that take a fast path, and of those that never do.
pub(crate) fn plans() -> [(Plan, bool); 2] {
    let plan = Plan::with_keys().set("TIDEGATE_LOG", "info,viz_api=trace");
    [(plan.clone(), true), (plan.set("TIDEGATE_CORS_ORIGINS", "https://app.example.com"), false)]
}

/// Ends a server, and returns how many answers of a route took the fast path.
pub(crate) fn fast_answers(mut server: Server, route: &str) -> usize {
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
    let entries = server.log().entries();
    let fast = entries.iter().filter(|entry| entry["message"] == "answered on the fast path");
    fast.filter(|entry| entry["route"] == route).count()
}

/// What two answers to one request have in common: no ids, times and places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) status: u16,
    headers: BTreeMap<String, Vec<String>>,
    body: String,
}

impl Shape {
    pub(crate) fn of(answer: &Answer) -> Self {
        let mut headers = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in &answer.headers {
            let value = match name.as_str() {
                "x-request-id" if value.starts_with("req_") => "(its own)",
                "date" => "(a date)",
                "content-length" if answer.status == 201 => "(a length)",
                _ => value,
            };
            headers.entry(name.clone()).or_default().push(value.to_owned());
        }
        let body = match (answer.status, answer.header("x-request-id")) {
            (201, _) => String::new(),
            (_, Some(id)) => answer.text().replace(id, "(id)"),
            (_, None) => answer.text(),
        };
        Shape { status: answer.status, headers, body }
    }
}
