//! Every success of chat's routes, and errors that are one route's own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Operation, check, document, of_chat};
use crate::support::{
    http::{Answer, Request},
    schema::Cases,
    server::{ALICE, BOB, CAROL, Plan, Server},
};

/// A conversation whose every answer is checked.
struct Talk {
    server: Server,
    document: Value,
    cases: Cases,
    thread: String,
    seen: BTreeSet<(Operation, u16)>,
}

impl Talk {
    fn begin(backend: &str) -> Self {
        let server = Plan::new(backend).start();
        let (document, thread) = (document(&server), server.thread(ALICE, "private"));
        let cases = Cases::of(&document);
        Talk { server, document, cases, thread, seen: BTreeSet::new() }
    }

    /// Asks, behind the path of the thread, and checks the answer.
    #[track_caller]
    fn ask(&mut self, key: &str, method: &str, rest: &str, body: Option<Value>) -> Answer {
        let path = format!("/v1/chat/threads/{}{rest}", self.thread);
        let mut request = Request::new(method, &path).key(key);
        if let Some(body) = body {
            request = request.json(&body.to_string());
        }
        self.send(&request, method, &format!("/{{id}}{rest}"))
    }

    #[track_caller]
    fn send(&mut self, request: &Request, method: &str, rest: &str) -> Answer {
        let answer = self.server.send(request);
        let path = format!("/v1/chat/threads{}", rest.split('?').next().unwrap_or(rest));
        // A message's number is the only part that is a number.
        let parts = path.split('/').map(|part| match part.parse::<u64>() {
            Ok(_) => "{seq}",
            Err(_) => part,
        });
        let operation = (parts.collect::<Vec<_>>().join("/"), method.to_lowercase());
        check(&mut self.cases, &self.document, &operation, &answer);
        self.seen.insert((operation, answer.status));
        answer
    }
}

#[test]
fn every_success_and_what_is_one_route_s_own_is_as_documented() {
    let mut talk = Talk::begin("memory");
    for (method, path) in [("POST", "/v1/chat/threads"), ("GET", "/v1/chat/threads?scope_id=scope")]
    {
        let request = Request::new(method, path).key(ALICE);
        let body = json!({"scope_id": "scope", "privacy_level": "public"}).to_string();
        let request = if method == "POST" { request.json(&body) } else { request };
        talk.send(&request, method, "");
    }
    // A page that has another one behind it.
    let request = Request::new("GET", "/v1/chat/threads?scope_id=scope&limit=1").key(ALICE);
    assert!(talk.send(&request, "GET", "").json()["next"].is_string());
    talk.ask(ALICE, "GET", "", None);
    assert_eq!(talk.ask(BOB, "POST", "/join", Some(json!({}))).status, 403);
    for user in ["bob", "carol"] {
        talk.ask(ALICE, "POST", "/members", Some(json!({"user_id": user})));
    }
    assert_eq!(talk.ask(BOB, "POST", "/join", None).json()["role"], "member");
    talk.ask(CAROL, "POST", "/join", Some(json!({})));
    talk.ask(ALICE, "GET", "/members", None);
    messages(&mut talk);
    for (key, status) in [(CAROL, 200), (ALICE, 409)] {
        assert_eq!(talk.ask(key, "POST", "/leave", Some(json!({}))).status, status);
    }
    for (seq, status) in [(2, 200), (99, 422)] {
        let answer = talk.ask(BOB, "POST", "/read-cursor", Some(json!({"seq": seq})));
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    talk.ask(BOB, "GET", "/read-cursor", None);
    talk.cases.assert_fit();
    // Every success of what is no stream was seen, and what only some routes say.
    for (path, method) in of_chat(&talk.document) {
        let responses = talk.document["paths"][&path][&method]["responses"].as_object().cloned();
        for status in responses.expect("it has answers").keys() {
            let status: u16 = status.parse().expect("a number");
            let is_stream = path.ends_with("/stream") || path.ends_with("/ws");
            if (status < 300 || [409, 422].contains(&status)) && !is_stream {
                let seen = talk.seen.contains(&((path.clone(), method.clone()), status));
                assert!(seen, "{method} {path} {status} was not seen");
            }
        }
    }
}

fn messages(talk: &mut Talk) {
    let path = format!("/v1/chat/threads/{}/messages/send", talk.thread);
    let send = |body: Value| {
        let request = Request::new("POST", &path).key(BOB).header("idempotency-key", "r-1");
        request.header("x-correlation-id", "c-1").json(&body.to_string())
    };
    let body = json!({"body": "hello", "attachments": [{"id": 1}]});
    for is_replayed in [None, Some("true")] {
        let answer = talk.send(&send(body.clone()), "POST", "/{id}/messages/send");
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, is_replayed));
    }
    let conflict = talk.send(&send(json!({"body": "other"})), "POST", "/{id}/messages/send");
    conflict.assert_error(409, "idempotency_conflict");
    for n in 0..3 {
        talk.ask(BOB, "POST", "/messages/send", Some(json!({"body": format!("message {n}")})));
    }
    talk.ask(BOB, "PATCH", "/messages/2", Some(json!({"body": "edited"})));
    talk.ask(BOB, "DELETE", "/messages/3", None);
    assert_eq!(talk.ask(BOB, "PATCH", "/messages/3", Some(json!({"body": "x"}))).status, 409);
    talk.ask(ALICE, "GET", "/messages?limit=2", None);
    let page = talk.ask(ALICE, "GET", "/messages/poll?after=1", None).json();
    assert_eq!(page["messages"].as_array().map(Vec::len), Some(3), "edited and deleted ones too");
    let (id, at) = (&page["messages"][0]["message_id"], &page["messages"][0]["created_at_ms"]);
    let id = id.as_str().expect("a text");
    let since = format!("/messages?since_message_id={id}&since_created_at_ms={at}");
    assert_eq!(talk.ask(ALICE, "GET", &since, None).json()["has_more"], false);
}

/// With a database health has another form than without.
#[test]
fn health_is_as_documented_with_every_database_and_without_one() {
    let server = Plan::new("memory").start();
    let document = document(&server);
    let mut cases = Cases::of(&document);
    for server in [server, Plan::new("embedded").start()] {
        let health = server.send(&Request::new("GET", "/api/health"));
        check(&mut cases, &document, &("/api/health".into(), "get".into()), &health);
    }
    cases.assert_fit();
}

/// What checks the others can fail.
#[test]
fn a_value_that_does_not_fit_is_found() {
    let server = Plan::new("memory").start();
    let document = document(&server);
    let good = document["components"]["schemas"]["Message"]["example"].clone();
    let with = |name: &str, value: Value| {
        let mut message = good.clone();
        message[name] = value;
        message
    };
    let mut lacking = good.clone();
    lacking.as_object_mut().expect("an object").remove("seq");
    let wrong = [
        lacking,
        with("seq", json!(0)),
        with("body", json!(7)),
        with("thread_id", json!("7")),
        with("more", json!(null)),
        with("edited_at_ms", json!("now")),
        with("attachments", json!([7])),
    ];
    for value in wrong {
        let mut cases = Cases::of(&document);
        cases.add_named("it", "Message", &value);
        assert_eq!(cases.misfits().len(), 1, "{value}: {:?}", cases.misfits());
    }
}
