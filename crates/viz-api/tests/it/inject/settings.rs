//! What is read of the setting, and how a build that has it shows that.

use super::failing;
use crate::support::{
    http::Request,
    server::{Plan, Server},
};

fn shown(server: &Server) -> serde_json::Value {
    server.send(&Request::get("/api/health")).json()["checks"]["runtime"]["inject"].clone()
}

#[test]
fn every_slip_is_told_and_nothing_is_started() {
    let slips = [
        "errors=200%",
        "latency=2h@50%",
        "disconnects=30%",
        "lose=0.5",
        "repeat",
        "reorder=1/0",
        "crash=soon",
        "idempotency=yes",
        "seed=-1",
        "unready=1s",
        "",
        "errors=1%",
    ];
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let plan = Plan::bare().set("TIDEGATE_INJECT", slips.join(","));
    let (code, text) = plan.set("TIDEGATE_DRAIN_SECONDS", "0").run_in(folder.path());
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("13 problems"), "{text}");
    for slip in slips {
        assert!(text.contains(&format!("`{slip}`: ")), "{slip}: {text}");
    }
    let plan = Plan::bare().set("TIDEGATE_INJECT", "errors-all");
    let (code, text) = plan.run_in(folder.path());
    assert!(code == 64 && text.contains("`errors-all` needs `errors`"), "{text}");
    assert!(!folder.path().join("tidegate-data").exists(), "nothing was taken up");
}

#[test]
fn a_build_that_can_fail_says_so() {
    for (plan, faults) in [
        (Plan::with_keys(), "none"),
        (Plan::with_keys().set("TIDEGATE_INJECT", "errors=20% , seed=7"), "errors=20%,seed=7"),
    ] {
        let server = plan.start();
        assert_eq!(shown(&server), faults);
        let entries = server.log().entries();
        let warned = entries.iter().find(|entry| entry["faults"] == faults);
        let warned = warned.unwrap_or_else(|| panic!("{}", server.log().text()));
        assert_eq!(warned["level"], "WARN");
        assert!(warned["message"].as_str().is_some_and(|text| text.contains("never be shipped")));
    }
    assert_eq!(shown(&failing("seed=7")), "seed=7", "a seed alone breaks nothing");
}
