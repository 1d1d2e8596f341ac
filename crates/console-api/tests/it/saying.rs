//! What people say from the page.

use std::time::Duration;

use conductor::{Event, RunFolder};
use evidence::{Envelope, Statement};
use http::StatusCode;
use serde_json::{Value, json};

use crate::stage::{ADMIN, Run, Server, key};

const SAY: &str = "/api/runs/one/say";

fn unsigned(choice: &str, role: &str, person: &str) -> Value {
    json!({"unsigned": {"word": {"choice": choice, "role": role, "reason": "so"}, "person": person}})
}

/// Signs as a browser does: what the server gave, over its bytes.
async fn signed(server: &Server, word: &Value) -> Value {
    let asked = server.post("/api/runs/one/statement", word).await;
    let envelope: Envelope = serde_json::from_value(asked).expect("it is an envelope");
    assert!(envelope.signatures().is_empty());
    let envelope = envelope.signed(&key()).expect("it is base64");
    json!({"signed": {"role": word["role"], "envelope": envelope}})
}

#[tokio::test]
async fn what_is_to_be_signed_names_plan_and_journal() {
    let server = Server::new();
    let run = Run::begin(&server.runs.path().join("one"));
    let word = json!({"choice": "ROLLBACK", "role": "lead", "reason": "it smells"});
    let asked = server.post("/api/runs/one/statement", &word).await;
    let envelope: Envelope = serde_json::from_value(asked).expect("it is an envelope");
    let (statement, predicate) = Statement::read(&envelope).expect("it is a statement");
    let plan = server.get("/api/runs/one").await["plan"].clone();
    let said = serde_json::to_value(&statement).expect("it is JSON");
    assert_eq!(said["predicate"]["plan"]["digest"]["sha256"], plan);
    let log = run.journal.log_state();
    assert_eq!(said["predicate"]["log"]["size"], log.size);
    assert_eq!(predicate.role(), Some("lead"));
}

#[tokio::test]
async fn a_signed_word_is_put_into_the_inbox() {
    let server = Server::new();
    let run = Run::begin(&server.runs.path().join("one"));
    // Nobody carries it out: it waits for who resumes the run.
    let folder = run.folder.path().to_owned();
    drop(run);
    let word = json!({"choice": "HOLD", "role": "lead", "reason": "so"});
    let said = signed(&server, &word).await;
    assert_eq!(server.post(SAY, &said).await, json!({"state": "waiting", "is_carried_out": false}));
    let inbox = RunFolder::open(&folder).expect("it is a run").inbox();
    let files: Vec<_> = std::fs::read_dir(inbox).expect("it is there").flatten().collect();
    let text = std::fs::read_to_string(files[0].path()).expect("it is text");
    assert!(text.contains("example.com/lead+"), "{text}");
}

#[tokio::test]
async fn what_does_not_count_is_refused_and_put_nowhere() {
    let server = Server::new();
    let run = Run::begin(&server.runs.path().join("one"));
    let word = json!({"choice": "HOLD", "role": "lead", "reason": "so"});
    let mut forged = signed(&server, &word).await;
    forged["signed"]["envelope"]["signatures"][0]["sig"] = json!("AAAA");
    let mut other = signed(&server, &word).await;
    other["signed"]["role"] = json!("operator");
    for said in [
        forged,
        other,
        unsigned("HOLD", "lead", "Bo Lind"),
        unsigned("HOLD", "lead", "Somebody Else"),
        unsigned("HOLD", "nobody", "Ana Ruiz"),
    ] {
        let answered = server.post(SAY, &said).await;
        assert_eq!(answered["state"], "refused", "{said}: {answered}");
        assert!(answered["why"].as_str().is_some_and(|why| !why.is_empty()), "{answered}");
    }
    assert_eq!(run.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_answer_of_the_run_is_handed_on() {
    let server = Server::new();
    let mut run = Run::begin(&server.runs.path().join("one"));
    let hold = unsigned("HOLD", "operator", "Ana Ruiz");
    let said = server.post(SAY, &hold);
    let answered = async {
        // As the process does that carries the run out: it takes in what lies there.
        let taken = loop {
            if let Some(text) = run.asked().pop() {
                break text;
            }
            tokio::task::yield_now().await;
        };
        let event = Event::Decided {
            choice: evidence::Choice::Hold,
            role: "operator".into(),
            person: "Ana Ruiz".into(),
            reason: "so".into(),
            about: None,
        };
        run.journal.append(jiff::Timestamp::now(), event, Vec::new()).expect("it counts");
        assert!(taken.contains("HOLD"), "{taken}");
        let names = std::fs::read_dir(run.folder.inbox()).expect("it is there").flatten();
        let file =
            names.map(|it| it.path()).find(|it| it.extension().is_some_and(|it| it == "json"));
        let file = file.expect("it is there").with_extension("answer");
        std::fs::write(file, "\"taken\"").expect("it can be written");
    };
    let both = async { tokio::join!(said, answered).0 };
    let said = tokio::time::timeout(Duration::from_secs(30), both).await.expect("it comes");
    assert_eq!(said, json!({"state": "taken"}));
    drop(run.inbox());
}

#[tokio::test]
async fn nonsense_is_a_bad_request() {
    let server = Server::new();
    drop(Run::begin(&server.runs.path().join("one")));
    for body in [
        "",
        "[]",
        "{}",
        "{\"again\":{}}",
        "{\"signed\":{\"role\":\"lead\"}}",
        "{\"again\":{\"step\":\"G1\",\"x\":1}}",
    ] {
        let (status, _) = server.ask(("POST", SAY), Some(ADMIN), body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    for body in ["{\"choice\":\"SHOUT\",\"role\":\"lead\"}", "{\"choice\":\"GO\"}"] {
        let (status, _) = server.ask(("POST", "/api/runs/one/statement"), Some(ADMIN), body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
}
