//! Redis fails in each state of a switch.

use std::{sync::Arc, time::Duration};

use broker::live::{Stage, Target};
use event::After;
use faults::RedisServer;
use parking_lot::Mutex;

use crate::support::{
    live::Live,
    outage::{assert_complete, attach, publish},
    redis::WIDE,
    writer::Writer,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_in_any_state_holds_nothing_up_for_ever() {
    for stage in [Stage::Compared, Stage::Switching, Stage::Switched] {
        let server = Arc::new(RedisServer::start().await);
        let live = Live::start(&server.url(), WIDE, Target::Memory).await;
        let mut reader = attach(&live.broker(), &After::Oldest).await;
        let mut acknowledged = publish(&live.broker(), 20).await;
        let hangs = Arc::clone(&server);
        live.disk.on_record(move |record| {
            if record.stage == stage {
                hangs.pause();
            }
        });
        let switched = live.broker.cutover(Target::Redis).await;
        assert_eq!(switched.is_ok(), stage == Stage::Switched, "{stage:?} {switched:?}");
        live.disk.on_record(|_| {});
        // Memory goes on, or the replica beside Redis.
        acknowledged.extend(publish(&live.broker(), 5).await);
        server.go_on();
        live.goes_over(Target::Redis).await;
        acknowledged.extend(publish(&live.broker(), 5).await);
        assert_complete(&mut reader, &[], &acknowledged).await;
        let mut fresh = attach(&live.broker(), &After::Oldest).await;
        assert_complete(&mut fresh, &[], &acknowledged).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_loses_all_is_given_it_back_in_any_state() {
    for stage in [Stage::Compared, Stage::Switching, Stage::Switched] {
        let server = Arc::new(Mutex::new(Some(RedisServer::start().await)));
        let url = server.lock().as_ref().map(RedisServer::url).expect("it runs");
        let live = Live::start(&url, WIDE, Target::Memory).await;
        let mut reader = attach(&live.broker(), &After::Oldest).await;
        let writer = Writer::start_paced(&live.broker(), 2, Duration::from_millis(1));
        writer.wait_for(20).await;
        let killed = Arc::clone(&server);
        live.disk.on_record(move |record| {
            if let (true, Some(server)) = (record.stage == stage, &mut *killed.lock()) {
                server.kill();
            }
        });
        let switched = live.broker.cutover(Target::Redis).await;
        assert_eq!(switched.is_ok(), stage == Stage::Switched, "{stage:?} {switched:?}");
        live.disk.on_record(|_| {});
        writer.wait_for_more(20).await;
        let mut taken = server.lock().take().expect("it was started");
        taken.run().await;
        live.goes_over(Target::Redis).await;
        writer.wait_for_more(20).await;
        let acknowledged: Vec<_> = writer.stop().await.iter().map(|receipt| receipt.id).collect();
        assert_complete(&mut reader, &[], &acknowledged).await;
        let mut fresh = attach(&live.broker(), &After::Oldest).await;
        assert_complete(&mut fresh, &[], &acknowledged).await;
    }
}
