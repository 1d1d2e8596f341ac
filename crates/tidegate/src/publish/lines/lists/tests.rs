//! Which lines become events, and where a list ends.

use std::io;

use tokio::sync::mpsc;

use super::{LIST_BYTES_MAX, List, Lists, Then};
use crate::exit::Exit;

/// Returns the lists of lines that are all there, before the input's end.
fn lists(lines: impl IntoIterator<Item = io::Result<String>>) -> Lists {
    let (send, came) = mpsc::channel(1000);
    lines.into_iter().for_each(|line| send.try_send(line).expect("there is room"));
    Lists { lines: came, number: 0 }
}

fn lines(texts: &[&str]) -> Lists {
    lists(texts.iter().map(|text| Ok((*text).to_owned())))
}

#[track_caller]
fn failure(list: List) -> String {
    let Then::Failed(failure) = list.then else { panic!("{list:?}") };
    assert_eq!(failure.exit, Exit::Usage);
    failure.chain()
}

#[tokio::test]
async fn lines_become_events_or_are_named() {
    let check = async |line: &str, expected: Result<&str, &str>| {
        let list = lines(&["", "", line]).next().await;
        match expected {
            Ok(event) => assert_eq!(list.events, [event]),
            Err(part) => {
                let text = failure(list);
                assert!(text.starts_with("line 3: ") && text.contains(part), "{text}");
            }
        }
    };
    check(r#"{"event":"a"}"#, Ok(r#"{"event":"a"}"#)).await;
    let reordered = r#"{"event":"a","payload":{"a": 1}}"#;
    check(r#" {"payload":{"a": 1},"event":"a"}"#, Ok(reordered)).await;
    check(r#"{"event":"a","x":1}"#, Err("unknown field")).await;
    check(r#"{"event":"open"}"#, Err("the server's own")).await;
    for line in ["no", "7", r#""a""#, r#"["a"]"#] {
        check(line, Err("expected is an object with `event` and `payload`")).await;
    }
    check(r#"{"event":"a""#, Err("EOF")).await;
    check(r#"{"event":7}"#, Err("expected a string")).await;
}

#[tokio::test]
async fn lists_have_a_limit_and_empty_lines_are_skipped() {
    let line = |at: usize| {
        Ok(if at.is_multiple_of(2) { String::new() } else { r#"{"event":"a"}"#.to_owned() })
    };
    let mut lists = lists((0..300).map(line));
    let list = lists.next().await;
    assert!(list.events.len() == 100 && matches!(list.then, Then::More));
    let list = lists.next().await;
    assert!(list.events.len() == 50 && matches!(list.then, Then::End));
}

#[tokio::test]
async fn a_list_has_a_limit_in_bytes() {
    let large =
        format!(r#"{{"event":"a","payload":{{"x":"{}"}}}}"#, "x".repeat(LIST_BYTES_MAX / 2));
    let mut lists = lines(&[&large, &large, &large]);
    assert_eq!(lists.next().await.events.len(), 2);
    assert_eq!(lists.next().await.events.len(), 1);
}

#[tokio::test]
async fn what_came_before_a_bad_line_is_a_list() {
    let unreadable = io::Error::from(io::ErrorKind::InvalidData);
    let good = || Ok(r#"{"event":"a"}"#.to_owned());
    let list = lists([good(), good(), Err(unreadable), good()]).next().await;
    assert_eq!(list.events.len(), 2);
    assert!(failure(list).starts_with("line 3: it can't be read"));
}

#[tokio::test]
async fn a_list_does_not_wait_for_lines_that_do_not_come() {
    let (send, came) = mpsc::channel(10);
    let mut lists = Lists { lines: came, number: 0 };
    for _ in 0..2 {
        send.try_send(Ok(r#"{"event":"a"}"#.to_owned())).expect("there is room");
        let list = lists.next().await;
        assert!(list.events.len() == 1 && matches!(list.then, Then::More), "{list:?}");
    }
    drop(send);
    let list = lists.next().await;
    assert!(list.events.is_empty() && matches!(list.then, Then::End), "{list:?}");
}
