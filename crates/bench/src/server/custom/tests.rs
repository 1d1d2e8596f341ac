//! What a description may say, and what is sent then.

use super::*;
use crate::stamp::Mark;

const GOOD: &str = r#"
name = "other"
subscribe_address = "127.0.0.1:8080"
pids = [1]
subscribe_request = """
GET /sub/{stream} HTTP/1.1
host: x
"""
publish_request = """
POST /pub/{stream} HTTP/1.1
host: x
content-length: {length}

{"n":{n},"event":{payload_json}}"""
"#;

fn custom(text: &str) -> Custom {
    let payloads = Payloads::new(Mark::new(1), 0);
    Custom { transport: Transport::Sse, payloads, description: Description::parse(text).unwrap() }
}

#[test]
fn placeholders_are_filled_in() {
    let custom = custom(GOOD);
    let opening = custom.open(7, &Begin::Live);
    assert_eq!(opening.request, b"GET /sub/bench000007 HTTP/1.1\r\nhost: x\r\n\r\n");
    let stamp = Stamp { stream: 7, number: 3, sent_us: 0 };
    let text = String::from_utf8(custom.publish(&[stamp]).bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let length = body.len();
    assert_eq!(
        head,
        format!("POST /pub/bench000007 HTTP/1.1\r\nhost: x\r\ncontent-length: {length}")
    );
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["n"], 3);
}

#[test]
fn the_documented_example_is_taken() {
    let page = include_str!("../../../../../docs/bench.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    custom(example);
}

#[test]
fn what_makes_no_sense_is_named() {
    let check = |from: &str, to: &str, part: &str| {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD);
        let refused = Description::parse(&text).unwrap_err();
        assert!(refused.contains(part), "{part:?}: {refused}");
    };
    check("name =", "nmae =", "nmae");
    check("subscribe_address = \"127.0.0.1:8080\"", "", "subscribe_address");
    check("127.0.0.1:8080", "nowhere", "subscribe_address");
    check("pids = [1]", "", "command, pids and pid_file");
    check("pids = [1]", "pids = [1]\ncommand = [\"x\"]", "command, pids and pid_file");
    check("/sub/{stream}", "/sub/{streem}", "{streem}");
    check("{payload_json}", "{json}", "{json}");
}
