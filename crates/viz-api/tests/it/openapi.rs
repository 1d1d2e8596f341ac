//! The OpenAPI document against the table of routes, and against what the server really answers.

use std::collections::BTreeSet;

use serde_json::Value;
use viz_api::{OPENAPI, ROUTES};

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_ADMIN, Plan},
    ws::Ws,
};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

fn document() -> Value {
    serde_json::from_str(OPENAPI).expect("the document is JSON")
}

fn documented() -> BTreeSet<(String, String)> {
    let document = document();
    let paths = document["paths"].as_object().expect("it has paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flat_map(|item| item.keys());
        methods
            .filter(|key| METHODS.contains(&key.as_str()))
            .map(|method| (path.clone(), method.clone()))
    });
    operations.collect()
}

#[test]
fn it_names_the_routes_that_there_are() {
    let routes = ROUTES.iter().flat_map(|route| {
        route.methods.iter().map(|method| (route.path.to_owned(), (*method).to_owned()))
    });
    assert_eq!(documented(), routes.collect());
    assert_eq!(document()["openapi"], "3.1.0");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.len() > 20, "{references:?}");
    for reference in &references {
        let pointer = reference.strip_prefix('#').expect("it stays in the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let mut unused = BTreeSet::new();
    for kind in ["schemas", "responses", "parameters", "headers"] {
        let names = document["components"][kind].as_object().expect("a component").keys();
        unused.extend(names.map(|name| format!("#/components/{kind}/{name}")));
    }
    let unused: Vec<_> = unused.difference(&references).collect();
    // What a stream carries is named in its description: OpenAPI has no way to refer to it.
    let in_streams =
        ["Connected", "Envelope", "Goodbye"].map(|name| format!("#/components/schemas/{name}"));
    assert_eq!(unused, in_streams.iter().collect::<Vec<_>>());
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[test]
fn each_operation_is_told_apart_and_described() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (path, method) in documented() {
        let operation = &document["paths"][&path][&method];
        let id = operation["operationId"].as_str().expect("it has a name").to_owned();
        assert!(ids.insert(id), "{method} {path}");
        assert!(
            operation["summary"].is_string() && operation["security"].is_array(),
            "{method} {path}"
        );
        for scheme in operation["security"].as_array().into_iter().flatten() {
            let name =
                scheme.as_object().and_then(|scheme| scheme.keys().next()).expect("a scheme");
            assert!(document["components"]["securitySchemes"][name].is_object(), "{name}");
        }
    }
}

#[test]
fn what_is_documented_is_served_and_nothing_else() {
    let server = Plan::with_keys().start();
    let documented = documented();
    for route in ROUTES {
        for method in METHODS {
            let is_head_of_get = method == "head" && route.methods.contains(&"get");
            let upper = method.to_uppercase();
            if documented.contains(&(route.path.to_owned(), method.to_owned())) {
                // A stream that opened would not end; its HEAD has been looked at elsewhere.
                let path = format!("{}?stream=chain:x", route.path);
                let path = if route.path == "/api/stream" { &*path } else { route.path };
                let answer = server.send(&Request::new(&upper, path));
                assert!(![404, 405].contains(&answer.status), "{method} {}", route.path);
            } else if !is_head_of_get {
                let answer = server.send(&Request::new(&upper, route.path).key(KEY_ADMIN));
                assert_eq!(answer.status, 405, "{method} {}", route.path);
                if method != "head" {
                    answer.assert_error(405, "method_not_allowed");
                }
            }
        }
    }
    let served = server.send(&Request::get("/api/openapi.json"));
    assert_eq!((served.status, served.text()), (200, OPENAPI.to_owned()));
}

#[test]
fn statuses_and_media_types_are_the_documented_ones() {
    let strict = Plan::with_keys().set("REALTIME_ENFORCE_REDIS", "true").start();
    let open = Plan::with_keys().set("TIDEGATE_BATCH_EVENTS_MAX", "1").start();
    let document = document();
    for (path, method) in documented() {
        for request in attempts(&method.to_uppercase(), &path) {
            // A stream that opened would not end.
            let servers = if path == "/api/stream" { &[&strict][..] } else { &[&strict, &open] };
            for server in servers {
                let answer = server.send(&request);
                let media = answer.header("content-type");
                assert_documented(&document, &path, &method, answer.status, media);
            }
        }
    }
}

/// A good request for a WebSocket is no request any more: its answer has headers and no body.
#[test]
fn an_upgrade_is_answered_as_documented() {
    let server = Plan::with_keys().set("TIDEGATE_WEBSOCKET_DEFLATE", "on").start();
    let headers = [("x-api-key", KEY_A), ("sec-websocket-extensions", "permessage-deflate")];
    let ws = Ws::open(&server, "/api/ws", &headers);
    let response = document()["paths"]["/api/ws"]["get"]["responses"]["101"].clone();
    assert!(response["content"].is_null(), "{response}");
    let documented = response["headers"].as_object().expect("it has headers");
    assert_eq!(documented.len(), 3);
    for name in documented.keys() {
        assert!(ws.head.header(name).is_some(), "{name}");
    }
}

/// Requests of many kinds, most of them bad.
fn attempts(method: &str, path: &str) -> Vec<Request> {
    let request = || Request::new(method, path);
    let with = |query: &str| Request::new(method, &format!("{path}?{query}"));
    let mut attempts = vec![
        request(),
        request().key("unknown-key"),
        with(&"x".repeat(9000)),
        request().header("x", "y".repeat(1 << 18)),
    ];
    for key in [KEY_ADMIN, KEY_A, "key-a-publish-only", "key-a-subscribe-only"] {
        attempts.extend([
            request().key(key),
            request().key(key).json(r#"{"event":"a"}"#),
            request().key(key).json(r#"{"event":"a"}"#).header("idempotency-key", "two words"),
            request().key(key).body(b"{").header("content-type", "text/plain"),
            request().key(key).json("[{},{}]"),
            with("stream=chain:x").key(key),
            with("stream=x&limit=x&events=X").key(key),
        ]);
    }
    attempts
}

#[track_caller]
fn assert_documented(document: &Value, path: &str, method: &str, status: u16, media: Option<&str>) {
    let operation = &document["paths"][path][method];
    let mut response = &operation["responses"][status.to_string()];
    if let Some(reference) = response["$ref"].as_str() {
        response = document.pointer(&reference[1..]).expect("references lead somewhere");
    }
    assert!(response.is_object(), "{method} {path} answers {status}, which is not documented");
    let essence = media.and_then(|media| media.split(';').next()).expect("an answer has a type");
    assert!(response["content"][essence].is_object(), "{method} {path} {status}: {essence}");
}
