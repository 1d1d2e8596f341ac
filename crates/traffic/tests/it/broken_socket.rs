//! Sockets that lie, hang, break off, or are not HAProxy's.

use std::time::Duration;

use guard::Arm;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use traffic::{
    Router, RouterError, UnixTime, Weight, chain,
    haproxy::{HaproxyRouter, Socket},
};

use crate::support::{
    fake::{Fake, settings},
    owner, percent,
    wait::PATIENCE,
};

const ACTIVITY: &str = "thread_id: 1 (1..2)\ndate_now: 1007.5\n\n";
const INFO: &str = "Name: HAProxy\nPid: 5\nUptime_sec: 7\nStart_time_sec: 1000\n\n";
const COLUMNS: &str = "# pxname,svname,scur,stot,econ,eresp,status,hrsp_1xx,hrsp_2xx,hrsp_3xx,\
hrsp_4xx,hrsp_5xx,hrsp_other,addr,";

fn arm(name: &str) -> String {
    format!(
        "{COLUMNS}\n{name},r1,0,1,0,0,UP,0,1,0,0,0,0,127.0.0.1:1,\n\
         {name},BACKEND,0,1,0,0,UP,0,1,0,0,0,0,,\n\n"
    )
}

/// What a router of `run-1` says whose map never changes.
fn stubborn(line: &str) -> String {
    if line.starts_with("show activity;") {
        let map = "0x1 weight 500\n0x2 until 99999\n0x3 owner run-1\n\n";
        return format!("{ACTIVITY}{INFO}{map}{}{}", arm("canary"), arm("stable"));
    }
    if line.starts_with("show servers state") {
        return "1\n# be_name srv_name srv_admin_state\ncanary r1 0\n\n".to_owned();
    }
    if line.starts_with("show map") || line.starts_with("show sess") {
        return if line.ends_with("sess") { sessions() } else { "\n".to_owned() };
    }
    "\n".to_owned()
}

fn sessions() -> String {
    "0x1: proto=tcpv4 src=127.0.0.1:5 fe=edge be=canary srv=r1 ts=00\n\n".to_owned()
}

#[tokio::test]
async fn what_is_set_and_reported_otherwise_is_an_error() {
    let fake = Fake::start(Box::new(|line| Some(stubborn(line))));
    let router = fake.router(Duration::from_millis(200));
    let error = router.assign(percent(10.0)).await.unwrap_err();
    assert!(error.to_string().starts_with("the weight was set to 10 %, but HAProxy at"), "{error}");
    assert!(error.to_string().contains("reports 5 %"), "{error}");
    let differs = |error: RouterError| matches!(error, RouterError::Differs { .. });
    assert!(differs(router.renew(UnixTime(5_000)).await.unwrap_err()));
    assert!(differs(router.release().await.unwrap_err()));
    assert!(differs(router.drain(Arm::Canary).await.unwrap_err()));
    let probe = traffic::Client::of("probe");
    assert!(differs(router.pin(probe, Some(Arm::Canary)).await.unwrap_err()));
    // A stream that stays is not told as closed.
    assert_eq!(router.evict(Arm::Canary, 10).await.unwrap(), 0);
}

#[tokio::test]
async fn a_socket_that_hangs_is_given_up() {
    let fake = Fake::start(Box::new(|_| None));
    let router = fake.router(Duration::from_millis(50));
    let looked = tokio::time::timeout(PATIENCE, router.observe()).await.unwrap();
    assert!(matches!(looked, Err(RouterError::Silent { .. })), "{looked:?}");
    let assigned = tokio::time::timeout(PATIENCE, router.assign(Weight::NONE)).await.unwrap();
    assert!(matches!(assigned, Err(RouterError::Silent { .. })), "{assigned:?}");
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let whole = stubborn("show activity;");
    for end in [0, 1, 40, whole.len() / 2, whole.len() - 1] {
        let part = whole[..end].to_owned();
        let fake = Fake::start(Box::new(move |_| Some(part.clone())));
        let error = fake.router(PATIENCE).observe().await.unwrap_err();
        assert!(matches!(error, RouterError::BrokeOff { .. }), "{end}: {error}");
    }
    let fake = Fake::start(Box::new(move |_| Some(whole.clone())));
    fake.router(PATIENCE).observe().await.unwrap();
}

#[tokio::test]
async fn what_is_refused_says_what_to_do() {
    for (said, expected) in [
        ("Permission denied\n\n", "level admin"),
        ("Unknown command, but maybe one of these\n  help\n\n", "another program"),
        ("Unknown map identifier. Please use #<id> or <file>.\n\n", "docs/traffic.md"),
        ("Can't find backend.\n\n", "names of the backends"),
    ] {
        let fake = Fake::start(Box::new(move |_| Some(said.to_owned())));
        let error = fake.router(PATIENCE).observe().await.unwrap_err();
        assert!(matches!(error, RouterError::Refused { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn another_servers_answer_is_not_understood() {
    let http = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    for said in [http.to_owned(), stubborn("show activity;").replace("weight", "height")] {
        let fake = Fake::start(Box::new(move |_| Some(said.clone())));
        let error = fake.router(PATIENCE).observe().await.unwrap_err();
        let is_told =
            matches!(error, RouterError::Unreadable { .. } | RouterError::BrokeOff { .. });
        assert!(is_told, "{error}");
    }
}

#[tokio::test]
async fn a_router_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("socket"), PATIENCE);
    let router = HaproxyRouter::new(settings, owner("run-1")).unwrap();
    let error = router.observe().await.unwrap_err();
    assert!(matches!(error, RouterError::Unreachable { .. }), "{error}");
    assert!(chain(&error).contains("No such file"), "{}", chain(&error));
}

#[tokio::test]
async fn a_socket_may_be_at_an_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings("/s".into(), PATIENCE);
    settings.socket = Socket::Tcp(listener.local_addr().unwrap().to_string());
    let router = HaproxyRouter::new(settings, owner("run-1")).unwrap();
    let answer = async {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        stream.write_all(stubborn(line.trim_end()).as_bytes()).await.unwrap();
    };
    let (seen, ()) = tokio::join!(router.observe(), answer);
    assert_eq!(seen.unwrap().weight, percent(5.0));
}

#[test]
fn names_that_would_be_more_than_a_name_are_refused() {
    for bad in ["", "a b", "canary;shutdown", "a\nb", "\"a\"", "#1"] {
        let mut settings = settings("/s".into(), PATIENCE);
        settings.canary = bad.to_owned();
        assert!(HaproxyRouter::new(settings, owner("run-1")).is_err(), "{bad:?}");
    }
    assert_eq!("/run/h.sock".parse(), Ok(Socket::Unix("/run/h.sock".into())));
    assert_eq!("h:9999".parse(), Ok(Socket::Tcp("h:9999".to_owned())));
}
