//! Readers whose permission is taken are let go, whenever that is, and nobody else.

use std::sync::Arc;

use bytes::Bytes;
use delivery::{Dialect, OpenRequest, Pass, Reader, Socket, Terms, Transport};
use event::After;
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{Duration, timeout},
};

use super::site::{Site, options, stream};

const PATIENCE: Duration = Duration::from_secs(60);

/// Connects a reader with a pass; its permission may be taken before it is served.
async fn connect(site: &Site, pass: &Arc<Pass>, dialect: Dialect, is_early: bool) -> TcpStream {
    let terms = Terms { pass: Some(Arc::clone(pass)), dialect };
    let request = OpenRequest { stream: stream(0), after: After::Head, filter: None, terms };
    let opened = site.delivery.open(request).await.expect("memory answers");
    if is_early {
        pass.lose();
        site.delivery.look_at_passes(&stream(0));
    }
    let (near, far) = site.pair().await;
    let (socket, transport) = (Socket::tcp(near), Transport::sse);
    let (preamble, expires, permit) = (Bytes::new(), None, None);
    site.delivery.serve(opened, Reader { socket, transport, preamble, expires, permit });
    far
}

async fn read_until(socket: &mut TcpStream, part: &str) -> String {
    let mut text = String::new();
    while !text.contains(part) {
        let mut bytes = [0; 4096];
        let read = timeout(PATIENCE, socket.read(&mut bytes)).await.expect("it goes on");
        let count = read.expect("it is read");
        assert!(count > 0, "it ended: {text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    text
}

async fn read_to_end(socket: &mut TcpStream) -> String {
    let mut text = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut text))
        .await
        .expect("it ends")
        .expect("it is read");
    text
}

const CLOSED: &str = "event: closed\ndata: {\"reason\":\"permission_lost\"}\n\n";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_it_is_told_and_let_go() {
    let site = Site::start(options()).await;
    let passes = [Arc::<Pass>::default(), Arc::default()];
    let mut lost = connect(&site, &passes[0], Dialect::Envelopes, false).await;
    let mut kept = connect(&site, &passes[1], Dialect::Messages, false).await;
    let place = site.publish(&stream(0), 1, 0).await;
    read_until(&mut lost, &format!("id: {place}\nevent: a.one\n")).await;
    // Its payload alone, under a name that every client knows.
    let seen = read_until(&mut kept, "\n\n").await;
    let payload = seen.strip_prefix(&format!("id: {place}\nevent: message\ndata: "));
    let payload = payload.and_then(|rest| rest.strip_suffix("\n\n")).expect(&seen);
    let payload: serde_json::Value = serde_json::from_str(payload).expect("it is JSON");
    assert!(payload.get("org_id").is_none() && payload.is_object(), "{payload}");
    passes[0].lose();
    site.delivery.look_at_passes(&stream(0));
    assert_eq!(read_to_end(&mut lost).await, CLOSED);
    let next = site.publish(&stream(0), 2, 0).await;
    read_until(&mut kept, &format!("id: {next}\n")).await;
    let ended = r#"stream_ends_total{transport="sse",cause="permission_lost"}"#;
    assert_eq!(site.metric(ended).as_deref(), Some("1"));
    site.delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_it_before_is_not_shown_anything() {
    let site = Site::start(options()).await;
    let pass = Arc::default();
    let mut late = connect(&site, &pass, Dialect::Messages, true).await;
    site.publish(&stream(0), 1, 0).await;
    assert_eq!(read_to_end(&mut late).await, CLOSED);
    site.delivery.stop().await;
}
