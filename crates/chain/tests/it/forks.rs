//! Chains that fork below the history, and holes that are too large: loud, and believed only where
//! nobody knows better.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use chain::{FeedState, feed::FeedOptions};
use serde_json::{Value, json};

use crate::{
    follow::{Following, config, options},
    peer::{Anvil, Nowhere},
    script::{Script, blocks},
};

/// Blocks of both chains; more than a history has.
const BLOCKS: u64 = 420;

/// The height at which the feed has its whole history.
const HIGH: u64 = 300;

/// Two chains of the same id that have no block in common.
async fn two_chains() -> (Anvil, Arc<Script>) {
    let honest = Anvil::start(0, &["--no-mining"]);
    honest.pay(1).await;
    honest.mine(BLOCKS - 1).await;
    let other = Anvil::start(0, &["--no-mining", "--timestamp", "1000"]);
    other.pay(2).await;
    other.mine(BLOCKS - 1).await;
    let script = Script::new(blocks(&honest, BLOCKS).await, blocks(&other, BLOCKS).await, 10);
    (honest, script)
}

/// Follows the honest chain until the whole history is of it.
async fn follow(script: &Script, endpoints: &[(String, Option<String>)]) -> Following {
    follow_with(script, endpoints, options()).await
}

async fn follow_with(
    script: &Script,
    endpoints: &[(String, Option<String>)],
    options: FeedOptions,
) -> Following {
    // The real node is higher from the beginning; that is not to be a reason to move.
    let options = FeedOptions { probe_every: Duration::from_secs(600), ..options };
    let mut following = Following::begin(config(endpoints), options);
    following.until_head(script.head_hash()).await;
    script.lead(HIGH);
    following.until_head(script.head_hash()).await;
    assert_eq!(following.state.history().len(), 256);
    following
}

fn error(following: &Following) -> String {
    following.status.borrow().last_error.clone().unwrap_or_default()
}

/// Compares what is known with a node's own chain.
async fn compare(following: &Following, node: &Anvil) {
    for block in following.state.history() {
        let number = json!([format!("{:#x}", block.header.number), false]);
        let answer = node.ask("eth_getBlockByNumber", number).await;
        assert_eq!(answer["hash"], json!(block.header.hash), "block {}", block.header.number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_below_the_history_is_not_believed_where_another_endpoint_knows_better() {
    let (honest, script) = two_chains().await;
    let fake = script.serve().await;
    let endpoints = [(fake.http_url(), None), (honest.http_url(), None)];
    let mut following = follow(&script, &endpoints).await;
    assert_eq!(following.status.borrow().endpoint_index, 0);
    script.lie(true);
    script.lead(HIGH + 5);
    following.until("the other endpoint", |it| it.status.borrow().endpoint_index == 1).await;
    following.until("its head", |it| it.state.head().is_some_and(|it| it.number > HIGH)).await;
    compare(&following, &honest).await;
    let status = following.status.borrow().clone();
    assert_eq!((following.broken, status.fork_refused_count), (0, 1));
    assert_eq!((status.broken_below, status.state), (None, FeedState::Active));
    let told = error(&following);
    assert!(told.contains("forks below block 45, which other endpoints have"), "{told}");
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_below_the_history_is_not_believed_where_nobody_can_be_asked() {
    let (honest, script) = two_chains().await;
    let fake = script.serve().await;
    let nowhere = Nowhere::new();
    let silent = (format!("http://{}/", nowhere.address()), None);
    let mut following = follow(&script, &[(fake.http_url(), None), silent]).await;
    script.lie(true);
    script.lead(HIGH + 5);
    following.until("two tries", |it| it.status.borrow().fork_refused_count >= 2).await;
    assert!(following.state.head().is_some_and(|head| head.number == HIGH), "nothing is taken");
    assert!(!following.status.borrow().state.serves(), "and that is seen");
    script.lie(false);
    following.until_head(script.head_hash()).await;
    compare(&following, &honest).await;
    assert_eq!(following.broken, 0);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_waits_on_a_chain_that_is_not_believed_is_taken() {
    let (_honest, script) = two_chains().await;
    let fake = script.serve().await;
    let nowhere = Nowhere::new();
    let silent = (format!("http://{}/", nowhere.address()), None);
    let mut following = follow(&script, &[(fake.http_url(), None), silent]).await;
    script.lie(true);
    script.lead(HIGH + 5);
    following.until("three tries", |it| it.status.borrow().fork_refused_count >= 3).await;
    assert_eq!(following.status.borrow().last_pending_unix_ms, None, "nothing of it is taken");
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_that_the_others_have_too_is_believed_and_loud() {
    let (_honest, script) = two_chains().await;
    let (one, two) = (script.serve().await, script.serve().await);
    let endpoints = [(one.http_url(), None), (two.http_url(), None)];
    let mut following = follow(&script, &endpoints).await;
    script.lie(true);
    script.lead(HIGH + 5);
    following.until_head(script.head_hash()).await;
    assert_eq!((following.broken, following.status.borrow().fork_refused_count), (1, 0));
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_endpoint_is_believed_loudly_and_taking_it_out_leads_back() {
    let (honest, script) = two_chains().await;
    let fake = script.serve().await;
    let mut following = follow(&script, &[(fake.http_url(), None)]).await;
    let last = following.state.head();
    script.lie(true);
    script.lead(HIGH + 5);
    following.until_head(script.head_hash()).await;
    assert_eq!((following.broken, following.state.unfolded_count()), (1, 0));
    assert_eq!(following.status.borrow().broken_below, last, "it is seen");
    let told = error(&following);
    assert!(told.contains("reorganised below its history, at 300"), "{told}");
    // Nothing of the one chain stands behind the other.
    assert!(following.state.history().len() <= 256);
    let linked: Vec<_> = following.state.history().collect();
    assert!(linked.windows(2).all(|it| it[0].header.hash == it[1].header.parent_hash));
    script.lead(HIGH + 5 + 63);
    following.until_head(script.head_hash()).await;
    assert_eq!(following.status.borrow().broken_below, last, "it is seen for long enough");
    // The way out: settings without the endpoint that lies, and a restart.
    let known = following.stop().await;
    let only_honest = config(&[(honest.http_url(), None)]);
    let mut following = Following::resume(only_honest, options(), known);
    let number = json!([format!("{:#x}", BLOCKS - 1), false]);
    let head: Value = honest.ask("eth_getBlockByNumber", number).await;
    let head = serde_json::from_value(head["hash"].clone()).expect("it is a hash");
    following.until_head(head).await;
    compare(&following, &honest).await;
    assert_eq!((following.broken, following.state.unfolded_count()), (1, 0));
    assert!(following.status.borrow().broken_below.is_some());
    honest.mine(64).await;
    following.until("it is whole", |it| it.status.borrow().broken_below.is_none()).await;
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_hole_is_filled_in_small_steps_and_a_late_node_is_waited_for() {
    let (_honest, script) = two_chains().await;
    let fake = script.serve().await;
    let mut following = Following::begin(config(&[(fake.http_url(), None)]), options());
    following.until_head(script.head_hash()).await;
    // It speaks of a head whose blocks it does not have yet, as one of a row of nodes may.
    script.late.store(40, SeqCst);
    script.lead(BLOCKS - 1);
    following.until_head(script.head_hash()).await;
    assert_eq!((following.broken, script.late.load(SeqCst)), (0, 0));
    let most = usize::try_from(options().backfill_batch).expect("it is small");
    assert_eq!(script.batch_max.load(SeqCst), most, "so many blocks are held at once");
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_that_is_too_large_is_refused_loudly_and_the_head_is_followed() {
    let anvil = Anvil::start(0, &["--no-mining"]);
    let endpoints = [(anvil.http_url(), Some(anvil.ws_url()))];
    let mut following = Following::begin(config(&endpoints), options());
    following.until("the first block", |it| it.state.head().is_some()).await;
    let known = following.stop().await;
    anvil.mine(1_300).await;
    // The limit is 10,000 by default; anvil needs a minute for so many.
    let limited = FeedOptions { backfill_blocks_max: 1_000, ..options() };
    let mut following = Following::resume(config(&endpoints), limited, known);
    following.until_number(1_300).await;
    let status = following.status.borrow().clone();
    assert_eq!((following.broken, following.state.unfolded_count()), (1, 0));
    assert_eq!(status.broken_below.map(|last| last.number), Some(0));
    let told = error(&following);
    assert!(told.contains("more blocks are missing than are filled, from 0 to 1045"), "{told}");
    anvil.mine(64).await;
    following.until_number(1_364).await;
    following.until("it is whole", |it| it.status.borrow().broken_below.is_none()).await;
    compare(&following, &anvil).await;
    assert_eq!(following.broken, 1);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_nobody_has_draws_the_feed_away_once_at_most() {
    let (honest, script) = two_chains().await;
    let fake = script.serve().await;
    let endpoints = [(fake.http_url(), None), (honest.http_url(), None)];
    script.lead(BLOCKS - 1);
    let mut following = Following::begin(config(&endpoints), options());
    following.until_head(script.head_hash()).await;
    script.boasts.store(true, SeqCst);
    following.until("the other endpoint", |it| it.status.borrow().endpoint_index == 1).await;
    let told = error(&following);
    assert!(
        told.contains(&format!("speaks of block {}, which it has not got", u64::MAX)),
        "{told}"
    );
    let rotations = following.status.borrow().rotation_count;
    for more in 0..4 {
        honest.mine(1).await;
        following.until_number(BLOCKS + more).await;
    }
    let status = following.status.borrow().clone();
    assert_eq!((status.rotation_count, status.endpoint_index), (rotations, 1));
    compare(&following, &honest).await;
    assert_eq!(following.broken, 0);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_endpoint_with_a_head_that_nobody_has_is_asked_again() {
    let (honest, script) = two_chains().await;
    let fake = script.serve().await;
    let mut following = follow(&script, &[(fake.http_url(), None)]).await;
    script.boasts.store(true, SeqCst);
    following.until("it is told", |it| error(it).contains("which it has not got")).await;
    script.boasts.store(false, SeqCst);
    script.lead(HIGH + 1);
    following.until_head(script.head_hash()).await;
    compare(&following, &honest).await;
    assert_eq!(following.broken, 0);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_nodes_of_which_one_begins_anew_is_no_break() {
    let (honest, script) = two_chains().await;
    let fake = script.serve().await;
    let patient = FeedOptions { catch_up_time_max: Duration::from_secs(600), ..options() };
    let mut following = follow_with(&script, &[(fake.http_url(), None)], patient).await;
    script.stumbles.store(3, SeqCst);
    following.until("its low heads", |_| script.stumbles.load(SeqCst) == 0).await;
    script.lead(HIGH + 1);
    following.until_head(script.head_hash()).await;
    compare(&following, &honest).await;
    assert_eq!((following.broken, error(&following)), (0, String::new()));
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_blocks_above_its_head_is_not_believed() {
    let (honest, script) = two_chains().await;
    let fake = script.serve().await;
    let mut following = follow(&script, &[(fake.http_url(), None)]).await;
    script.stumbles.store(usize::MAX, SeqCst);
    following.until("it is told", |it| error(it).contains("has block 45 of the chain")).await;
    assert!(following.state.head().is_some_and(|head| head.number == HIGH), "nothing is taken");
    script.stumbles.store(0, SeqCst);
    script.lead(HIGH + 1);
    following.until_head(script.head_hash()).await;
    compare(&following, &honest).await;
    assert_eq!(following.broken, 0);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_chain_that_begins_anew_is_believed_after_a_while() {
    let (_honest, script) = two_chains().await;
    let fake = script.serve().await;
    let mut following = follow(&script, &[(fake.http_url(), None)]).await;
    script.lie(true);
    script.lead(5);
    following.until_head(script.head_hash()).await;
    assert_eq!(following.broken, 1);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_was_set_aside_is_asked_again_where_the_others_are_gone() {
    let (honest, script) = two_chains().await;
    let fake = script.serve().await;
    let endpoints = [(fake.http_url(), None), (honest.http_url(), None)];
    script.lead(BLOCKS - 1);
    let mut following = Following::begin(config(&endpoints), options());
    following.until_head(script.head_hash()).await;
    script.boasts.store(true, SeqCst);
    honest.mine(1).await;
    following.until_number(BLOCKS).await;
    assert_eq!(following.status.borrow().endpoint_index, 1);
    drop(honest);
    script.boasts.store(false, SeqCst);
    // It has a block less, and nobody is left who knows better.
    following.until_number(BLOCKS - 1).await;
    assert_eq!((following.status.borrow().endpoint_index, following.broken), (0, 0));
    following.stop().await;
}
