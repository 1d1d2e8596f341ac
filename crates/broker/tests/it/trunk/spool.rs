//! Branches that outlive their process, and the spool's limits.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use broker::{
    Append, AppendError, Broker, HealthState, ReplicaBroker, conformance::new_event,
    memory::EpochSource,
};
use event::{After, Epoch, EventId, GapReason};
use futures_util::FutureExt;

use crate::support::{
    logs::golden_stream,
    outage::{assert_complete, attach, ids, last_place, publish},
    redis::WIDE,
    replica::{Replica, cut_off, healthy},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_restarts_amid_an_outage_merges_what_it_had() {
    let mut stage = Replica::start(WIDE).await;
    let mut acknowledged = publish(&stage.broker(), 3).await;
    stage.lose_saved_redis().await;
    let mut reader = attach(&stage.broker(), &After::Oldest).await;
    acknowledged.extend(publish(&stage.broker(), 4).await);
    reader.through(acknowledged[5]).await;
    let (had, place) = (ids(&reader), last_place(&reader));
    drop(reader);
    for _ in 0..2 {
        stage.restart_replica().await;
        cut_off(&stage.broker).await;
        assert!(stage.broker.spool_events() >= 4);
        acknowledged.extend(publish(&stage.broker(), 2).await);
    }
    let mut back = attach(&stage.broker(), &After::At(place)).await;
    assert_complete(&mut back, &had, &acknowledged).await;
    let later = last_place(&back);
    let all_had = [had.clone(), ids(&back)].concat();
    drop(back);
    stage.find_redis().await;
    acknowledged.extend(publish(&stage.broker(), 2).await);
    for (place, had) in [(place, &had), (later, &all_had)] {
        let mut back = attach(&stage.broker(), &After::At(place)).await;
        assert_complete(&mut back, had, &acknowledged).await;
    }
    stage.restart_replica().await;
    assert_eq!(stage.broker.spool_events(), 0, "what is merged is not taken up again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_killed_merges_what_it_had_saved_and_says_so() {
    let mut stage = Replica::start_with(WIDE, |options| {
        // Only when it is told to.
        options.save_every = Duration::from_secs(3600);
    })
    .await;
    let mut acknowledged = publish(&stage.broker(), 3).await;
    stage.lose_saved_redis().await;
    acknowledged.extend(publish(&stage.broker(), 4).await);
    let mut reader = attach(&stage.broker(), &After::Oldest).await;
    reader.through(acknowledged[6]).await;
    let place = last_place(&reader);
    drop(reader);
    stage.saved().await;
    publish(&stage.broker(), 1).await;
    stage.replace_replica().await;
    stage.find_redis().await;
    let mut back = attach(&stage.broker(), &After::At(place)).await;
    assert_eq!(back.reasons(), [GapReason::DataLoss], "what came after the save can't be told");
    let later = publish(&stage.broker(), 2).await;
    back.through(later[1]).await;
    assert_eq!(ids(&back), later);
    let mut fresh = attach(&stage.broker(), &After::Oldest).await;
    acknowledged.extend(later);
    fresh.through(acknowledged[8]).await;
    assert_eq!(ids(&fresh), acknowledged);
    // Redis ended as well, and nobody else can say what the killed process had read of it; and its
    // readers had what is gone of the branch.
    assert_eq!(fresh.reasons(), [GapReason::DataLoss; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_refuses_and_says_why() {
    let mut stage = Replica::start_with(WIDE, |options| options.spool_events_max = 5).await;
    stage.lose_redis().await;
    let broker = stage.broker();
    publish(&broker, 5).await;
    let refused = broker.append(&golden_stream(), Append::one(new_event())).await;
    let Err(AppendError::Unavailable { reason, maybe: false }) = refused else {
        panic!("{refused:?}")
    };
    assert!(reason.contains("as many events as it may"), "{reason}");
    assert_eq!(broker.health().state, HealthState::Degraded);
    assert_eq!(broker.health().selected, "memory");
    stage.find_redis().await;
    publish(&broker, 3).await;
    assert_eq!(broker.ledger(&golden_stream()).await.expect("it is read").count, 8);
}

/// Spool and windows both have what was taken meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_redeploys_amid_an_outage_merge_everything_once() {
    for is_emptied in [false, true] {
        let mut stage = Replica::start(WIDE).await;
        let mut acknowledged = publish(&stage.broker(), 3).await;
        let mut places = Vec::new();
        stage.lose_saved_redis().await;
        for _ in 0..4 {
            let mut reader = attach(&stage.broker(), &After::Oldest).await;
            acknowledged.extend(publish(&stage.broker(), 2).await);
            assert_complete(&mut reader, &[], &acknowledged).await;
            places.push((acknowledged.len(), last_place(&reader)));
            drop(reader);
            stage.redeploy_replica().await;
            cut_off(&stage.broker).await;
        }
        assert_eq!(stage.broker.spool_events(), 8);
        if is_emptied {
            stage.server.forget();
        }
        stage.find_redis().await;
        acknowledged.extend(publish(&stage.broker(), 1).await);
        let mut fresh = attach(&stage.broker(), &After::Oldest).await;
        assert_complete(&mut fresh, &[], &acknowledged).await;
        assert_eq!(ids(&fresh), acknowledged, "in their order");
        for (count, place) in places {
            let mut back = attach(&stage.broker(), &After::At(place)).await;
            assert_complete(&mut back, &acknowledged[..count], &acknowledged).await;
        }
        let ledger = stage.broker().ledger(&golden_stream()).await.expect("it is read");
        assert_eq!(ledger.count, acknowledged.len() as u64, "emptied: {is_emptied}");
    }
}

/// A rollback to memory amid an outage, and the way back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_through_memory_amid_an_outage_keeps_every_cursor() {
    let mut stage = Replica::start(WIDE).await;
    let another = stage.another().await;
    let mut acknowledged = publish(&stage.broker(), 3).await;
    stage.lose_saved_redis().await;
    let mut places = Vec::new();
    let mut reader = attach(&stage.broker(), &After::Oldest).await;
    acknowledged.extend(publish(&stage.broker(), 2).await);
    assert_complete(&mut reader, &[], &acknowledged).await;
    places.push((acknowledged.len(), last_place(&reader)));
    drop(reader);
    for receipt in stage.redeploy_by_memory(3, &another).await {
        acknowledged.push(receipt.id);
        places.push((acknowledged.len(), receipt.position));
    }
    healthy(&stage.broker).await;
    acknowledged.extend(publish(&stage.broker(), 1).await);
    for broker in [stage.broker(), another as Arc<dyn Broker>] {
        for (count, place) in &places {
            let mut back = attach(&broker, &After::At(*place)).await;
            assert_complete(&mut back, &acknowledged[..*count], &acknowledged).await;
        }
        let ledger = broker.ledger(&golden_stream()).await.expect("it is read");
        assert_eq!(ledger.count, acknowledged.len() as u64);
    }
}

/// Returns a process over this spool that never finds Redis.
async fn cut_off_over(stage: &Replica, spool: &Path) -> Arc<ReplicaBroker> {
    let mut options = stage.options.clone();
    // Nothing listens there.
    options.redis.url = "redis://127.0.0.1:9/".to_owned();
    options.spool = Some(spool.to_owned());
    let broker = Arc::new(ReplicaBroker::start(options).expect("it starts"));
    cut_off(&broker).await;
    broker
}

/// Has a process that never finds Redis leave so many events in a spool.
async fn leave_events(stage: &Replica, spool: &Path, count: usize) -> Vec<EventId> {
    let broker = cut_off_over(stage, spool).await;
    let ids = publish(&(Arc::clone(&broker) as Arc<dyn Broker>), count).await;
    broker.drain().await.expect("it is saved");
    ids
}

fn branch_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("it is there");
    let paths = entries.map(|entry| entry.expect("it is read").path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "branch")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_files_of_one_stream_are_all_merged_in_their_order() {
    const FILES: usize = 3;
    let stage = Replica::start(WIDE).await;
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let spool = folder.path().join("spool");
    let mut left = Vec::new();
    for index in 0..FILES {
        let aside = folder.path().join(format!("aside-{index}"));
        left.extend(leave_events(&stage, &aside, 2).await);
        fs::create_dir_all(&spool).expect("it is made");
        for file in branch_files(&aside) {
            let name = file.file_name().expect("it has a name").to_owned();
            fs::rename(&file, spool.join(name)).expect("it is moved");
        }
    }
    assert_eq!(branch_files(&spool).len(), FILES);
    // A process that can't merge them loses none of them.
    let broker = cut_off_over(&stage, &spool).await;
    assert_eq!(broker.spool_events(), left.len() as u64);
    left.extend(publish(&(Arc::clone(&broker) as Arc<dyn Broker>), 1).await);
    broker.drain().await.expect("it is saved");
    drop(broker);
    assert_eq!(branch_files(&spool).len(), FILES);

    let mut options = stage.options.clone();
    options.spool = Some(spool.clone());
    let broker = loop {
        // The folder is free once the old one is gone with its tasks.
        if let Ok(broker) = ReplicaBroker::start(options.clone()) {
            break Arc::new(broker);
        }
        tokio::task::yield_now().await;
    };
    healthy(&broker).await;
    assert_eq!(broker.spool_events(), 0);
    let broker = broker as Arc<dyn Broker>;
    let mut reader = attach(&broker, &After::Oldest).await;
    reader.through(*left.last().expect("there are some")).await;
    assert_eq!(ids(&reader), left, "in the order in which they were taken");
    assert_eq!(branch_files(&spool), Vec::<std::path::PathBuf>::new(), "all are merged");
}

struct OneEpoch;

impl EpochSource for OneEpoch {
    fn draw(&self) -> Epoch {
        Epoch::from_bits(7)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_that_nobody_waits_for_any_more_is_done_before_the_next_and_its_failure_counts() {
    let mut stage = Replica::start(WIDE).await;
    stage.options.save_every = Duration::from_secs(3600);
    stage.options.epochs = Arc::new(OneEpoch);
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let broker = cut_off_over(&stage, folder.path()).await;
    publish(&(Arc::clone(&broker) as Arc<dyn Broker>), 1).await;
    // Whoever writes there waits until somebody reads, and can't sync it then.
    let file = format!("thread=golden.{}.branch.tmp", Epoch::from_bits(7));
    let pipe = folder.path().join(file);
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("it runs").success());
    assert!(broker.save().now_or_never().is_none(), "it writes, and nobody waits for it");
    let again = broker.save();
    let mut again = std::pin::pin!(again);
    let told = again.as_mut().now_or_never();
    let read = tokio::task::spawn_blocking(move || fs::read(pipe)).await.expect("it ends");
    assert!(!read.expect("it is read").is_empty());
    assert!(told.is_none(), "what is not saved is not said to be");
    again.await.expect("it is saved");
    assert_eq!(branch_files(folder.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_branchs_file_that_stays_is_removed_later() {
    let mut stage = Replica::start(WIDE).await;
    let folder = stage.options.spool.clone().expect("it has one");
    stage.lose_redis().await;
    let mut acknowledged = publish(&stage.broker(), 2).await;
    stage.saved().await;
    let file = branch_files(&folder).pop().expect("it is saved");
    // A folder of that name is nothing that can be removed as a file.
    fs::remove_file(&file).expect("it is there");
    fs::create_dir(&file).expect("it is made");
    stage.find_redis().await;
    assert!(file.exists());
    fs::remove_dir(&file).expect("it is empty");
    fs::write(&file, b"the file").expect("it is written");
    stage.saved().await;
    assert!(!file.exists(), "it is tried again");
    acknowledged.extend(publish(&stage.broker(), 1).await);
    let mut reader = attach(&stage.broker(), &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
}
