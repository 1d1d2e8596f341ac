//! The process ends at each step of a switch, and another begins over its disk.

use std::sync::{Arc, atomic::Ordering};

use broker::{
    Item,
    live::{Record, Stage, SwitchFile, SwitchLog, Target},
    memory::state_dir::StateDir,
};
use event::After;
use faults::RedisServer;

use crate::support::{
    live::Live,
    logs::golden_stream,
    memory::Memory,
    outage::{assert_complete, attach, last_place, publish},
    reader::Attached,
    redis::WIDE,
};

/// More than the records and saves of a switch and its undo.
const WRITES_MAX: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_write_of_a_switch_loses_nothing_in_silence() {
    let mut taken = 0;
    for writes in 0..WRITES_MAX {
        let server = RedisServer::start().await;
        let mut live = Live::start(&server.url(), WIDE, Target::Memory).await;
        let mut reader = Attached::at(&live.broker(), &golden_stream(), &After::Oldest).await;
        let mut acknowledged = publish(&live.broker(), 4).await;
        let saved = acknowledged.clone();
        live.disk.save(&live.memory).expect("it is saved");
        acknowledged.extend(publish(&live.broker(), 3).await);
        live.disk.writes_left.store(writes, Ordering::Release);
        let switched = live.broker.cutover(Target::Redis).await;
        acknowledged.extend(publish(&live.broker(), 3).await);
        let undone = live.broker.undo().await;
        acknowledged.extend(publish(&live.broker(), 3).await);
        assert!(writes < WRITES_MAX - 1 || (switched.is_ok() && undone.is_ok()));
        reader.through(*acknowledged.last().expect("there are some")).await;
        assert_eq!(reader.gaps(), 0);
        live.crash().await;
        assert!(live.disk.record().is_none_or(|record| !record.redis_may_own));
        taken += live.resumed.taken;
        acknowledged.extend(publish(&live.broker(), 3).await);
        let mut back = Attached::at(&live.broker(), &golden_stream(), &After::Oldest).await;
        back.through(*acknowledged.last().expect("there are some")).await;
        let has = |id| back.items.iter().any(|item| matches!(item, Item::Event(e) if e.id == id));
        let lost = acknowledged.iter().filter(|id| !has(**id)).count();
        println!("{writes} writes: {lost} lost, {:?}, {:?}", back.reasons(), live.resumed);
        assert!(lost == 0 || back.gaps() > 0, "{lost} events are lost in silence");
        assert!(saved.into_iter().all(has), "what was saved is there");
    }
    assert!(taken > 0, "no crash was in the midst");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_after_the_switch_loses_nothing() {
    let server = RedisServer::start().await;
    let mut live = Live::start(&server.url(), WIDE, Target::Memory).await;
    let mut acknowledged = publish(&live.broker(), 4).await;
    live.broker.cutover(Target::Redis).await.expect("it switches");
    let mut reader = attach(&live.broker(), &After::Head).await;
    let later = publish(&live.broker(), 5).await;
    assert_complete(&mut reader, &[], &later).await;
    acknowledged.extend(&later);
    live.crash().await;
    assert_eq!((live.resumed.taken, live.resumed.lossy), (1, 0), "{:?}", live.resumed);
    assert_eq!(live.broker.status().owner, Target::Memory, "the settings win");
    acknowledged.extend(publish(&live.broker(), 2).await);
    let place = last_place(&reader);
    let had = &acknowledged[..9].to_vec();
    let mut back = attach(&live.broker(), &After::At(place)).await;
    assert_complete(&mut back, had, &acknowledged).await;
    // And over again.
    live.broker.cutover(Target::Redis).await.expect("it switches");
    acknowledged.extend(publish(&live.broker(), 2).await);
    let mut fresh = attach(&live.broker(), &After::Oldest).await;
    assert_complete(&mut fresh, &[], &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_redis_tells_what_it_can_t_read() {
    let mut server = RedisServer::start().await;
    let mut live = Live::start(&server.url(), WIDE, Target::Memory).await;
    publish(&live.broker(), 4).await;
    live.broker.cutover(Target::Redis).await.expect("it switches");
    let later = publish(&live.broker(), 5).await;
    let mut reader = attach(&live.broker(), &After::Oldest).await;
    reader.through(later[1]).await;
    let place = last_place(&reader);
    server.kill();
    live.crash().await;
    assert!(live.resumed.unreached.is_some(), "{:?}", live.resumed);
    let last = publish(&live.broker(), 1).await;
    let mut back = Attached::at(&live.broker(), &golden_stream(), &After::At(place)).await;
    back.through(last[0]).await;
    assert!(back.gaps() > 0, "what is in Redis alone is not told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_stops_the_switch_and_an_undo_goes_back() {
    for writes in 0..4 {
        let server = RedisServer::start().await;
        let live = Live::start(&server.url(), WIDE, Target::Memory).await;
        let mut acknowledged = publish(&live.broker(), 4).await;
        live.disk.writes_left.store(writes, Ordering::Release);
        let switched = live.broker.cutover(Target::Redis).await;
        assert!(switched.is_err() && live.broker.status().error.is_some(), "{writes}");
        acknowledged.extend(publish(&live.broker(), 4).await);
        live.disk.writes_left.store(usize::MAX, Ordering::Release);
        let status = live.broker.undo().await.expect("it goes back");
        assert_eq!((status.stage, status.owner), (Stage::Idle, Target::Memory), "{writes}");
        acknowledged.extend(publish(&live.broker(), 4).await);
        let mut reader = attach(&live.broker(), &After::Oldest).await;
        assert_complete(&mut reader, &[], &acknowledged).await;
        // Broken off, it can be gone on with too.
        live.disk.writes_left.store(writes, Ordering::Release);
        live.broker.cutover(Target::Redis).await.expect_err("the disk fails");
        live.disk.writes_left.store(usize::MAX, Ordering::Release);
        let status = live.broker.cutover(Target::Redis).await.expect("it goes on");
        assert_eq!((status.stage, status.owner), (Stage::Switched, Target::Redis), "{writes}");
        let mut reader = attach(&live.broker(), &After::Oldest).await;
        assert_complete(&mut reader, &[], &acknowledged).await;
    }
}

#[test]
fn the_record_stands_in_the_state_folder() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let state = Arc::new(StateDir::open(folder.path()).expect("it is free"));
    let file = SwitchFile::new(Arc::clone(&state));
    assert_eq!(file.read().expect("there is none"), None);
    for memory_leads in [false, true] {
        let (to, stage) = (Target::Redis, Stage::Switching);
        let record = Record { to, stage, redis_may_own: true, memory_leads };
        file.write(record).expect("it is written");
        assert_eq!(file.read().expect("it is read"), Some(record));
    }
    std::fs::write(folder.path().join("switch"), "torn").expect("it is written");
    file.read().expect_err("what is damaged is not taken for none");
    // Windows are loaded beside it.
    let memory = Memory::start(WIDE, 3);
    state.load(&memory.broker).expect("it is none of theirs");
}
