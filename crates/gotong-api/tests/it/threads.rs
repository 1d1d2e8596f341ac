//! Threads and members.

use serde_json::json;

use crate::support::{
    http::Request,
    server::{ALICE, BOB, CAROL, MALLORY, NOBODY, Plan, READER},
};

#[test]
fn a_thread_is_made_found_and_belongs_to_its_organisation() {
    let server = Plan::new("memory").start();
    let made = server.post(
        ALICE,
        "/v1/chat/threads",
        &json!({"scope_id": "a scope '; --", "privacy_level": "public"}),
    );
    assert_eq!(made.status, 201, "{}", made.text());
    let thread = made.json();
    let id = thread["thread_id"].as_str().expect("an id");
    let fields: Vec<_> = thread.as_object().expect("an object").keys().cloned().collect();
    let expected =
        ["created_at_ms", "created_by", "head_seq", "privacy_level", "scope_id", "thread_id"];
    assert_eq!(fields, expected);
    assert_eq!(thread["created_by"], "alice");
    let found = server.get(BOB, &format!("/v1/chat/threads/{id}"));
    assert_eq!(found.json(), thread);
    let list = server.get(BOB, "/v1/chat/threads?scope_id=a%20scope%20';%20--");
    assert_eq!(list.json(), json!({"threads": [thread], "next": null, "has_more": false}));
    // Another organisation has neither.
    for path in ["", "/members", "/messages", "/messages/stream", "/read-cursor"] {
        let path = format!("/v1/chat/threads/{id}{path}");
        server.get(MALLORY, &path).assert_error(404, "not_found");
    }
    let list = server.get(MALLORY, "/v1/chat/threads?scope_id=a%20scope%20';%20--");
    assert_eq!(list.json()["threads"], json!([]));
    server.say(ALICE, id, "hello");
    let found = server.get(ALICE, &format!("/v1/chat/threads/{id}"));
    assert_eq!(found.json()["head_seq"], 1);
}

#[test]
fn lists_have_pages_and_leave_out_what_is_private() {
    let server = Plan::new("memory").start();
    let public: Vec<_> = (0..3).map(|_| server.thread(ALICE, "public")).collect();
    let private = server.thread(ALICE, "private");
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/v1/chat/threads?scope_id=scope&limit=2&after={after}");
        let page = server.get(BOB, &path).json();
        let threads = page["threads"].as_array().expect("a list").clone();
        seen.extend(threads.iter().map(|t| t["thread_id"].as_str().expect("an id").to_owned()));
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    let mut public = public;
    public.sort();
    assert_eq!(seen, public);
    let all = server.get(ALICE, "/v1/chat/threads?scope_id=scope").json();
    assert_eq!(all["threads"].as_array().map(Vec::len), Some(4));
    let path = format!("/v1/chat/threads/{private}");
    server.get(BOB, &path).assert_error(403, "forbidden");
    server.get(NOBODY, &path).assert_error(403, "forbidden");
}

#[test]
fn members_are_invited_join_and_leave() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "private");
    let path = |what: &str| format!("/v1/chat/threads/{thread}/{what}");
    let nothing = json!({});
    server.post(BOB, &path("join"), &nothing).assert_error(403, "forbidden");
    server.post(BOB, &path("members"), &json!({"user_id": "bob"})).assert_error(403, "forbidden");
    let invited = server.post(ALICE, &path("members"), &json!({"user_id": "bob"}));
    assert_eq!((invited.status, &invited.json()["role"]), (201, &json!("invited")));
    server.get(BOB, &path("members")).assert_error(403, "forbidden");
    server.join(BOB, &thread);
    server.join(BOB, &thread);
    let members = server.get(BOB, &path("members")).json();
    let roles: Vec<_> = members["members"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| (m["user_id"].as_str().unwrap_or(""), m["role"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(roles, [("alice", "owner"), ("bob", "member")]);
    let page = |query: &str| server.get(BOB, &format!("{}?{query}", path("members"))).json();
    let ids = |page: &serde_json::Value| {
        let members = page["members"].as_array().expect("a list").iter();
        members.map(|m| m["user_id"].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>()
    };
    let first = page("limit=1");
    let more = (&first["next"], &first["has_more"]);
    assert_eq!((ids(&first), more), (vec!["alice".into()], (&json!("alice"), &json!(true))));
    let whole = (&members["next"], &members["has_more"]);
    for last in [page("after=alice&limit=1"), page("after=alice")] {
        assert_eq!(ids(&last), ["bob"]);
        assert_eq!((&last["next"], &last["has_more"]), whole, "{last}");
    }
    assert_eq!(whole, (&serde_json::Value::Null, &json!(false)));
    server.say(BOB, &thread, "hello");
    assert_eq!(server.post(BOB, &path("leave"), &nothing).status, 200);
    server.try_say(BOB, &thread, "again", "r").assert_error(403, "forbidden");
    server.post(BOB, &path("join"), &nothing).assert_error(403, "forbidden");
    server.post(ALICE, &path("leave"), &nothing).assert_error(409, "conflict");
    server.get(CAROL, &path("messages")).assert_error(403, "forbidden");
}

#[test]
fn whoever_lacks_something_is_told_what() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    let wanted = json!({"scope_id": "s", "privacy_level": "public"});
    let path = format!("/v1/chat/threads/{thread}/messages/send");
    server.post(NOBODY, "/v1/chat/threads", &wanted).assert_error(403, "forbidden");
    server.post(READER, "/v1/chat/threads", &wanted).assert_error(403, "forbidden");
    server.post(NOBODY, &path, &json!({"body": "b"})).assert_error(403, "forbidden");
    server.post(BOB, &path, &json!({"body": "b"})).assert_error(403, "forbidden");
    server.post("no-such-key", &path, &json!({})).assert_error(401, "unauthorized");
    // Whoever names no user reads what is public.
    assert_eq!(server.get(NOBODY, &format!("/v1/chat/threads/{thread}/messages")).status, 200);
    assert_eq!(server.get(READER, &format!("/v1/chat/threads/{thread}/messages")).status, 200);
}

#[test]
fn bad_input_is_named() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    let check = |method: &str, path: &str, body: &str, status: u16, part: &str| {
        let path = path.replace("THREAD", &thread);
        let mut request = Request::new(method, &path).key(ALICE);
        if !body.is_empty() {
            request = request.json(body);
        }
        let code = match status {
            400 => "validation_error",
            404 => "not_found",
            405 => "method_not_allowed",
            415 => "unsupported",
            _ => "unprocessable",
        };
        let message = server.send(&request).assert_error(status, code);
        assert!(message.contains(part), "{method} {path} {body}: {message}");
    };
    let threads = "/v1/chat/threads";
    check("POST", threads, r#"{"scope_id":"","privacy_level":"public"}"#, 400, "128");
    check(
        "POST",
        threads,
        r#"{"scope_id":"s","privacy_level":"secret"}"#,
        400,
        "public or private",
    );
    check("POST", threads, r#"{"scope_id":"s"}"#, 400, "privacy_level");
    check("POST", threads, r#"["s","public"]"#, 400, "object");
    check("POST", threads, r#"{"scope_id":"s","privacy_level":"public","x":1}"#, 400, "x");
    check("GET", threads, "", 400, "scope_id");
    check("GET", "/v1/chat/threads?scope_id=s&limit=0", "", 400, "limit");
    check("GET", "/v1/chat/threads/thr_nope", "", 404, "thread");
    check("GET", "/v1/chat/threads/'%3B%20--/messages", "", 404, "thread");
    check("DELETE", "/v1/chat/threads/THREAD", "", 405, "method");
    check("POST", "/v1/chat/threads/THREAD/members", r#"{"user_id":""}"#, 400, "user");
    check("GET", "/v1/chat/threads/THREAD/members?limit=10001", "", 400, "10000");
    check("POST", "/v1/chat/threads/THREAD/join", r#"{"x":1}"#, 400, "x");
    let send = "/v1/chat/threads/THREAD/messages/send";
    check("POST", send, r#"{"body":""}"#, 400, "2000");
    check("POST", send, &json!({"body": "ü".repeat(2001)}).to_string(), 400, "2000");
    let many = json!({"body": "b", "attachments": vec![json!({"id": 1}); 21]}).to_string();
    check("POST", send, &many, 400, "20 attachments");
    check("POST", send, r#"{"body":"b","attachments":["x"]}"#, 400, "object");
    check("POST", send, "", 400, "object");
    let list = "/v1/chat/threads/THREAD/messages";
    for query in ["limit=0", "limit=201", "limit=x", "after=-1", "after=1&after=2"] {
        check("GET", &format!("{list}?{query}"), "", 400, "");
    }
    check("GET", &format!("{list}?since_message_id=msg_1"), "", 400, "belong together");
    check("GET", &format!("{list}?since_created_at_ms=1"), "", 400, "belong together");
    let unknown = format!("{list}?since_message_id=msg_1&since_created_at_ms=1");
    check("GET", &unknown, "", 400, "no message");
    check("PATCH", "/v1/chat/threads/THREAD/messages/1", r#"{"body":"b"}"#, 404, "message");
    check("DELETE", "/v1/chat/threads/THREAD/messages/0", "", 404, "message");
    check("DELETE", "/v1/chat/threads/THREAD/messages/x", "", 400, "number");
    check("POST", "/v1/chat/threads/THREAD/read-cursor", r#"{"seq":1}"#, 422, "number");
    check("POST", "/v1/chat/threads/THREAD/read-cursor", r#"{"seq":-1}"#, 400, "");
}
