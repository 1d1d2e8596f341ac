//! Many readers, many streams, many publishers.

use std::sync::Arc;

use event::After;
use futures_util::future::join_all;
use tokio::task::JoinSet;

use super::site::{Site, eventually, options, stream};

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_readers_of_a_stream_have_all_of_it_in_one_order() {
    const READERS: usize = 500;
    const PUBLISHERS: u64 = 4;
    const EVENTS: u64 = 60;
    let site = Arc::new(Site::start(options()).await);
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let mut client = site.connect(&stream(1), After::Head).await;
        readers.spawn(async move {
            client.read_to(PUBLISHERS * EVENTS).await;
            client.had
        });
    }
    assert_eq!(site.delivery.open_readers(), READERS);
    let publisher = async |publisher: u64| {
        for number in 0..EVENTS {
            site.publish(&stream(1), publisher * 1000 + number, 100).await;
            tokio::task::yield_now().await;
        }
    };
    join_all((0..PUBLISHERS).map(publisher)).await;
    let had: usize = readers.join_all().await.into_iter().sum();
    assert_eq!(had, READERS * (PUBLISHERS * EVENTS) as usize);
    let delivered = site.metric(r#"deliveries_total{transport="sse"}"#);
    assert_eq!(delivered, Some(had.to_string()));
    println!("{had} deliveries to {READERS} readers");
    eventually("all have left", || site.delivery.open_readers() == 0).await;
    site.delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_two_hundred_streams_have_each_its_own() {
    const STREAMS: usize = 200;
    const READERS: usize = 2;
    const EVENTS: u64 = 20;
    let site = Arc::new(Site::start(options()).await);
    let mut readers = JoinSet::new();
    for reader in 0..STREAMS * READERS {
        let mut client = site.connect(&stream(reader % STREAMS), After::Head).await;
        readers.spawn(async move { client.read_to(EVENTS).await });
    }
    let publisher = async |half: usize| {
        for number in 0..EVENTS * STREAMS as u64 / 2 {
            let stream = stream(number as usize % (STREAMS / 2) * 2 + half);
            site.publish(&stream, number, 10).await;
        }
    };
    tokio::join!(publisher(0), publisher(1));
    readers.join_all().await;
    site.delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_drop_and_come_back_miss_and_repeat_nothing() {
    const READERS: u64 = 40;
    const EVENTS: u64 = 600;
    let site = Arc::new(Site::start(options()).await);
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let site = Arc::clone(&site);
        readers.spawn(async move {
            let mut client = site.connect(&stream(1), After::Oldest).await;
            while client.at.seq.0 < EVENTS {
                let next = (client.at.seq.0 + 20 + reader * 7).min(EVENTS);
                client.read_to(next).await;
                let at = client.at;
                drop(client);
                client = site.connect(&stream(1), After::At(at)).await;
                assert_eq!(client.at, at);
            }
        });
    }
    for number in 0..EVENTS {
        site.publish(&stream(1), number, 50).await;
        tokio::task::yield_now().await;
    }
    readers.join_all().await;
    eventually("all have left", || site.delivery.open_readers() == 0).await;
    site.delivery.stop().await;
}
