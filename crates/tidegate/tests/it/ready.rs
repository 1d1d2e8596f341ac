//! `ready`: what it says of a server that serves, of one that refuses, and of none.

use std::{net::TcpListener, path::Path};

use super::command::{Running, run, start, tidegate};

/// Starts a server that others may reach, and returns its address.
fn serve(folder: &Path, variables: &[(&str, &str)]) -> (Running, String) {
    let mut command = tidegate(&["serve", "--json"]);
    command.current_dir(folder).env("VIZ_API_BIND", "0.0.0.0:0");
    command.env("TIDEGATE_KEYS", "acme=a-good-key").env("DATA_BACKEND", "memory");
    let running = start(command.envs(variables.iter().copied()));
    let line = running.wait_for("viz-api listening");
    running.wait_for("\"phase\":\"ready\"");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    (running, line["bind_addr"].as_str().unwrap().to_owned())
}

/// Asks with the settings of the server and nothing else, as the check of an image does.
fn check(bind: &str, words: &[&str], code: i32, part: &str) {
    let words = [&["ready"], words].concat();
    let mut command = tidegate(&words);
    command.env("VIZ_API_BIND", bind).env("TIDEGATE_KEYS", "acme=a-good-key");
    let ran = run(&mut command);
    assert_eq!(ran.code, code, "{words:?}: {ran:?}");
    assert!(format!("{}{}", ran.out, ran.err).contains(part), "{words:?}: {ran:?}");
}

#[test]
fn a_server_says_whether_it_may_be_sent_traffic() {
    let folder = tempfile::tempdir().unwrap();
    let (server, bind) = serve(folder.path(), &[]);
    check(&bind, &[], 0, "ok");
    check(&bind, &["--live", "--json"], 0, "\"status\":200");
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
    check(&bind, &["--live"], 69, "does not answer");
}

#[test]
fn one_that_refuses_is_alive_and_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let (server, bind) = serve(folder.path(), &[("REALTIME_ENFORCE_REDIS", "true")]);
    check(&bind, &[], 1, "REALTIME_ENFORCE_REDIS");
    check(&bind, &["--live"], 0, "ok");
    server.signal("TERM");
    assert_eq!(server.finish().code, 0);
}

#[test]
fn what_does_not_answer_is_69_and_what_makes_no_sense_is_64() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    check("0.0.0.0:0", &["--url", &url], 69, "does not answer");
    check("0.0.0.0:0", &[], 64, "--url");
    check("0.0.0.0:0", &["--url", "nowhere"], 64, "`nowhere`");
}
