//! A thread that waits for its readers' sockets and for its inbox, and drives its room.
//!
//! A panic in a turn costs this worker's readers their connections, which go on elsewhere or here by
//! their cursors; it does not cost the process a worker.

use std::{
    collections::VecDeque,
    io,
    ops::ControlFlow,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
    time::Duration,
};

use event::{Clock, MonoMs};
use mio::{Events, Interest, Poll, Token, Waker};
use tokio::sync::mpsc;

use crate::{
    DeliveryMetrics, DeliveryOptions, Socket,
    channel::Channel,
    fetch::Fetch,
    inbox::{Content, Inbox, Message},
    room::{ReaderKey, Room, Wish},
    session::Conversation,
};

const TICK: Duration = Duration::from_secs(1);
const INBOX: Token = Token(usize::MAX);
const POLLED_MAX: usize = 1024;

/// A worker's thread.
pub(crate) struct Worker {
    number: usize,
    poll: Poll,
    inbox: Arc<Inbox>,
    clock: Arc<dyn Clock>,
    room: Room<Socket>,
    /// What was taken from the inbox; it outlives a turn that panics.
    messages: VecDeque<Message>,
    channels: VecDeque<Arc<Channel>>,
    fetches: mpsc::Sender<Fetch>,
    retry: Vec<Fetch>,
    next_tick: MonoMs,
    drained: mpsc::Sender<usize>,
    draining: bool,
}

/// What all workers share.
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: DeliveryOptions,
    pub(crate) metrics: DeliveryMetrics,
    pub(crate) fetches: mpsc::Sender<Fetch>,
    /// Told once by each worker that has no reader left after a drain began.
    pub(crate) drained: mpsc::Sender<usize>,
}

impl Worker {
    /// Starts a worker's thread; it ends on [`Message::Stop`].
    ///
    /// # Errors
    /// Fails where the system gives no poller or no thread.
    pub(crate) fn start(
        number: usize,
        shared: &Surroundings,
    ) -> io::Result<(Arc<Inbox>, thread::JoinHandle<()>)> {
        let poll = Poll::new()?;
        let inbox = Arc::new(Inbox::new(Waker::new(poll.registry(), INBOX)?));
        let now = shared.clock.mono();
        let worker = Worker {
            number,
            poll,
            inbox: Arc::clone(&inbox),
            clock: Arc::clone(&shared.clock),
            room: Room::new(number, shared.options, shared.metrics.clone(), rand::random()),
            messages: VecDeque::new(),
            channels: VecDeque::new(),
            fetches: shared.fetches.clone(),
            retry: Vec::new(),
            next_tick: now.plus(TICK),
            drained: shared.drained.clone(),
            draining: false,
        };
        let name = format!("delivery-{number}");
        let thread = thread::Builder::new().name(name).spawn(move || worker.run())?;
        Ok((inbox, thread))
    }

    fn run(mut self) {
        let mut events = Events::with_capacity(POLLED_MAX);
        loop {
            match panic::catch_unwind(AssertUnwindSafe(|| self.step(&mut events))) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return,
                Err(_) => self.begin_anew(),
            }
        }
    }

    fn step(&mut self, events: &mut Events) -> ControlFlow<()> {
        let timeout = self.timeout();
        match self.poll.poll(events, Some(timeout)) {
            Ok(()) => self.turn(events),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => ControlFlow::Continue(()),
            Err(error) => {
                tracing::error!(worker = self.number, %error, "the poller failed");
                ControlFlow::Break(())
            }
        }
    }

    /// Forgets a state that can't be trusted after a panic.
    fn begin_anew(&mut self) {
        let readers = self.room.len();
        tracing::error!(
            worker = self.number,
            readers,
            "a worker panicked; its readers are cut off"
        );
        self.room.cut_all();
    }

    fn timeout(&self) -> Duration {
        let is_left_over = !self.messages.is_empty() || !self.channels.is_empty();
        if self.room.is_unfinished() || is_left_over {
            return Duration::ZERO;
        }
        let next = self.room.next_deadline().map_or(self.next_tick, |at| at.min(self.next_tick));
        // A poller counts in whole milliseconds; one more keeps it from waking just too early.
        next.since(self.clock.mono()) + Duration::from_millis(1)
    }

    fn turn(&mut self, events: &Events) -> ControlFlow<()> {
        for event in events {
            if event.token() != INBOX {
                self.on_socket(event);
            }
        }
        let Content { messages, channels } = self.inbox.take();
        self.messages.extend(messages);
        self.channels.extend(channels);
        while let Some(message) = self.messages.pop_front() {
            if matches!(message, Message::Stop) {
                return ControlFlow::Break(());
            }
            self.on_message(message);
        }
        let mut now = self.clock.mono();
        while let Some(channel) = self.channels.pop_front() {
            let round = self.room.on_channel(&channel, now);
            now = self.clock.mono();
            if let Some(round) = round {
                self.room.end_round(round, now);
            }
        }
        self.room.go_on(now);
        self.room.on_deadline(now);
        if now >= self.next_tick {
            self.next_tick = now.plus(TICK);
            self.room.on_tick(now);
            self.ask_again();
        }
        self.grant_wishes();
        self.report_drained();
        ControlFlow::Continue(())
    }

    fn on_socket(&mut self, event: &mio::event::Event) {
        let key = ReaderKey::from_bits(event.token().0 as u64);
        let now = self.clock.mono();
        if event.is_writable() {
            self.room.on_writable(key, now);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.room.on_readable(key, now);
        }
    }

    fn on_message(&mut self, message: Message) {
        let now = self.clock.mono();
        match message {
            Message::Admit(admission) => {
                let key = self.room.admit(*admission, now);
                self.register(key);
            }
            Message::Page(key, id, fetched) => self.room.on_page(key, id, fetched, now),
            Message::Reply(key, reply) => self.room.on_reply(key, reply, now),
            Message::Passes(stream) => self.room.on_passes(&stream, now),
            Message::Drain(over) => {
                self.draining = true;
                self.room.drain(over, now);
            }
            #[cfg(feature = "inject")]
            Message::Inject(faults) => self.room.inject(faults),
            Message::Stop => {}
        }
    }

    /// Registered once for both directions; edges come only after a full or an empty buffer.
    fn register(&mut self, key: ReaderKey) {
        let token = Token(key.to_bits() as usize);
        let Some(socket) = self.room.socket_mut(key) else { return };
        let interests = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(socket, token, interests) {
            tracing::error!(worker = self.number, %error, "a socket could not be registered");
            self.room.on_lost(key);
        }
    }

    fn grant_wishes(&mut self) {
        for wish in self.room.take_wishes() {
            match wish {
                Wish::Fetch { reader, subscription, stream, after } => {
                    let worker = self.number;
                    self.ask(Fetch { worker, reader, subscription, stream, after });
                }
                Wish::Converse { reader, session, messages } => {
                    let back = Conversation::new(Arc::clone(&self.inbox), reader);
                    session.take(back, messages);
                }
            }
        }
    }

    fn ask(&mut self, fetch: Fetch) {
        if let Err(error) = self.fetches.try_send(fetch) {
            self.retry.push(error.into_inner());
        }
    }

    fn ask_again(&mut self) {
        for fetch in std::mem::take(&mut self.retry) {
            if self.room.awaits(fetch.reader, fetch.subscription) {
                self.ask(fetch);
            }
        }
    }

    fn report_drained(&mut self) {
        if self.draining && self.room.is_empty() {
            self.draining = false;
            // Bounded by one report a worker and drain, for which there is room.
            let _ = self.drained.try_send(self.number);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.inbox.close();
        self.room.cut_all();
    }
}
