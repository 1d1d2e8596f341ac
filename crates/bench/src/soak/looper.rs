//! One thread of readers: does what they do when it is time, and reads whoever has bytes.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, event::Event, net::TcpStream};
use rand::{RngExt, rngs::StdRng};

use super::{
    acts::{Act, Due},
    board::{Board, News},
    crew::{Found, Plan},
    reader::{Ear, End, Reader, State},
};
use crate::{
    clock::us,
    messages::{BEGINNING_BYTES, Messages},
    net,
    process::thread_cpu,
    server::Begin,
};

/// What one read takes at most. With edge-triggered polling a shorter read has taken all.
const READ_BYTES: usize = 256 << 10;
const EVENTS_PER_TURN: usize = 1024;

/// How long a turn waits for bytes.
const WAIT_MAX: Duration = Duration::from_millis(5);

/// How often the board is told.
const TELL_EVERY: Duration = Duration::from_millis(50);

/// How many streams one thread opens at one time.
const OPENING_MAX: usize = 128;

/// How soon a reader whose stream was ended comes back.
const BACK_AFTER_US: std::ops::Range<u64> = 50_000..1_000_000;

/// One thread's readers: of all readers every so-manieth.
pub(super) struct Loop {
    plan: Arc<Plan>,
    board: Arc<Board>,
    index: usize,
    rng: StdRng,
    poll: Poll,
    readers: Vec<Reader>,
    /// What they do, in order of time.
    dues: VecDeque<Due>,
    /// When those come back whose stream was ended.
    backs: BinaryHeap<Reverse<(u64, usize)>>,
    /// Those whose stream is to be opened.
    queue: VecDeque<usize>,
    opening: usize,
    buffer: Vec<u8>,
    news: News,
    found: Found,
}

impl Loop {
    pub(super) fn new(plan: &Arc<Plan>, board: &Arc<Board>, index: usize) -> io::Result<Self> {
        let own = || (index..plan.parts.len()).step_by(plan.threads);
        let mut dues: Vec<_> = own().flat_map(|reader| plan.acts_of(reader)).collect();
        dues.sort_by_key(|due| due.at);
        Ok(Loop {
            board: Arc::clone(board),
            index,
            rng: plan.seed.rng("thread", index as u64),
            poll: Poll::new()?,
            readers: own().map(|reader| Reader::new(plan.parts[reader])).collect(),
            dues: dues.into(),
            backs: BinaryHeap::new(),
            queue: VecDeque::new(),
            opening: 0,
            buffer: vec![0; READ_BYTES],
            news: News::new(),
            found: Found::new(),
            plan: Arc::clone(plan),
        })
    }

    /// Reads until the end.
    pub(super) fn run(mut self) -> Found {
        let (began, cpu) = (Instant::now(), thread_cpu());
        let (mut waited, mut told) = (Duration::ZERO, Instant::now());
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        while !self.board.is_ended() {
            self.act();
            self.open_more();
            let before = Instant::now();
            // An interruption leaves no events, and the next turn waits again.
            let _interrupted = self.poll.poll(&mut events, Some(WAIT_MAX));
            let after = Instant::now();
            waited += after - before;
            for event in &events {
                self.turn(event);
            }
            if !events.is_empty() {
                let _too_long = self.found.turn_us.record(us(after.elapsed()).max(1));
            }
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                self.tell();
            }
        }
        let all = began.elapsed();
        self.found.busy_share_max = 1.0 - waited.as_secs_f64() / all.as_secs_f64();
        self.found.cpu = thread_cpu() - cpu;
        for reader in &self.readers {
            let last = self.board.last(reader.account.stream());
            self.found.add_reader(reader, last);
        }
        self.found
    }

    /// Does what is due.
    fn act(&mut self) {
        let now = self.plan.clock.now();
        while let Some(due) = self.dues.pop_front_if(|due| due.at <= now) {
            let key = due.reader as usize / self.plan.threads;
            let reader = &mut self.readers[key];
            match due.act {
                Act::Come => {
                    reader.is_here = true;
                    self.queue.push_back(key);
                }
                Act::Leave => {
                    reader.is_here = false;
                    self.news.counts.left += 1;
                    self.close(key);
                }
                Act::Stop => {
                    reader.is_stopped = true;
                    self.news.counts.stopped += 1;
                }
                Act::Read => {
                    reader.is_stopped = false;
                    // What came meanwhile, an end too, had its edge when it came.
                    self.read_all(key);
                }
            }
        }
        let now_us = us(now);
        while self.backs.peek().is_some_and(|Reverse((at, _))| *at <= now_us) {
            self.queue.extend(self.backs.pop().map(|Reverse((_, key))| key));
        }
    }

    fn open_more(&mut self) {
        while self.opening < OPENING_MAX
            && let Some(key) = self.queue.pop_front()
        {
            let reader = &self.readers[key];
            if !reader.is_here || reader.socket.is_some() {
                continue;
            }
            match self.connect(key) {
                Ok(socket) => {
                    self.opening += 1;
                    let is_ws = self.rng.random_bool(self.plan.ws_part);
                    let reader = &mut self.readers[key];
                    let begin = Begin::Back { events: 0, cursor: reader.account.cursor() };
                    let dialect = &self.plan.dialects[usize::from(is_ws)];
                    let opening = dialect.open(reader.account.stream(), &begin);
                    let messages = if is_ws {
                        Messages::ws(BEGINNING_BYTES)
                    } else {
                        Messages::sse(BEGINNING_BYTES)
                    };
                    reader.connect(socket, opening, messages);
                }
                Err(error) => self.end(key, End::Broken(format!("can't be reached: {error}"))),
            }
        }
    }

    fn connect(&self, key: usize) -> io::Result<TcpStream> {
        let to = self.plan.address;
        let address = (key * self.plan.threads + self.index) / self.plan.per_address;
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + address as u32);
        let from = Some(SocketAddr::from((address, 0)));
        let mut stream = match self.readers[key].is_slow {
            true => net::connect_small(to, from)?,
            false => net::connect(to, from)?,
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(key), interest)?;
        Ok(stream)
    }

    fn turn(&mut self, event: &Event) {
        let Token(key) = event.token();
        if self.readers[key].state == State::Connecting
            && event.is_writable()
            && let Some(end) = self.readers[key].request()
        {
            self.end(key, end);
        }
        if event.is_read_closed() {
            // The end may have come together with bytes, and has no edge of its own then.
            self.read_all(key);
        } else if event.is_readable() {
            while self.read(key) == READ_BYTES {}
        }
    }

    /// Reads until nothing more is there.
    fn read_all(&mut self, key: usize) {
        while self.read(key) > 0 {}
    }

    /// Reads once, and returns how much; nothing where the reader wants nothing, or has ended.
    fn read(&mut self, key: usize) -> usize {
        let reader = &mut self.readers[key];
        if reader.is_stopped || reader.state == State::Connecting {
            return 0;
        }
        let Some(socket) = &mut reader.socket else { return 0 };
        let was_opening = reader.state != State::Live;
        let (read, end) = match socket.read(&mut self.buffer) {
            Ok(0) => (0, Some(End::Closed)),
            Ok(read) => {
                let (mark, now_us) = (&self.plan.mark, self.plan.clock.now_us());
                let mut ear = Ear { mark, now_us, news: &mut self.news };
                (read, reader.take(&self.buffer[..read], &mut ear))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => (0, None),
            Err(_) => (0, Some(End::Closed)),
        };
        if was_opening && self.readers[key].state == State::Live {
            self.opening -= 1;
        }
        let Some(end) = end else { return read };
        self.end(key, end);
        0
    }

    /// Takes note of an end that was not the reader's own; it comes back soon.
    fn end(&mut self, key: usize, end: End) {
        match end {
            End::Closed if self.readers[key].state == State::Live => self.news.counts.closed += 1,
            End::Closed => self.board.add_broken("closed a stream that was being opened".into()),
            End::Broken(why) => self.board.add_broken(why),
        }
        self.close(key);
        let back_us = self.plan.clock.now_us() + self.rng.random_range(BACK_AFTER_US);
        self.backs.push(Reverse((back_us, key)));
    }

    fn close(&mut self, key: usize) {
        let reader = &mut self.readers[key];
        self.opening -= usize::from(reader.is_opening());
        self.news.readers -= i64::from(reader.close() == State::Live);
    }

    fn tell(&mut self) {
        self.board.add(&mut self.news);
        if self.board.is_settling() {
            let has_all =
                |reader: &&Reader| reader.has_all(self.board.last(reader.account.stream()));
            let behind = self.readers.len() - self.readers.iter().filter(has_all).count();
            self.board.set_behind(self.index, behind as u64);
        }
    }
}
