//! A delivery ends under load, and nobody loses anything.

use std::{sync::Arc, time::Duration};

use event::After;
use futures_util::future::join_all;
use tokio::task::JoinSet;

use super::site::{Next, Site, eventually, options, stream, threads};

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_are_drained_go_on_elsewhere_without_a_hole() {
    const READERS: usize = 60;
    const EVENTS: u64 = 800;
    let first = Arc::new(Site::start(options()).await);
    let second = Arc::new(first.beside().await);
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let mut client = first.connect(&stream(1), After::Head).await;
        let second = Arc::clone(&second);
        readers.spawn(async move {
            let is_told = client.read_to_end().await;
            let mut again = second.connect(&stream(1), After::At(client.at)).await;
            again.read_to(EVENTS).await;
            (is_told, client.had + again.had)
        });
    }
    let publish = async |from: u64, to: u64| {
        for number in from..to {
            first.publish(&stream(1), number, 200).await;
            tokio::task::yield_now().await;
        }
    };
    publish(0, EVENTS / 4).await;
    let over = Duration::from_millis(1500);
    let (report, ()) = tokio::join!(first.delivery.drain(over), publish(EVENTS / 4, EVENTS));
    assert!(report.complete);
    first.delivery.stop().await;
    for (is_told, had) in readers.join_all().await {
        assert!(is_told, "each was told farewell");
        assert_eq!(had as u64, EVENTS);
    }
    let drained = first.metric(r#"stream_ends_total{transport="sse",cause="drain"}"#);
    assert_eq!(drained, Some(READERS.to_string()));
    second.delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_joins_every_thread_and_ends_every_stream() {
    let site = Site::start(options()).await;
    let streams: Vec<_> = (0..20).map(stream).collect();
    let mut clients = join_all(streams.iter().map(|s| site.connect(s, After::Head))).await;
    // A thread takes its name once it runs, and the kernel forgets it a little after it is joined.
    eventually("three threads run", || threads().len() == 3).await;
    site.delivery.stop().await;
    eventually("none is left", || threads().is_empty()).await;
    for client in &mut clients {
        assert_eq!(client.next().await, Next::End);
    }
    assert_eq!(site.metric(r#"streams_open{transport="sse"}"#).as_deref(), Some("0"));
    assert_eq!(site.delivery.open_readers(), 0);
}

/// A reader that was attached before the end must not wait at a letter box that nobody opens.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_comes_after_the_end_is_closed_at_once() {
    let site = Site::start(options()).await;
    site.delivery.stop().await;
    let mut late = site.connect(&stream(1), After::Head).await;
    assert_eq!(late.next().await, Next::End);
    assert_eq!(site.delivery.open_readers(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_dropped_ends_its_threads() {
    let site = Site::start(options()).await;
    let mut client = site.connect(&stream(1), After::Head).await;
    eventually("three threads run", || threads().len() == 3).await;
    let _turn = site.drop_delivery();
    assert_eq!(client.next().await, Next::End);
    eventually("the threads have ended", || threads().is_empty()).await;
}
