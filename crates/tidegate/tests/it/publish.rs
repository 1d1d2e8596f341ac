//! Publishing: what is printed, what is retried, what is refused.

use std::{io::Write, process::Stdio};

use super::{
    command::{finish, run, run_with_input, tidegate},
    fake::{Fake, Log},
};

fn words<'a>(words: &[&'a str], client: &'a [String]) -> Vec<&'a str> {
    words.iter().copied().chain(client.iter().map(String::as_str)).collect()
}

#[test]
fn id_and_cursor_are_printed() {
    let fake = Fake::start(Log::new(0, &[]));
    let client = fake.client();
    let ran = run(&mut tidegate(&words(&["publish", "a.b", r#"{"n":1.0}"#], &client)));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("evt_") && ran.out.trim().ends_with("-1"), "{ran:?}");
    assert!(fake.log().events[0].1.ends_with(r#""payload":{"n":1.0}}"#));
    let ran = run_with_input(
        &mut tidegate(&words(&["publish", "a.b", "-", "--json"], &client)),
        "{\"n\": 2}\n",
    );
    assert_eq!(ran.json()["cursor"], fake.log().events[1].0.to_string());
}

#[test]
fn with_a_key_an_outage_is_retried_and_takes_effect_once() {
    let mut log = Log::new(0, &[]);
    (log.unavailable, log.unanswered) = (1, 1);
    let fake = Fake::start(log);
    let client = fake.client();
    let keyed = ["publish", "a.b", "--idempotency-key", "k"];
    let ran = run(&mut tidegate(&words(&keyed, &client)));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(fake.log().events.len(), 1);
}

#[test]
fn without_a_key_nothing_is_sent_twice() {
    let mut log = Log::new(0, &[]);
    log.unanswered = 1;
    let fake = Fake::start(log);
    let ran = run(&mut tidegate(&words(&["publish", "a.b"], &fake.client())));
    assert_eq!(ran.code, 69, "{ran:?}");
    assert_eq!(fake.log().events.len(), 1);
}

#[test]
fn lines_are_published_in_lists() {
    let mut log = Log::new(0, &[]);
    log.unavailable = 1;
    let fake = Fake::start(log);
    let input: String =
        (0..250).map(|n| format!("{{\"event\":\"a.b\",\"payload\":{{\"n\":{n}}}}}\n")).collect();
    let ran =
        run_with_input(&mut tidegate(&words(&["publish", "--lines"], &fake.client())), &input);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.lines().len(), 250);
    let log = fake.log();
    assert_eq!(log.events.len(), 250);
    assert!(log.events[249].1.contains(r#"{"n":249}"#));
    let lists = log.heads.iter().filter(|head| head.starts_with("POST")).count();
    assert!((4..100).contains(&lists), "{lists} requests for 250 lines, one of them repeated");
}

/// As `tail -f FILE | tidegate publish --lines` is meant.
#[test]
fn lines_are_published_while_more_may_come() {
    let fake = Fake::start(Log::new(0, &[]));
    let client = fake.client();
    let mut child =
        tidegate(&words(&["publish", "--lines"], &client)).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for so_far in 1..=3 {
        input.write_all(b"{\"event\":\"a.b\"}\n").unwrap();
        fake.wait_until(|log| log.events.len() == so_far);
    }
    drop(input);
    let ran = finish(child);
    assert_eq!((ran.code, ran.lines().len()), (0, 3), "{ran:?}");
}

#[test]
fn a_bad_line_is_named() {
    let fake = Fake::start(Log::new(0, &[]));
    let input = "{\"event\":\"a.b\"}\n\n{\"event\":\"gap\"}\n{\"event\":\"c.d\"}\n";
    let ran = run_with_input(&mut tidegate(&words(&["publish", "--lines"], &fake.client())), input);
    assert_eq!(ran.code, 64, "{ran:?}");
    assert!(ran.err.contains("line 3"), "{ran:?}");
    assert!(ran.err.contains("1 events published"), "{ran:?}");
    let log = fake.log();
    assert_eq!(log.events.len(), 1, "what came before it, and nothing after it");
    assert!(log.events[0].1.contains("a.b"));
}
