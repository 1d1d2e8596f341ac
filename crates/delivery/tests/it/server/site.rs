//! A delivery over a memory backend, and clients on sockets of this machine.

use std::{
    io,
    sync::{Arc, LazyLock},
    time::Duration,
};

use broker::{Append, Broker, MemoryBroker, SystemClock, memory::log::WindowLimits};
use bytes::Bytes;
use delivery::{
    Delivery, DeliveryMetrics, DeliveryOptions, OpenRequest, Reader, Socket, Terms, Transport, sse,
};
use event::{After, Clock, Position, StreamName};
use parking_lot::Mutex;
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    sync::{Mutex as Turn, MutexGuard},
    time::{interval, timeout},
};

use crate::support::{
    events::event_numbered,
    sse::{Block, Parser},
};

/// Longer than anything takes on a busy machine; it ends a wait that would never end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Threads are counted by name, so one delivery at a time has the process.
static TURN: LazyLock<Turn<()>> = LazyLock::new(Turn::default);

pub(crate) struct Site {
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) broker: Arc<dyn Broker>,
    listener: Turn<TcpListener>,
    registry: Arc<Mutex<Registry>>,
    /// Held, so that no other delivery is started meanwhile.
    turn: Option<MutexGuard<'static, ()>>,
}

pub(crate) fn options() -> DeliveryOptions {
    DeliveryOptions { workers: 3, ..DeliveryOptions::default() }
}

impl Site {
    pub(crate) async fn start(options: DeliveryOptions) -> Site {
        Site::start_with(options, Arc::new(SystemClock::new())).await
    }

    pub(crate) async fn start_with(options: DeliveryOptions, clock: Arc<dyn Clock>) -> Site {
        let turn = TURN.lock().await;
        let window = WindowLimits { events_max: 2000, age_max: Duration::from_secs(3600) };
        let broker = Arc::new(MemoryBroker::new(window, Arc::new(SystemClock::new())));
        Site::over(broker, options, clock, Some(turn)).await
    }

    /// Starts a second delivery over the same backend.
    pub(crate) async fn beside(&self) -> Site {
        Site::over(self.broker.clone(), options(), Arc::new(SystemClock::new()), None).await
    }

    async fn over(
        broker: Arc<dyn Broker>,
        options: DeliveryOptions,
        clock: Arc<dyn Clock>,
        turn: Option<MutexGuard<'static, ()>>,
    ) -> Site {
        let mut registry = Registry::default();
        let metrics = DeliveryMetrics::register(&mut registry);
        let delivery = Delivery::start(broker.clone(), clock, options, metrics);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the system gives a port");
        Site {
            delivery: Arc::new(delivery.expect("the system gives pollers and threads")),
            broker,
            listener: Turn::new(listener),
            registry: Arc::new(Mutex::new(registry)),
            turn,
        }
    }

    /// Drops the delivery without stopping it; returns the turn.
    pub(crate) fn drop_delivery(self) -> impl Sized {
        self.turn
    }

    pub(crate) async fn publish(&self, stream: &StreamName, number: u64, pad: usize) -> Position {
        let append = Append::one(event_numbered(number, "a.one", pad));
        let appended = self.broker.append(stream, append).await.expect("memory takes it");
        appended.receipts()[0].position
    }

    /// Connects a client and hands its other end to the delivery.
    pub(crate) async fn connect(&self, stream: &StreamName, after: After) -> Client {
        let (near, far) = self.pair().await;
        let request =
            OpenRequest { stream: stream.clone(), after, filter: None, terms: Terms::default() };
        let opened = self.delivery.open(request).await.expect("memory answers");
        assert_eq!(opened.gap, None);
        let at = opened.after;
        let preamble = Bytes::from(sse::own_event(None, "connected", "{}"));
        let reader = Reader {
            socket: Socket::tcp(near),
            transport: Transport::sse,
            preamble,
            expires: None,
            permit: None,
        };
        self.delivery.serve(opened, reader);
        Client { socket: far, parser: Parser::default(), blocks: Vec::new(), at, had: 0 }
    }

    pub(super) async fn pair(&self) -> (std::net::TcpStream, TcpStream) {
        let listener = self.listener.lock().await;
        let port = listener.local_addr().expect("it is bound");
        let (near, far) = tokio::join!(listener.accept(), TcpStream::connect(port));
        let near = near.expect("it connects").0.into_std().expect("it leaves the runtime");
        (near, far.expect("it connects"))
    }

    pub(crate) fn metric(&self, line_begins: &str) -> Option<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock()).expect("a string takes it");
        let line = text.lines().find_map(|line| line.strip_prefix(line_begins))?;
        Some(line.trim().to_owned())
    }
}

/// A client that checks that numbers ascend by one from where it began.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    pub(crate) at: Position,
    pub(crate) had: usize,
    parser: Parser,
    blocks: Vec<Block>,
}

/// How a client's stream went on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Event(Position),
    Goodbye,
    End,
}

impl Client {
    pub(crate) async fn next(&mut self) -> Next {
        loop {
            while !self.blocks.is_empty() {
                let block = self.blocks.remove(0);
                match (block.event.as_str(), block.id) {
                    ("goodbye", None) => return Next::Goodbye,
                    ("connected" | "", None) => {}
                    ("a.one", Some(id)) => return Next::Event(self.on_event(&id)),
                    other => panic!("nobody sent this: {other:?}"),
                }
            }
            let mut bytes = [0; 16 << 10];
            match timeout(PATIENCE, self.socket.read(&mut bytes)).await.expect("it goes on") {
                Ok(0) => return Next::End,
                Ok(count) => self.blocks = self.parser.feed(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Next::End,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn on_event(&mut self, id: &str) -> Position {
        let position: Position = id.parse().expect("a cursor");
        assert_eq!(position.seq, self.at.seq.next(), "no hole and no repeat");
        self.at = position;
        self.had += 1;
        position
    }

    /// Reads up to and with a number; nothing else ends the stream before.
    pub(crate) async fn read_to(&mut self, seq: u64) {
        while self.at.seq.0 < seq {
            let next = self.next().await;
            assert!(matches!(next, Next::Event(_)), "{next:?} after {}", self.at);
        }
    }

    /// Reads until the stream ends; returns whether with a farewell.
    pub(crate) async fn read_to_end(&mut self) -> bool {
        let mut is_told = false;
        loop {
            match self.next().await {
                Next::Event(_) => {}
                Next::Goodbye => is_told = true,
                Next::End => return is_told,
            }
        }
    }
}

pub(crate) fn stream(number: usize) -> StreamName {
    StreamName::thread(&number.to_string()).expect("a short key")
}

/// Looks at a level until it holds.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        let mut looks = interval(Duration::from_millis(2));
        while !holds() {
            looks.tick().await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "it never came about: {what}");
}

/// Returns the delivery threads of this process.
pub(crate) fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists threads");
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("delivery-")).collect()
}
