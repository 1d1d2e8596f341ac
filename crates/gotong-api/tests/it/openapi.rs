//! The OpenAPI document of a server with chat, against its routes and what it really answers.

mod answers;
mod frames;
mod refusals;

use std::collections::BTreeSet;

use gotong_api::CHAT_ROUTES;
use serde_json::Value;
use viz_api::ROUTES;

use crate::support::{
    http::{Answer, Request},
    schema::Cases,
    server::{ALICE, Plan, Server},
};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Where chat is.
const CHAT: &str = "/v1/chat/threads";

/// A path and a method.
type Operation = (String, String);

/// Reads the document as the server gives it.
fn document(server: &Server) -> Value {
    let answer = server.send(&Request::new("GET", "/api/openapi.json"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn documented(document: &Value) -> BTreeSet<Operation> {
    let paths = document["paths"].as_object().expect("it has paths");
    let of = |(path, item): (&String, &Value)| {
        let methods = item.as_object().into_iter().flat_map(|item| item.keys());
        let known = methods.filter(|key| METHODS.contains(&key.as_str()));
        known.map(|method| (path.clone(), method.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

/// Returns what is documented of chat.
fn of_chat(document: &Value) -> BTreeSet<Operation> {
    documented(document).into_iter().filter(|(path, _)| path.starts_with(CHAT)).collect()
}

/// Follows a reference, where there is one.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).expect("references lead somewhere"),
        None => value,
    }
}

#[test]
fn it_has_the_routes_of_both_surfaces_and_no_others() {
    let server = Plan::new("memory").start();
    let chat = CHAT_ROUTES.iter().map(|route| (route.path, route.methods));
    let all = ROUTES.iter().map(|route| (route.path, route.methods)).chain(chat);
    let all = all.flat_map(|(path, methods)| {
        methods.iter().map(|method| (path.to_owned(), (*method).to_owned()))
    });
    let document = document(&server);
    assert_eq!(documented(&document), all.collect());
    assert_eq!(of_chat(&document).len(), 16);
}

/// The table of routes is the router's: what is not documented is refused by it.
#[test]
fn every_other_method_is_refused_as_documented() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    let document = document(&server);
    let mut cases = Cases::of(&document);
    for route in CHAT_ROUTES {
        let path = route.path.replace("{id}", &thread).replace("{seq}", "1");
        for method in METHODS {
            let is_documented = route.methods.contains(&method);
            if is_documented || method == "head" {
                continue;
            }
            let answer = server.send(&Request::new(&method.to_uppercase(), &path).key(ALICE));
            answer.assert_error(405, "method_not_allowed");
            check(&mut cases, &document, &(route.path.into(), route.methods[0].into()), &answer);
        }
    }
    cases.assert_fit();
}

#[test]
fn references_lead_somewhere_and_nothing_is_left_over() {
    let server = Plan::new("memory").start();
    let document = document(&server);
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    for reference in &references {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
    let mut unused = BTreeSet::new();
    for kind in ["schemas", "responses", "parameters", "headers"] {
        let names = document["components"][kind].as_object().expect("a component").keys();
        unused.extend(names.map(|name| format!("#/components/{kind}/{name}")));
    }
    let unused: Vec<_> = unused.difference(&references).collect();
    // What streams carry: OpenAPI has no way to refer to it, so descriptions name it.
    let in_streams = [
        "Connected",
        "Envelope",
        "Goodbye",
        "ThreadClosed",
        "ThreadFrame",
        "ThreadPing",
        "ThreadSaid",
    ];
    let in_streams = in_streams.map(|name| format!("#/components/schemas/{name}"));
    assert_eq!(unused, in_streams.iter().collect::<Vec<_>>());
    let mut ids = BTreeSet::new();
    for (path, method) in documented(&document) {
        let operation = &document["paths"][&path][&method];
        assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}");
        assert!(operation["summary"].is_string(), "{method} {path}");
        // Each part of the path is a parameter, and the other way round.
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let parameters = parameters.iter().map(|parameter| followed(&document, parameter).clone());
        let in_path = parameters.filter(|parameter| parameter["in"] == "path");
        let named: BTreeSet<_> =
            in_path.map(|p| format!("{{{}}}", p["name"].as_str().unwrap_or(""))).collect();
        let in_path = path.split('/').filter(|part| part.starts_with('{')).map(str::to_owned);
        assert_eq!(named, in_path.collect(), "{method} {path}");
    }
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
fn examples_fit_what_they_are_examples_of() {
    let server = Plan::new("memory").start();
    let document = document(&server);
    let mut cases = Cases::of(&document);
    for (path, method) in of_chat(&document) {
        let responses = document["paths"][&path][&method]["responses"].as_object().cloned();
        for (status, response) in responses.expect("it has answers") {
            let content = &followed(&document, &response)["content"]["application/json"];
            if !content["example"].is_null() {
                let name = format!("{method} {path} {status}");
                cases.add(&name, &content["schema"], &content["example"]);
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().expect("there are some") {
        if !schema["example"].is_null() {
            cases.add_named(name, name, &schema["example"]);
        }
    }
    cases.assert_fit();
}

/// Checks an answer's status, media type and headers, and notes its body to be checked.
#[track_caller]
fn check(cases: &mut Cases, document: &Value, (path, method): &Operation, answer: &Answer) {
    let name = format!("{method} {path} {}", answer.status);
    let response = &document["paths"][path][method]["responses"][answer.status.to_string()];
    let response = followed(document, response);
    assert!(response.is_object(), "{name} is not documented: {}", answer.text());
    let headers = response["headers"].as_object().expect("every answer has headers");
    assert!(headers.contains_key("X-Request-Id"), "{name}");
    for header in headers.keys() {
        // What has its conditions is looked at where they hold.
        let is_always = header != "Idempotency-Replayed" && header != "Sec-WebSocket-Extensions";
        let may_lack = header == "Retry-After" && answer.status == 409;
        assert!(answer.header(header).is_some() || !is_always || may_lack, "{name}: {header}");
    }
    let undocumented = ["idempotency-replayed", "retry-after", "www-authenticate", "allow"];
    for header in undocumented.into_iter().filter(|header| answer.header(header).is_some()) {
        let is_documented = headers.keys().any(|known| known.eq_ignore_ascii_case(header));
        assert!(is_documented, "{name}: {header} is not documented");
    }
    let content = response["content"].as_object();
    let Some((media, content)) = content.and_then(|content| content.iter().next()) else {
        return assert!(answer.body.is_empty(), "{name}");
    };
    let sent = answer.header("content-type").and_then(|media| media.split(';').next());
    assert_eq!(sent, Some(media.as_str()), "{name}: {}", answer.text());
    if media == "application/json" {
        cases.add(&name, &content["schema"], &answer.json());
    }
}
