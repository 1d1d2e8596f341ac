//! Every task is joined, and one that does not end is aborted.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use node_runtime::Tasks;

const LONG: Duration = Duration::from_secs(60);

/// Counts when it is dropped, however its task ended.
struct Ended(Arc<AtomicUsize>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn tasks_end_when_they_are_asked_to_and_are_joined() {
    let (tasks, ended) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..10 {
        let (mut shutdown, mark) = (tasks.shutdown(), Ended(Arc::clone(&ended)));
        tasks.spawn("waits", async move {
            shutdown.asked().await;
            assert!(shutdown.is_asked());
            drop(mark);
        });
    }
    assert!(!tasks.shutdown().is_asked());
    tasks.ask_to_end();
    assert_eq!(tasks.join(LONG).await, Ok(()));
    assert_eq!(ended.load(Ordering::SeqCst), 10);
    assert_eq!(tasks.join(Duration::ZERO).await, Ok(()), "there is nothing left to join");
}

#[tokio::test]
async fn a_task_that_does_not_end_is_aborted_before_join_returns() {
    let (tasks, ended) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
    let mark = Ended(Arc::clone(&ended));
    tasks.spawn("stays", async move {
        pending::<()>().await;
        drop(mark);
    });
    tasks.ask_to_end();
    assert!(tasks.join(Duration::from_millis(20)).await.is_err());
    assert_eq!(ended.load(Ordering::SeqCst), 1, "what it held is gone");
}

#[tokio::test]
async fn a_task_that_panics_does_not_keep_others_from_being_joined() {
    let (tasks, ended) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
    let mark = Ended(Arc::clone(&ended));
    tasks.spawn("panics", async { panic!("a panic that belongs to this test") });
    tasks.spawn("ends", async move { drop(mark) });
    assert_eq!(tasks.join(LONG).await, Ok(()));
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_asks_late_is_told_at_once() {
    let tasks = Tasks::default();
    tasks.ask_to_end();
    tasks.shutdown().asked().await;
    let mut shutdown = tasks.shutdown();
    drop(tasks);
    shutdown.asked().await;
}

#[tokio::test]
async fn tasks_end_with_their_owner() {
    let (tasks, ended) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
    let mark = Ended(Arc::clone(&ended));
    tasks.spawn("stays", async move {
        pending::<()>().await;
        drop(mark);
    });
    drop(tasks);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}
