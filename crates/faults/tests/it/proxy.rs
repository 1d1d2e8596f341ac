//! Each toxic, on paused time: what comes when is exact, and nothing waits.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use faults::{Direction, Proxy, Toxic};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

const MS: Duration = Duration::from_millis(1);

/// A proxy with both ends of one connection through it.
struct Wire {
    proxy: Proxy,
    listener: TcpListener,
    client: TcpStream,
    server: TcpStream,
}

impl Wire {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let proxy = Proxy::start(listener.local_addr().expect("it is bound")).await;
        let (client, server) = connect(proxy.address(), &listener).await;
        Wire { proxy, listener, client, server }
    }

    fn set(&self, direction: Direction, toxic: Toxic) {
        self.proxy.set("toxic", direction, toxic);
    }
}

async fn connect(to: SocketAddr, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let (client, server) = tokio::join!(TcpStream::connect(to), listener.accept());
    (client.expect("it connects"), server.expect("it is connected to").0)
}

/// Sends so many bytes, and returns how long all of them took to come.
async fn time_of(from: &mut TcpStream, to: &mut TcpStream, bytes: usize) -> Duration {
    let began = Instant::now();
    let mut came = vec![0; bytes];
    let sent = vec![7; bytes];
    let (sending, coming) = tokio::join!(from.write_all(&sent), to.read_exact(&mut came));
    sending.expect("all is sent");
    coming.expect("all comes");
    assert_eq!(came, sent);
    began.elapsed()
}

/// Returns whether nothing comes for an hour.
async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(Duration::from_secs(3600), stream.read(&mut [0; 64])).await.is_err()
}

/// Returns whether the connection was cut, in order or not; what still comes is passed over.
async fn is_cut(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(Duration::from_secs(3600), stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn without_toxics_everything_passes_both_ways() {
    let Wire { proxy, listener: _listener, mut client, mut server } = Wire::new().await;
    assert!(time_of(&mut client, &mut server, 1_000_000).await < MS);
    assert!(time_of(&mut server, &mut client, 1_000_000).await < MS);
    assert_eq!(proxy.connections(), 1);
    client.shutdown().await.unwrap();
    assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    // Half-closed: the other direction goes on.
    assert!(time_of(&mut server, &mut client, 100).await < MS);
    drop(server);
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    proxy.wait_for_connections(0).await;
}

#[tokio::test(start_paused = true)]
async fn latency_delays_one_direction_and_keeps_the_rate() {
    let Wire { proxy, listener: _l, mut client, mut server } = Wire::new().await;
    let latency = Toxic::Latency { latency: 100 * MS, jitter: Duration::ZERO };
    proxy.set("toxic", Direction::Upstream, latency);
    let one = time_of(&mut client, &mut server, 1).await;
    assert!((100 * MS..110 * MS).contains(&one), "{one:?}");
    let many = time_of(&mut client, &mut server, 500_000).await;
    assert!((100 * MS..110 * MS).contains(&many), "{many:?}");
    assert!(time_of(&mut server, &mut client, 1).await < MS);
    // Changed while data is under way.
    let long = Toxic::Latency { latency: 3_600_000 * MS, jitter: Duration::ZERO };
    proxy.set("toxic", Direction::Upstream, long);
    client.write_all(b"x").await.unwrap();
    assert!(timeout(1000 * MS, server.read_u8()).await.is_err());
    proxy.remove("toxic");
    assert_eq!(timeout(MS, server.read_u8()).await.unwrap().unwrap(), b'x');
}

#[tokio::test(start_paused = true)]
async fn jitter_varies_the_delay_within_its_bounds() {
    let mut wire = Wire::new().await;
    let latency = Toxic::Latency { latency: 100 * MS, jitter: 50 * MS };
    wire.set(Direction::Downstream, latency);
    let mut times = Vec::new();
    for _ in 0..20 {
        times.push(time_of(&mut wire.server, &mut wire.client, 1).await);
    }
    assert!(times.iter().all(|time| (50 * MS..152 * MS).contains(time)), "{times:?}");
    assert!(times.iter().max().unwrap().saturating_sub(*times.iter().min().unwrap()) > 5 * MS);
}

#[tokio::test(start_paused = true)]
async fn bandwidth_lets_through_so_much_a_second() {
    let mut wire = Wire::new().await;
    wire.set(Direction::Upstream, Toxic::Bandwidth { rate: 10 });
    let time = time_of(&mut wire.client, &mut wire.server, 50_000).await;
    assert!((4800 * MS..5200 * MS).contains(&time), "{time:?}");
    assert!(time_of(&mut wire.server, &mut wire.client, 50_000).await < MS);
}

#[tokio::test(start_paused = true)]
async fn slow_close_passes_on_the_end_later() {
    let mut wire = Wire::new().await;
    wire.set(Direction::Upstream, Toxic::SlowClose { delay: 700 * MS });
    wire.client.write_all(b"last").await.unwrap();
    drop(wire.client);
    let began = Instant::now();
    let mut rest = Vec::new();
    wire.server.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"last");
    assert!((700 * MS..710 * MS).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_stops_data_and_cuts_the_connection() {
    let mut wire = Wire::new().await;
    wire.set(Direction::Downstream, Toxic::Timeout { timeout: 500 * MS });
    wire.server.write_all(b"lost").await.unwrap();
    let began = Instant::now();
    let mut rest = Vec::new();
    let _ = wire.client.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "it was to be dropped: {rest:?}");
    assert!((499 * MS..510 * MS).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_zero_is_a_black_hole_until_it_is_removed() {
    let mut wire = Wire::new().await;
    wire.set(Direction::Upstream, Toxic::Timeout { timeout: Duration::ZERO });
    wire.client.write_all(b"lost").await.unwrap();
    assert!(is_silent(&mut wire.server).await);
    assert!(time_of(&mut wire.server, &mut wire.client, 5).await < MS, "one way only");
    // New ones are swallowed too.
    let (mut client, mut server) = connect(wire.proxy.address(), &wire.listener).await;
    client.write_all(b"lost").await.unwrap();
    assert!(is_silent(&mut server).await);
    wire.proxy.remove("toxic");
    assert!(is_cut(&mut wire.server).await && is_cut(&mut server).await);
}

#[tokio::test(start_paused = true)]
async fn reset_peer_resets_both_sides() {
    for after in [0, 300] {
        let mut wire = Wire::new().await;
        let began = Instant::now();
        wire.set(Direction::Downstream, Toxic::ResetPeer { timeout: after * MS });
        for stream in [&mut wire.client, &mut wire.server] {
            let error = stream.read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        assert!((after * MS..after * MS + 10 * MS).contains(&began.elapsed()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slicer_cuts_data_into_small_pieces() {
    let mut wire = Wire::new().await;
    let slicer = Toxic::Slicer { average_size: 10, size_variation: 5, delay: 20 * MS };
    wire.set(Direction::Upstream, slicer);
    wire.client.write_all(&[7; 100]).await.unwrap();
    let mut pieces = Vec::new();
    while pieces.iter().sum::<usize>() < 100 {
        pieces.push(wire.server.read(&mut [0; 100]).await.unwrap());
    }
    assert!(pieces.iter().all(|piece| (1..=15).contains(piece)), "{pieces:?}");
    assert!((7..=20).contains(&pieces.len()), "{pieces:?}");
}

#[tokio::test(start_paused = true)]
async fn limit_data_cuts_after_so_many_bytes() {
    let mut wire = Wire::new().await;
    assert!(time_of(&mut wire.client, &mut wire.server, 500).await < MS);
    wire.set(Direction::Upstream, Toxic::LimitData { bytes: 30 });
    wire.client.write_all(&[7; 100]).await.unwrap();
    let mut rest = Vec::new();
    let _ = wire.server.read_to_end(&mut rest).await;
    assert_eq!(rest.len(), 30, "counted from when it took hold");
    assert!(is_cut(&mut wire.client).await);
}

#[tokio::test(start_paused = true)]
async fn half_open_does_not_pass_on_a_close_until_it_is_removed() {
    let mut wire = Wire::new().await;
    wire.set(Direction::Upstream, Toxic::HalfOpen);
    wire.client.write_all(b"last").await.unwrap();
    drop(wire.client);
    let mut last = [0; 4];
    wire.server.read_exact(&mut last).await.unwrap();
    assert!(is_silent(&mut wire.server).await);
    wire.proxy.remove("toxic");
    assert!(is_cut(&mut wire.server).await);
}

#[tokio::test(start_paused = true)]
async fn down_cuts_and_refuses_and_comes_back_at_the_same_address() {
    let mut wire = Wire::new().await;
    for _ in 0..3 {
        wire.proxy.disable().await;
        assert!(is_cut(&mut wire.client).await && is_cut(&mut wire.server).await);
        let refused = TcpStream::connect(wire.proxy.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        wire.proxy.enable().await;
        (wire.client, wire.server) = connect(wire.proxy.address(), &wire.listener).await;
        assert!(time_of(&mut wire.client, &mut wire.server, 10).await < MS);
    }
}

#[tokio::test(start_paused = true)]
async fn toxicity_harms_its_share_of_connections() {
    const CONNECTIONS: usize = 60;
    let wire = Wire::new().await;
    let black_hole = Toxic::Timeout { timeout: Duration::ZERO };
    wire.proxy.set_for_some("toxic", Direction::Upstream, black_hole, 0.5);
    let (mut harmed, mut open) = (0, Vec::new());
    for _ in 0..CONNECTIONS {
        let (mut client, mut server) = connect(wire.proxy.address(), &wire.listener).await;
        client.write_all(b"x").await.unwrap();
        harmed += usize::from(is_silent(&mut server).await);
        open.push((client, server));
    }
    // The chance of lying outside is below one in ten million.
    assert!((10..=50).contains(&harmed), "{harmed} of {CONNECTIONS}");
}

#[tokio::test(start_paused = true)]
async fn healing_removes_every_toxic_and_another_server_can_be_chosen() {
    let mut wire = Wire::new().await;
    let slow = Toxic::Latency { latency: 100 * MS, jitter: Duration::ZERO };
    wire.proxy.set("a", Direction::Upstream, slow);
    wire.proxy.set("b", Direction::Upstream, slow);
    assert!(time_of(&mut wire.client, &mut wire.server, 1).await >= 200 * MS);
    wire.proxy.heal();
    assert!(time_of(&mut wire.client, &mut wire.server, 1).await < MS);
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    wire.proxy.set_upstream(other.local_addr().unwrap());
    let (mut client, mut server) = connect(wire.proxy.address(), &other).await;
    assert!(time_of(&mut client, &mut server, 1).await < MS);
}
