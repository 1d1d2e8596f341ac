//! A network that harms what goes through it, while the server stays as it is: nothing is lost.

use std::{sync::Arc, time::Duration};

use broker::{Broker, HealthState, RedisBroker, RedisOptions};
use event::After;
use faults::{
    Direction::{self, Downstream, Upstream},
    Proxy, Toxic,
};
use tokio::time::{Instant, sleep};

use crate::support::{
    logs::golden_stream,
    reader::Attached,
    redis::{Redis, WIDE, append, health_says, options, reconnected, replica},
    writer::Writer,
};

const MS: Duration = Duration::from_millis(1);

/// A server behind a proxy, with a replica of ours that knows no other way, and readers.
struct Harmed {
    redis: Redis,
    proxy: Proxy,
    replica: Arc<RedisBroker>,
}

impl Harmed {
    async fn start() -> Self {
        let redis = Redis::start(WIDE).await;
        let proxy = Proxy::start(redis.server.address()).await;
        let options = RedisOptions {
            connect_time_max: 300 * MS,
            command_time_max: 600 * MS,
            ..options(&format!("redis://{}/", proxy.address()), WIDE)
        };
        let replica = replica(&options).await;
        Harmed { redis, proxy, replica }
    }

    /// Lets writers write on both ways while harm is done and undone.
    async fn nothing_is_lost(self, mut harm: impl AsyncFnMut(&Proxy, &RedisBroker, &Writer)) {
        let (through, beside) = (Arc::clone(&self.replica) as Arc<dyn Broker>, self.redis.broker());
        let mut reader = Attached::at(&through, &golden_stream(), &After::Oldest).await;
        let (writer, other) = (Writer::start(&through, 2), Writer::start(&beside, 1));
        for _ in 0..3 {
            writer.wait_for_more(20).await;
            harm(&self.proxy, &self.replica, &writer).await;
            self.proxy.heal();
            writer.wait_for_more(20).await;
        }
        let mut acknowledged = writer.stop().await;
        acknowledged.extend(other.stop().await);
        reader.through(append(&through, 1).await[0].id).await;
        assert_eq!((reader.lost(&acknowledged), reader.gaps()), (0, 0));
        reconnected(&self.replica, 0).await;
    }
}

async fn unhealthy(replica: &RedisBroker) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while replica.health().state != HealthState::Unhealthy {
        assert!(Instant::now() < deadline, "the harm is not seen");
        sleep(MS).await;
    }
}

/// Does harm that has to be seen, and waits until it is overcome.
async fn is_seen_and_overcome(direction: Direction, toxic: Toxic) {
    let harmed = Harmed::start().await;
    harmed
        .nothing_is_lost(async |proxy, replica, _| {
            let made = replica.connections_made();
            proxy.set("harm", direction, toxic);
            unhealthy(replica).await;
            proxy.heal();
            reconnected(replica, made).await;
        })
        .await;
}

/// Does harm that only slows things down, or that is overcome while it lasts.
async fn is_borne(direction: Direction, toxic: Toxic) {
    let harmed = Harmed::start().await;
    harmed
        .nothing_is_lost(async |proxy, _, writer| {
            proxy.set("harm", direction, toxic);
            writer.wait_for_more(10).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_either_way_is_seen_and_overcome() {
    is_seen_and_overcome(Upstream, Toxic::Timeout { timeout: Duration::ZERO }).await;
    is_seen_and_overcome(Downstream, Toxic::Timeout { timeout: Duration::ZERO }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_and_cuts_are_overcome() {
    is_seen_and_overcome(Downstream, Toxic::ResetPeer { timeout: 20 * MS }).await;
    is_seen_and_overcome(Upstream, Toxic::LimitData { bytes: 1500 }).await;
    is_seen_and_overcome(Downstream, Toxic::LimitData { bytes: 700 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_and_a_choppy_network_are_borne() {
    is_borne(Downstream, Toxic::Latency { latency: 20 * MS, jitter: 15 * MS }).await;
    let slicer = Toxic::Slicer { average_size: 40, size_variation: 30, delay: MS / 10 };
    is_borne(Upstream, slicer).await;
    is_borne(Downstream, slicer).await;
    is_borne(Downstream, Toxic::Bandwidth { rate: 50 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_down_is_named_and_overcome() {
    let harmed = Harmed::start().await;
    harmed
        .nothing_is_lost(async |proxy, replica, _| {
            let made = replica.connections_made();
            proxy.disable().await;
            health_says(replica, "refused").await;
            proxy.enable().await;
            reconnected(replica, made).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_whose_end_is_not_passed_on_are_given_up() {
    let harmed = Harmed::start().await;
    let (server, replica) = (&harmed.redis.server, &harmed.replica);
    let through = Arc::clone(replica) as Arc<dyn Broker>;
    let mut reader = Attached::at(&through, &golden_stream(), &After::Oldest).await;
    harmed.proxy.set("harm", Downstream, Toxic::HalfOpen);
    // The server cuts all of ours, and the proxy keeps that to itself.
    for kind in ["normal", "pubsub"] {
        let mut kill = redis::cmd("CLIENT");
        let killed: u64 = server.command(kill.arg("KILL").arg("TYPE").arg(kind)).await;
        assert!(killed >= 1, "{kind}");
    }
    reconnected(replica, 1).await;
    let last = append(&through, 3).await[2];
    reader.through(last.id).await;
}
