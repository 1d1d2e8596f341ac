//! Readers that go, in all ways, leave nothing behind.

use std::{os::unix::net::UnixStream, sync::Arc, time::Duration};

use bytes::Bytes;
use delivery::{DeliveryOptions, OpenRequest, Reader, Socket, Terms, Transport};
use event::After;
use tokio::io::AsyncWriteExt;

use super::site::{Next, Site, eventually, options, stream};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_admissions_that_close_at_once_leave_nothing() {
    const ADMISSIONS: usize = 10_000;
    let site = Site::start(options()).await;
    for number in 0..ADMISSIONS {
        let after = After::Head;
        let request = OpenRequest {
            stream: stream(number % 50),
            after,
            filter: None,
            terms: Terms::default(),
        };
        let opened = site.delivery.open(request).await.expect("memory answers");
        let (near, far) = UnixStream::pair().expect("the system gives a pair");
        near.set_nonblocking(true).expect("it does");
        drop(far);
        let reader = Reader {
            socket: Socket::unix(near),
            transport: Transport::sse,
            preamble: Bytes::from_static(b"event: connected\ndata: {}\n\n"),
            expires: None,
            permit: None,
        };
        site.delivery.serve(opened, reader);
        if number % 500 == 0 {
            // Descriptors are finite; closing keeps up with opening.
            eventually("some have left", || site.delivery.open_readers() < 200).await;
        }
    }
    eventually("all have left", || site.delivery.open_readers() == 0).await;
    eventually("all are counted", || open(&site) == "0").await;
    let ended = r#"stream_ends_total{transport="sse",cause="client"}"#;
    assert_eq!(site.metric(ended), Some(ADMISSIONS.to_string()));
    assert_eq!(site.delivery.streams(), 50);
    (0..4).for_each(|_| site.delivery.sweep());
    assert_eq!(site.delivery.streams(), 0);
    site.delivery.stop().await;
}

fn open(site: &Site) -> String {
    site.metric(r#"streams_open{transport="sse"}"#).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_swept_is_followed_again() {
    let site = Site::start(options()).await;
    let first = site.connect(&stream(1), After::Head).await;
    (0..9).for_each(|_| site.delivery.sweep());
    assert_eq!(site.delivery.streams(), 1, "it has a reader");
    drop(first);
    eventually("it has left", || site.delivery.open_readers() == 0).await;
    (0..4).for_each(|_| site.delivery.sweep());
    assert_eq!(site.delivery.streams(), 0);
    site.publish(&stream(1), 1, 0).await;
    let mut second = site.connect(&stream(1), After::Oldest).await;
    site.publish(&stream(1), 2, 0).await;
    second.read_to(2).await;
    site.delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_closes_its_half_is_let_go() {
    let site = Site::start(options()).await;
    let mut client = site.connect(&stream(1), After::Head).await;
    client.socket.shutdown().await.expect("it does");
    assert_eq!(client.next().await, Next::End);
    eventually("it has left", || site.delivery.open_readers() == 0).await;
    site.delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_talks_too_much_is_let_go() {
    let site = Site::start(options()).await;
    let mut client = site.connect(&stream(1), After::Head).await;
    // It may be cut off before it has sent all of it.
    let _ = client.socket.write_all(&vec![b'x'; 200_000]).await;
    eventually("it has left", || site.delivery.open_readers() == 0).await;
    site.delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_never_reads_is_closed_and_costs_the_others_nothing() {
    const EVENTS: u64 = 400;
    let options = DeliveryOptions {
        lag_bytes_max: 1 << 20,
        lag_max: Duration::from_secs(3600),
        ring_events_max: 64,
        ..options()
    };
    let site = Arc::new(Site::start(options).await);
    let deaf = site.connect(&stream(1), After::Head).await;
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(site.connect(&stream(1), After::Head).await);
    }
    // More than the kernel holds for a connection, and the limit; who reads is never far behind.
    for number in 1..=EVENTS {
        site.publish(&stream(1), number, 60_000).await;
        if number % 4 == 0 {
            for client in &mut others {
                client.read_to(number).await;
            }
        }
    }
    let closed = r#"lag_closes_total{transport="sse"}"#;
    eventually("it is closed", || site.metric(closed).as_deref() == Some("1")).await;
    // What it had before is in order, and its cursor goes on.
    let mut deaf = deaf;
    assert!(!deaf.read_to_end().await);
    let mut again = site.connect(&stream(1), After::At(deaf.at)).await;
    again.read_to(EVENTS).await;
    site.delivery.stop().await;
}
