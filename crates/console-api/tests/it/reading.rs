//! Runs as they are shown.

use std::fs;

use http::StatusCode;
use serde_json::{Value, json};

use crate::stage::{ADMIN, Run, Server};

#[tokio::test]
async fn a_folder_that_is_not_there_has_no_runs() {
    let server = Server::new();
    fs::remove_dir(server.runs.path()).expect("it is empty");
    assert_eq!(server.get("/api/runs").await, json!({"runs": []}));
}

#[tokio::test]
async fn a_run_and_a_rehearsal_are_listed_and_others_are_not() {
    let server = Server::new();
    let run = Run::begin(&server.runs.path().join("first"));
    fs::create_dir(server.runs.path().join("second")).expect("it can be made");
    drop(Run::begin(&server.runs.path().join("second/run")));
    fs::create_dir(server.runs.path().join("empty")).expect("it can be made");
    let listed = server.get("/api/runs").await;
    let runs = listed["runs"].as_array().expect("it is a list");
    let seen: Vec<_> = runs.iter().map(|run| (&run["id"], &run["is_carried_out"])).collect();
    assert!(seen.contains(&(&json!("first"), &json!(true))), "{listed}");
    assert!(seen.contains(&(&json!("second"), &json!(false))), "{listed}");
    assert_eq!(seen.len(), 2, "{listed}");
    drop(run);
    assert_eq!(server.get("/api/runs/first").await["is_carried_out"], json!(false));
}

#[tokio::test]
async fn a_run_is_shown_with_its_people_and_its_journal() {
    let server = Server::new();
    let run = Run::begin(&server.runs.path().join("one"));
    let shown = server.get("/api/runs/one").await;
    assert_eq!(shown["roles"][0]["people"][0]["key"], crate::stage::key().verifier().key_id());
    assert_eq!(
        shown["roles"][1],
        json!({"role": "operator", "people": [{"name": "Ana Ruiz", "key": null}]})
    );
    assert_eq!((&shown["live"], &shown["is_production"]), (&Value::Null, &json!(false)));
    let page = server.get("/api/runs/one/journal?limit=1").await;
    assert_eq!((&page["next"], &page["has_more"]), (&json!(1), &json!(true)));
    assert_eq!(page["entries"][0]["name"], "begun");
    let page = server.get("/api/runs/one/journal?after=1").await;
    assert_eq!((&page["next"], &page["has_more"]), (&json!(2), &json!(false)));
    let output = &page["entries"][0]["outputs"][0];
    let path = format!("/api/runs/one/outputs/{}", output["sha256"].as_str().expect("it is text"));
    let (status, bytes) = server.ask(("GET", &path), Some(ADMIN), "").await;
    assert_eq!((status, &bytes[..]), (StatusCode::OK, &b"<script>alert(1)</script> \xff"[..]));
    let beyond = server.get("/api/runs/one/journal?after=99").await;
    assert_eq!((&beyond["entries"], &beyond["next"]), (&json!([]), &json!(2)));
    assert!(run.folder.path().is_dir());
}

#[tokio::test]
async fn samples_come_line_by_line_and_none_by_half() {
    let server = Server::new();
    let run = Run::begin(&server.runs.path().join("one"));
    assert_eq!(
        server.get("/api/runs/one/samples").await,
        json!({"samples": [], "next": 0, "has_more": false})
    );
    let file = run.folder.path().join("samples.jsonl");
    fs::write(&file, "{\"of\":1}\nnonsense\n{\"of\":2}\n{\"of\":").expect("it can be written");
    let page = server.get("/api/runs/one/samples").await;
    assert_eq!(page["samples"], json!([{"of": 1}, {"of": 2}]));
    let next = page["next"].as_u64().expect("it is a number");
    let again = server.get(&format!("/api/runs/one/samples?after={next}")).await;
    assert_eq!(again, json!({"samples": [], "next": next, "has_more": false}));
    assert_eq!(server.get("/api/runs/one/samples?after=999999").await["samples"], json!([]));
}

#[tokio::test]
async fn what_is_not_there_or_wrong_is_told() {
    let server = Server::new();
    drop(Run::begin(&server.runs.path().join("one")));
    let nothing = "0".repeat(64);
    for (path, status) in [
        ("/api/runs/two".to_owned(), StatusCode::NOT_FOUND),
        ("/api/runs/..".to_owned(), StatusCode::NOT_FOUND),
        ("/api/runs/..%2fone".to_owned(), StatusCode::NOT_FOUND),
        ("/api/runs/%2e".to_owned(), StatusCode::NOT_FOUND),
        ("/api/runs/%ff".to_owned(), StatusCode::BAD_REQUEST),
        ("/api/runs/one/outputs/x".to_owned(), StatusCode::NOT_FOUND),
        ("/api/runs/one/outputs/..%2f..%2fplan.json".to_owned(), StatusCode::NOT_FOUND),
        (format!("/api/runs/one/outputs/{nothing}"), StatusCode::NOT_FOUND),
        ("/api/runs/one/journal?limit=0".to_owned(), StatusCode::BAD_REQUEST),
        ("/api/runs/one/journal?limit=1001".to_owned(), StatusCode::BAD_REQUEST),
        ("/api/runs/one/journal?after=-1".to_owned(), StatusCode::BAD_REQUEST),
        ("/api/runs/one/journal?after=1&after=2".to_owned(), StatusCode::BAD_REQUEST),
        ("/api/runs/one/samples?after=x".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        let (seen, bytes) = server.ask(("GET", &path), Some(ADMIN), "").await;
        assert_eq!(seen, status, "{path}: {}", String::from_utf8_lossy(&bytes));
        let told: Value = serde_json::from_slice(&bytes).expect("it is JSON");
        assert!(told["error"]["message"].is_string(), "{told}");
    }
}

#[tokio::test]
async fn a_run_that_was_changed_is_named_and_hides_no_other() {
    let server = Server::new();
    drop(Run::begin(&server.runs.path().join("good")));
    let bad = Run::begin(&server.runs.path().join("bad"));
    fs::write(bad.folder.path().join("status.json"), "{").expect("it can be written");
    fs::write(bad.folder.journal(), "nonsense\n").expect("it can be written");
    let listed = server.get("/api/runs").await;
    let runs = listed["runs"].as_array().expect("it is a list");
    let error = |id: &str| &runs.iter().find(|run| run["id"] == id).expect("it is there")["error"];
    assert!(error("bad").as_str().is_some_and(|text| text.contains("status.json")), "{listed}");
    assert!(error("good").is_null());
    let (status, bytes) = server.ask(("GET", "/api/runs/bad"), Some(ADMIN), "").await;
    let told = String::from_utf8_lossy(&bytes);
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
    assert!(told.contains("the journal was changed"), "{told}");
}

#[tokio::test]
async fn the_report_is_made_as_the_command_makes_it() {
    let server = Server::new();
    drop(Run::begin(&server.runs.path().join("one")));
    let report = server.get("/api/runs/one/report").await;
    assert!(report["markdown"].as_str().is_some_and(|text| text.contains("Small")), "{report}");
    let html = report["html"].as_str().expect("it is text");
    assert!(html.contains("<html") && !html.contains("<script"), "{html}");
}
