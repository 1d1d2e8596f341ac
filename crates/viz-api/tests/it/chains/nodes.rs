//! Chains at a real node: over TLS, and where the node's chain is suddenly another one.

use std::net::Ipv4Addr;

use faults::{Certificates, lasting_port};
use serde_json::{Value, json};

use super::node::{Node, Tls};
use crate::support::{
    http::Request,
    server::{KEY_A, Plan, Server},
    wait::until,
};

const SECRET: &str = "s3cretk3y";

fn plan(http: &str, ws: &str) -> Plan {
    let chains = json!([{"chain_key": "live", "chain_id": 31_337, "http_url": http, "ws_url": ws,
        "final_depth": 20, "poll_every_ms": 50}]);
    let plan = Plan::with_keys().set("VIZ_API_INGEST_MODE", "rpc").set("VIZ_API_ANALYSIS", "off");
    plan.set("VIZ_API_CHAINS", chains.to_string())
}

pub(super) fn plain(node: &Node) -> Plan {
    plan(&format!("http://{}/", node.address), &format!("ws://{}/", node.address))
}

fn secured(host: &str, port: u16) -> Plan {
    let end = format!("tidegate:{SECRET}@{host}:{port}/?key={SECRET}");
    plan(&format!("https://{end}"), &format!("wss://{end}"))
}

fn chain(server: &Server) -> Value {
    server.get("/chains/live", KEY_A).json()
}

fn reasons(server: &Server) -> String {
    let ready = server.send(&Request::get("/ready"));
    assert_eq!(ready.status, 200, "the rest goes on");
    ready.json()["checks"]["ingest"]["reasons"].to_string()
}

pub(super) fn head(server: &Server) -> Value {
    chain(server)["canonical"]["head"]["number"].clone()
}

#[test]
fn another_chain_behind_an_endpoint_is_loud_until_enough_blocks_follow() {
    let port = lasting_port();
    let node = Node::start(port, &[]);
    let server = plain(&node).start();
    until("the first block", || head(&server) == 0);
    node.mine(5);
    until("the fifth block", || head(&server) == 5);
    assert_eq!(reasons(&server), "[]");
    assert_eq!(server.metric(r#"tidegate_chain_broken{chain="live"}"#), 0.0);
    drop(node);
    let node = Node::start(port, &["--timestamp", "1000"]);
    node.mine(7);
    until("the other chain", || head(&server) == 7);
    let row = chain(&server);
    assert_eq!(row["broken_below"]["number"], 5, "{row}");
    assert_eq!(row["canonical"]["counts"]["broken"], 1);
    let error = row["last_error"].as_str().expect("it says why");
    assert!(error.contains("reorganised below its history, at 5"), "{error}");
    assert!(reasons(&server).contains("followed anew behind block 5"), "{}", reasons(&server));
    assert_eq!(server.metric(r#"tidegate_chain_broken{chain="live"}"#), 1.0);
    assert_eq!(server.metric(r#"tidegate_chain_breaks_total{chain="live"}"#), 1.0);
    let broken = server.get("/events?types=chain.broken", KEY_A).json();
    assert_eq!(broken["events"].as_array().map(Vec::len), Some(1), "{broken}");
    // As many blocks as make transactions final.
    node.mine(20);
    until("it is whole", || chain(&server)["broken_below"].is_null());
    assert_eq!(reasons(&server), "[]");
    assert_eq!(server.metric(r#"tidegate_chain_broken{chain="live"}"#), 0.0);
    let server = server.restart();
    until("it goes on", || head(&server) == 27);
    assert_eq!(chain(&server)["canonical"]["counts"]["broken"], 1);
}

#[test]
fn a_chain_is_followed_over_https_and_wss() {
    let (node, certificates) = (Node::start(0, &[]), Certificates::make());
    let tls = Tls::before(&node, &certificates, Ipv4Addr::LOCALHOST);
    let authority = certificates.authority().display().to_string();
    for host in ["127.0.0.1", "localhost"] {
        let plan = secured(host, tls.port).set("SSL_CERT_FILE", &authority);
        let server = plan.start();
        until("a block", || head(&server).is_number());
        until("a transaction that waits", || {
            node.pay();
            chain(&server)["canonical"]["pending_count"].as_u64() > Some(0)
        });
        let before = head(&server).as_u64().expect("a number");
        node.mine(3);
        until("the next blocks", || head(&server).as_u64() >= Some(before + 3));
        let row = chain(&server);
        assert_eq!(row["last_error"], Value::Null, "the subscription serves too: {row}");
        assert_eq!(row["endpoint"], format!("https://{host}:{}", tls.port));
        assert!(!server.log().text().contains(SECRET));
    }
}

#[test]
fn a_certificate_that_nobody_trusts_or_of_another_name_is_refused() {
    let (node, certificates) = (Node::start(0, &[]), Certificates::make());
    let here = Tls::before(&node, &certificates, Ipv4Addr::LOCALHOST);
    // The certificate is for 127.0.0.1 and localhost.
    let elsewhere = Tls::before(&node, &certificates, Ipv4Addr::new(127, 0, 0, 2));
    let authority = certificates.authority().display().to_string();
    let strange = secured("127.0.0.1", here.port);
    let misnamed = secured("127.0.0.2", elsewhere.port).set("SSL_CERT_FILE", &authority);
    let no_tls = secured("127.0.0.1", node.address.port()).set("SSL_CERT_FILE", &authority);
    for plan in [strange, misnamed, no_tls] {
        let server = plan.start();
        until("it is refused", || !chain(&server)["last_error"].is_null());
        let row = chain(&server);
        let error = row["last_error"].as_str().expect("a text");
        assert!(error.contains("the endpoint can't be connected"), "{row}");
        assert_eq!(row["head_number"], Value::Null, "nothing was believed");
        assert!(reasons(&server).contains("chain live is"), "{}", reasons(&server));
        assert!(!server.log().text().contains(SECRET) && !row.to_string().contains(SECRET));
    }
}
