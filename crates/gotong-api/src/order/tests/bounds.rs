//! What hangs holds nobody else up: not the end, not other threads; and what nobody uses makes room.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use tokio::{task::JoinSet, time::timeout};

use super::kit::{PATIENCE, Stage, until};
use crate::order::OpenError;

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_heard_while_the_database_hangs() {
    let stage = Stage::small(10);
    let mut running = JoinSet::new();
    let run = Arc::clone(&stage.sequencer).run(stage.tasks.shutdown(), Duration::ZERO);
    running.spawn(run);
    let gate = stage.rows.gate.lock().await;
    let mut senders = JoinSet::new();
    let sender = Arc::clone(&stage);
    senders.spawn(async move { sender.send("a", "one", None).await });
    until(async || stage.rows.begun.load(SeqCst) == 1).await;
    stage.tasks.ask_to_end();
    let ended = timeout(PATIENCE, running.join_next()).await;
    assert!(ended.is_ok_and(|ended| ended.is_some_and(|ended| ended.is_ok())), "it ends");
    drop(gate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_hangs_holds_up_no_other_thread() {
    let stage = Stage::new();
    stage.send("slow", "one", None).await.expect("it is sent");
    stage.send("a", "one", None).await.expect("it is sent");
    let held = stage.log.slow.lock().await;
    let mut senders = JoinSet::new();
    let sender = Arc::clone(&stage);
    senders.spawn(async move { sender.send("slow", "two", None).await });
    let slow = stage.sequencer.open("slow").await.expect("it is open");
    until(async || slow.own() == 2).await;
    assert_eq!(stage.send("a", "two", None).await.expect("it is sent").message.seq, 2);
    assert_eq!(slow.shown(), 1, "it hangs all the while");
    drop(held);
    let sent = senders.join_next().await.expect("there is one").expect("no panic");
    assert_eq!(sent.expect("it is sent").message.seq, 2);
}

#[tokio::test]
async fn threads_that_nobody_uses_make_room_for_others() {
    let stage = Stage::small(3);
    let mut held = Vec::new();
    for thread in ["a", "b", "c", "d"] {
        stage.sequencer.open(thread).await.expect("nobody uses those before it");
    }
    for thread in ["e", "f", "g"] {
        held.push(stage.sequencer.open(thread).await.expect("there is room"));
    }
    let full = stage.sequencer.open("h").await.map(|_| ());
    assert_eq!(full, Err(OpenError::Full), "all of them are used");
    assert!(stage.sequencer.open("e").await.is_ok(), "one that is open stays so");
    held.pop();
    assert!(stage.sequencer.open("h").await.is_ok());
}
