//! A stack with a chain: replicas follow it once they are told to, and what happens on it reaches them.

use std::{
    env,
    path::PathBuf,
    time::{Duration, Instant},
};

use guard::Arm;
use rehearsal::{Chain, Replica, Rollout, StackError};
use tokio::time::sleep;

use crate::support::field::{Field, server};

/// What the guard of latency looks at in the runbook.
const SERVED: &str = "tidegate_ingest_persisted_to_served_seconds_count";

/// How long what is waited for may take.
const PATIENCE: Duration = Duration::from_secs(60);

async fn field(transactions_per_second: f64) -> Result<Field, StackError> {
    let named = env::var_os("ANVIL_BIN").filter(|name| !name.is_empty());
    let program = named.map_or_else(|| PathBuf::from("anvil"), PathBuf::from);
    let chain = Some(Chain { program, transactions_per_second });
    Field::start_with(server(), |settings| settings.chain = chain).await
}

/// Returns how many facts of chains readers of a replica have had.
async fn served(replica: &Replica) -> u64 {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    let client = client.build().expect("no authority is read");
    let metrics = client.get(format!("http://{}/metrics", replica.address())).send().await;
    let text = metrics.expect("it runs").text().await.expect("metrics are text");
    let count = text.lines().find_map(|line| line.strip_prefix(SERVED)?.trim().parse().ok());
    count.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_follow_the_chain_once_they_are_told_to() {
    let field = field(50.0).await.unwrap_or_else(|error| panic!("{error}"));
    for replica in field.stack.replicas_of(Arm::Stable) {
        assert_eq!(served(replica).await, 0, "nobody said `rpc` yet");
    }
    let set = [("VIZ_API_INGEST_MODE".to_owned(), "rpc".to_owned())].into();
    let rollout = Rollout { set, ..Rollout::default() };
    field.stack.roll_out(Arm::Stable, &rollout).await.expect("both start with the chain");
    for replica in field.stack.replicas_of(Arm::Stable) {
        let began = Instant::now();
        // Blocks alone would be one a second: there are payments in them.
        while served(replica).await < 200 {
            assert!(began.elapsed() < PATIENCE, "{} had {}", replica.name(), served(replica).await);
            sleep(Duration::from_millis(50)).await;
        }
    }
    let ended = field.stack.end().await;
    assert!(ended.len() == 2 && ended.iter().all(|(_, stopped)| stopped.graceful), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_that_is_none_is_refused() {
    for rate in [-1.0, f64::NAN, f64::INFINITY, 1e-300] {
        let Err(error) = field(rate).await else { panic!("{rate} is taken") };
        assert!(error.to_string().contains("transactions of the chain: "), "{error}");
    }
}
