//! What could be gained from real pools: found, confirmed, and carried out to the wei.

use alloy_primitives::U256;
use serde_json::{Value, json};

use super::{
    market::{Market, calling, shown},
    nodes::plain,
};
use crate::support::{
    server::{KEY_A, Server},
    wait::until,
};

const ONE: u128 = 1_000_000_000_000_000_000;

/// A server that follows the market's node; its folder has the registry.
fn following(market: &Market) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("registry.toml");
    std::fs::write(&file, market.registry()).expect("the folder can be written");
    let server = plain(&market.node)
        .set("VIZ_API_ANALYSIS", "features,opportunities")
        .set("VIZ_API_REGISTRY_PATH", file.display().to_string())
        .start();
    (server, folder)
}

fn opportunities(server: &Server, query: &str) -> Vec<Value> {
    let page = server.get(&format!("/opps?limit=500&{query}"), KEY_A).json();
    page["opportunities"].as_array().expect("a list").clone()
}

fn searches(server: &Server) -> f64 {
    server.metric(r#"tidegate_opportunity_searches_total{chain="live"}"#)
}

/// The call by which the contract carries an opportunity out; all pools take 3000 millionths.
fn carried_out(opportunity: &Value, kinds: &[(U256, u64)]) -> String {
    let amount: U256 =
        opportunity["amount_in"].as_str().expect("a text").parse().expect("a number");
    let path = opportunity["path"].as_array().expect("a list");
    let mut words = vec![U256::from(96), amount, U256::ZERO, U256::from(path.len())];
    for hop in path {
        let pool = hop["pool"].as_str().expect("a text");
        let (address, kind) =
            kinds.iter().find(|(address, _)| shown(*address) == pool).expect("it was opened");
        let is_zero_for_one = hop["side"] == "zero_for_one";
        words.extend([
            U256::from(*kind),
            *address,
            U256::from(3_000),
            U256::from(u8::from(is_zero_for_one)),
        ]);
    }
    calling("cycle((uint8,address,uint32,bool)[],uint256,uint256)", &words)
}

#[test]
fn a_gain_is_found_confirmed_and_carried_out_to_the_wei() {
    let mut market = Market::open();
    let kinds = [
        (market.pair((0, 1), (1_000 * ONE, 1_000 * ONE)), 2),
        (market.pair((1, 2), (1_000 * ONE, 1_000 * ONE)), 2),
        (market.pair((0, 2), (1_000 * ONE, 1_100 * ONE)), 2),
        (market.pool((0, 1), 5_000 * ONE, 6_000), 3),
    ];
    let (server, _folder) = following(&market);
    until("gains are confirmed", || !opportunities(&server, "status=confirmed").is_empty());
    until("all are simulated", || searches(&server) >= 1.0);
    assert_eq!(opportunities(&server, "status=refuted"), [] as [Value; 0]);
    let confirmed = opportunities(&server, "status=confirmed");
    for row in &confirmed {
        let found = &row["opportunity"];
        let call = carried_out(found, &kinds);
        let gained = market.ask(market.executor, &call)[0];
        assert_eq!(found["value"], gained.to_string(), "{row}");
        assert_eq!(found["version"], 1);
    }
    assert!(
        confirmed.iter().any(|row| row["opportunity"]["path"].as_array().map(Vec::len) == Some(3))
    );
    let worth: U256 = confirmed
        .iter()
        .filter_map(|row| row["value_wei"].as_str()?.parse().ok())
        .max()
        .expect("one is worth something in wei");
    let best = opportunities(&server, &format!("status=confirmed&min_value={worth}"));
    assert!(!best.is_empty() && best.len() <= confirmed.len());
    let none = opportunities(&server, &format!("min_value={}", worth + U256::ONE));
    assert!(none.iter().all(|row| row["value_wei"] != json!(null)), "{none:?}");

    // Carried out, it is gone, and what was told of the block before is stale.
    market.send(market.executor, &carried_out(&best[0]["opportunity"], &kinds));
    let before = best[0]["id"].clone();
    until("the next head is searched", || {
        opportunities(&server, "status=stale").iter().any(|row| row["id"] == before)
    });
    let page = server.get("/dashboard/snapshot?tx_limit=1", KEY_A).json();
    assert!(!page["opportunities"].as_array().expect("a list").is_empty());
}

#[test]
fn nothing_is_found_in_balanced_pools_and_a_pending_swap_opens_a_gain_behind_it() {
    let mut market = Market::open();
    let kinds = [
        (market.pair((0, 1), (1_000 * ONE, 1_000 * ONE)), 2),
        (market.pair((1, 2), (1_000 * ONE, 1_000 * ONE)), 2),
        (market.pair((0, 2), (1_000 * ONE, 1_000 * ONE)), 2),
        (market.pool((0, 1), 5_000 * ONE, 6_000), 3),
    ];
    let (server, _folder) = following(&market);
    until("the head is searched", || searches(&server) >= 1.0);
    assert_eq!(opportunities(&server, ""), [] as [Value; 0]);

    // 100 of the first coin for the second, by the router.
    let words = [
        U256::from(100 * ONE),
        U256::ZERO,
        U256::from(160),
        market.rich(),
        U256::ONE << 40,
        U256::from(2),
        market.tokens[0],
        market.tokens[1],
    ];
    let swap = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)";
    let hash = market.send_only(market.router, &calling(swap, &words));
    until("a gain behind it is confirmed", || {
        !opportunities(&server, "status=confirmed").is_empty()
    });
    let found = opportunities(&server, "status=confirmed");
    assert!(found.iter().all(|row| row["opportunity"]["kind"] == "backrun"), "{found:?}");
    assert!(found.iter().all(|row| row["opportunity"]["trigger"] == hash.as_str()), "{found:?}");
    let call = carried_out(&found[0]["opportunity"], &kinds);
    // With the swap in a block it is there.
    market.node.mine(1);
    let gained = market.ask(market.executor, &call)[0];
    assert_eq!(found[0]["opportunity"]["value"], gained.to_string());
}
