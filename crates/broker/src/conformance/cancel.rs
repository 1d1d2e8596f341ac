//! A reader that gives up waiting at any time loses nothing and gets nothing twice.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use event::After;
use tokio::task::JoinSet;

use super::{
    Harness, Start,
    reader::Reader,
    stage::{Stage, WIDE, append_each, main_stream},
};

const EVENTS: usize = 300;

/// Polls `next` once and drops it; returns whether an item came.
fn poll_once(reader: &mut Reader) -> bool {
    let polled = {
        let next = pin!(reader.attachment.next());
        next.poll(&mut Context::from_waker(Waker::noop()))
    };
    match polled {
        Poll::Pending => false,
        Poll::Ready(item) => {
            let item = item.expect("the backend answers").expect("the log is not shut down");
            reader.items.push(item);
            true
        }
    }
}

pub(super) async fn next_can_be_dropped_at_any_time(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let mut reader = stage.attach(After::Head).await;
    let mut writer = JoinSet::new();
    let broker = stage.broker();
    writer.spawn(async move { append_each(&broker, &main_stream(), EVENTS).await });
    // Many polls are dropped while pages are read and hints arrive.
    for _ in 0..20 * EVENTS {
        poll_once(&mut reader);
        tokio::task::yield_now().await;
    }
    let acknowledged = writer.join_all().await.concat();
    if reader.ids().len() < EVENTS {
        reader.through(acknowledged[EVENTS - 1].id).await;
    }
    reader.assert_promises(&acknowledged, Start::After(0));
    assert!(reader.gaps().is_empty());
}
