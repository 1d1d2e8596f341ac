//! A feed that is followed by a test, folded into what is known of the chain.

use std::{sync::Arc, time::Duration};

use chain::{
    ChainConfig, ChainState, ChainStatus, Input, StateLimits, Tracker, TrackerLimits,
    feed::{Feed, FeedDrops, FeedOptions, Observation},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::timeout,
};

/// How many observations wait for a test that takes none.
pub(crate) const OBSERVATIONS_MAX: usize = 1024;

const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Following {
    pub(crate) state: ChainState,
    pub(crate) status: watch::Receiver<ChainStatus>,
    pub(crate) drops: Arc<FeedDrops>,
    /// How many inputs said that the chain is broken.
    pub(crate) broken: usize,
    observations: mpsc::Receiver<Observation>,
    stop: oneshot::Sender<()>,
    tasks: JoinSet<()>,
}

/// Returns the settings of a chain with these endpoints, an address over HTTP and one of a WebSocket.
pub(crate) fn config(endpoints: &[(String, Option<String>)]) -> ChainConfig {
    let endpoints: Vec<_> = endpoints
        .iter()
        .map(|(http, ws)| serde_json::json!({"http_url": http, "ws_url": ws}))
        .collect();
    let chains = serde_json::json!([{
        "chain_key": "test", "endpoints": endpoints, "poll_every_ms": 50,
        "silent_after_seconds": 600,
    }]);
    ChainConfig::list_from_json(&chains.to_string()).expect("it is good").remove(0)
}

/// Returns options with short waits.
pub(crate) fn options() -> FeedOptions {
    FeedOptions {
        backoff_min: Duration::from_millis(20),
        backoff_max: Duration::from_millis(200),
        probe_every: Duration::from_millis(100),
        catch_up_time_max: Duration::from_millis(300),
        ..FeedOptions::default()
    }
}

impl Following {
    pub(crate) fn begin(config: ChainConfig, options: FeedOptions) -> Following {
        let state = ChainState::new(StateLimits::default());
        Following::resume(config, options, state)
    }

    /// Follows on from what is known.
    pub(crate) fn resume(
        config: ChainConfig,
        options: FeedOptions,
        state: ChainState,
    ) -> Following {
        let (sender, observations) = mpsc::channel(OBSERVATIONS_MAX);
        let tracker = Tracker::resume(TrackerLimits::default(), state.history());
        let feed = Feed::new(config, options, tracker, sender).expect("a client is made");
        let (status, drops) = (feed.status(), feed.drops());
        let (stop, stopped) = oneshot::channel::<()>();
        let mut tasks = JoinSet::new();
        tasks.spawn(feed.run(async move {
            let _ = stopped.await;
        }));
        Following { state, status, drops, broken: 0, observations, stop, tasks }
    }

    /// Takes what is observed until something holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Following) -> bool) {
        let waited = timeout(PATIENCE, async {
            while !holds(self) {
                // Also a status may be what is waited for.
                let next = timeout(Duration::from_millis(20), self.observations.recv()).await;
                if let Ok(observation) = next {
                    let observation = observation.expect("the feed goes on");
                    self.broken += usize::from(matches!(observation.input, Input::Broken(_)));
                    self.state.advance(observation.input, observation.observed_unix_ms);
                }
            }
        });
        let waited = waited.await;
        let status = self.status.borrow().clone();
        assert!(waited.is_ok(), "waited in vain for: {what}; {status:?}");
    }

    /// Waits until the canonical head has this hash.
    pub(crate) async fn until_head(&mut self, hash: alloy_primitives::B256) {
        let is_there = |it: &Following| it.state.head().is_some_and(|head| head.hash == hash);
        self.until("the node's head", is_there).await;
    }

    /// Waits until the canonical head has this number.
    pub(crate) async fn until_number(&mut self, number: u64) {
        let is_there = |it: &Following| it.state.head().is_some_and(|head| head.number == number);
        self.until(&format!("block {number}"), is_there).await;
    }

    /// Stops the feed, and waits for its end.
    pub(crate) async fn stop(mut self) -> ChainState {
        drop(self.stop);
        self.observations.close();
        let ended = timeout(PATIENCE, self.tasks.join_next()).await.expect("it ends");
        ended.expect("it was there").expect("it does not panic");
        assert_eq!(self.status.borrow().state, chain::FeedState::Disconnected);
        self.state
    }
}
