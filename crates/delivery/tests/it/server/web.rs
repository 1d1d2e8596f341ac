//! WebSockets over real sockets: sessions on other threads, real edges, a real end.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use delivery::{
    Delivery, OpenRequest, Socket, Terms, WebReader,
    session::{ClientMessage, Conversation, Reply, Session, WebSocket},
    ws::decoder::DecoderOptions,
};
use event::After;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Handle,
    time::timeout,
};

use super::site::{Site, eventually, options, stream};
use crate::support::ws::{self, Parser, Said, field};

/// Longer than anything takes on a busy machine; it ends a wait that would never end.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a writer makes no way before it is held to be stopped.
const STALLED: Duration = Duration::from_millis(300);

/// Follows the streams that it is asked for, and answers everything else with itself.
#[derive(Debug)]
struct Speaker {
    delivery: Weak<Delivery>,
    runtime: Handle,
    /// Messages that it took.
    taken: AtomicUsize,
    /// Batches that it has under way: never two of one connection.
    under_way: AtomicUsize,
}

impl Session for Speaker {
    fn take(self: Arc<Self>, conversation: Conversation, messages: Vec<ClientMessage>) {
        assert_eq!(self.under_way.fetch_add(1, Ordering::SeqCst), 0);
        self.taken.fetch_add(messages.len(), Ordering::SeqCst);
        let runtime = self.runtime.clone();
        // Nobody joins it: it ends with its batch.
        drop(runtime.spawn(async move {
            for message in messages {
                self.answer(&conversation, message).await;
            }
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            drop(conversation);
        }));
    }
}

impl Speaker {
    async fn answer(&self, conversation: &Conversation, message: ClientMessage) {
        let ClientMessage::Text(text) = message else { return };
        let Some(number) = text.strip_prefix("sub ") else { return conversation.say(text) };
        let stream = stream(number.parse().expect("a number"));
        let Some(delivery) = self.delivery.upgrade() else { return };
        let request =
            OpenRequest { stream, after: After::Head, filter: None, terms: Terms::default() };
        let opened = delivery.open(request).await.expect("memory answers");
        let preamble = vec![format!(r#"{{"type":"subscribed","stream":"thread:{number}"}}"#)];
        let subscribing = Box::new(opened.subscribing(None));
        conversation.reply(Reply::Subscribe { subscribing, preamble });
    }
}

/// A client, and what it was said.
struct Client {
    socket: TcpStream,
    parser: Parser,
    said: Vec<Said>,
    speaker: Arc<Speaker>,
}

async fn connect(site: &Site, sends_deflated: bool) -> Client {
    let (near, socket) = site.pair().await;
    let session = Arc::new(Speaker {
        delivery: Arc::downgrade(&site.delivery),
        runtime: Handle::current(),
        taken: AtomicUsize::new(0),
        under_way: AtomicUsize::new(0),
    });
    let options = DecoderOptions { message_bytes_max: 1 << 20, deflate: sends_deflated };
    let speaker = session.clone();
    site.delivery.serve_web(WebReader {
        socket: Socket::tcp(near),
        web_socket: WebSocket { session, options, sends_deflated, received: Bytes::new() },
        likely: stream(0),
        opened: None,
        preamble: Bytes::new(),
        expires: None,
        permit: None,
    });
    Client { socket, parser: Parser::new(sends_deflated), said: Vec::new(), speaker }
}

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        let sent = timeout(PATIENCE, self.socket.write_all(bytes)).await;
        sent.expect("it goes on").expect("it takes bytes");
    }

    /// Reads until this holds of what was said, or the connection ends.
    async fn read_until(&mut self, holds: impl Fn(&[Said]) -> bool) {
        let mut bytes = [0; 16 << 10];
        while !holds(&self.said) {
            let read = timeout(PATIENCE, self.socket.read(&mut bytes)).await;
            match read.expect("it goes on").expect("it is not reset") {
                0 => return,
                count => self.said.extend(self.parser.feed(&bytes[..count])),
            }
        }
    }

    /// Asserts that each stream's events ascend by one from the first, up to this number.
    fn check_events(&self, streams: usize, count: usize) {
        let mut next: HashMap<String, usize> = HashMap::new();
        for said in &self.said {
            let Said::Text(json) = said else { continue };
            if json.starts_with(r#"{"type":"event""#) {
                let next = next.entry(field(json, "stream").to_owned()).or_insert(1);
                assert!(field(json, "cursor").ends_with(&format!("-{next}")), "{json} at {next}");
                *next += 1;
            }
        }
        assert_eq!((next.len(), next.values().all(|next| *next == count + 1)), (streams, true));
    }
}

fn texts(said: &[Said]) -> usize {
    said.iter().filter(|said| matches!(said, Said::Text(_))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_follow_several_streams_speak_and_leave() {
    const STREAMS: usize = 3;
    const EVENTS: usize = 100;
    let site = Site::start(options()).await;
    let mut clients = Vec::new();
    for number in 0..60 {
        let mut client = connect(&site, number % 2 == 0).await;
        let asks: Vec<u8> = (0..STREAMS).flat_map(|s| ws::text(&format!("sub {s}"))).collect();
        client.send(&asks).await;
        client.read_until(|said| texts(said) == STREAMS).await;
        clients.push(client);
    }
    assert_eq!(site.delivery.client_readers(), 60 * STREAMS);
    for number in 0..EVENTS {
        for s in 0..STREAMS {
            site.publish(&stream(s), number as u64, 100).await;
        }
        let client = &mut clients[number % 60];
        client.send(&[ws::frame(0x89, b"?"), ws::text("and so on")].concat()).await;
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let asked = EVENTS / 60 + usize::from(number < EVENTS % 60);
        client.read_until(|said| texts(said) == STREAMS + STREAMS * EVENTS + asked).await;
        client.check_events(STREAMS, EVENTS);
        let pongs = client.said.iter().filter(|said| matches!(said, Said::Pong(_))).count();
        assert_eq!(pongs, asked);
        assert_eq!(client.speaker.taken.load(Ordering::SeqCst), STREAMS + asked);
        // A third closes, a third ends its connection, a third is gone.
        match number % 3 {
            0 => {
                client.send(&[ws::text("last"), ws::close(1000), vec![9; 3000]].concat()).await;
                client.read_until(|_| false).await;
                let end = [Said::Text("last".to_owned()), Said::Close(Some(1000), String::new())];
                assert_eq!(client.said[client.said.len() - 2..], end);
            }
            1 => client.socket.shutdown().await.expect("it is open"),
            _ => {}
        }
    }
    clients.clear();
    eventually("all have left", || {
        site.metric(r#"streams_open{transport="websocket"}"#).as_deref() == Some("0")
            && site.delivery.client_readers() == 0
    })
    .await;
    site.delivery.stop().await;
}

/// Real edges: what stopped for a full socket goes on when it takes bytes, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_stops_and_goes_on() {
    let site = Site::start(options()).await;
    let mut client = connect(&site, false).await;
    let pings = ws::frame(0x89, &[b'p'; 125]).repeat(100);
    let mut sent = 0;
    // Nobody reads the pongs, so in the end nothing more is taken.
    while let Ok(wrote) = timeout(STALLED, client.socket.write(&pings[sent % pings.len()..])).await
    {
        sent += wrote.expect("it is open");
    }
    let rest = pings.len() - sent % pings.len();
    let (mut reading, mut writing) = client.socket.into_split();
    let all = (sent + rest) / (pings.len() / 100);
    let write = async {
        writing.write_all(&pings[pings.len() - rest..]).await.expect("it goes on");
        writing.write_all(&ws::text("done")).await.expect("it goes on");
    };
    let read = async {
        let (mut bytes, mut pongs) = ([0; 64 << 10], 0);
        loop {
            let count = reading.read(&mut bytes).await.expect("it is open");
            assert!(count > 0, "it ended after {pongs} pongs");
            for said in client.parser.feed(&bytes[..count]) {
                match said {
                    Said::Pong(_) => pongs += 1,
                    said => return (pongs, said),
                }
            }
        }
    };
    let ((), (pongs, last)) =
        timeout(PATIENCE, async { tokio::join!(write, read) }).await.expect("it goes on");
    assert_eq!((pongs, last), (all, Said::Text("done".to_owned())));
    site.delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_complete_though_nobody_answers_its_close_frame() {
    let site = Site::start(options()).await;
    let mut clients = Vec::new();
    for _ in 0..6 {
        let mut client = connect(&site, false).await;
        client.send(&ws::text("sub 1")).await;
        client.read_until(|said| texts(said) == 1).await;
        clients.push(client);
    }
    assert!(site.delivery.drain(Duration::from_millis(20)).await.complete);
    for client in &mut clients {
        client.read_until(|_| false).await;
        let [Said::Text(_), Said::Text(goodbye), Said::Close(Some(1001), _)] = &client.said[..]
        else {
            panic!("{:?}", client.said)
        };
        assert_eq!(field(goodbye, "reason"), "drain");
    }
    let ended = r#"stream_ends_total{transport="websocket",cause="drain"}"#;
    assert_eq!(site.metric(ended).as_deref(), Some("6"));
    site.delivery.stop().await;
}
