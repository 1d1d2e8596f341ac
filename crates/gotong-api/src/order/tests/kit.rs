//! A log and a database in memory, which fail when they are told to.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use broker::{
    Append, AppendError, Appended, Attachment, BoxFuture, Broker, BrokerHealth, Item, MemoryBroker,
    NewEvent, Opening, Page, PageLimit, ReadError, SystemClock, Watch, memory::log::WindowLimits,
};
use event::{After, Epoch, Ledger, Position, Seq, StreamName};
use node_runtime::Tasks;
use parking_lot::{Mutex, RwLock};
use store::{Amended, ChatError, Head, Message, Privacy, QueryError, Requested, Thread};
use tokio::time::timeout;

use crate::{
    domain::{Draft, message_id},
    order::{Placed, Rows, SendError, Sequencer, SequencerOptions, ThreadBroker, ThreadLog},
};

/// How long anything may take before a test is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long is waited for what must not come.
const SILENCE: Duration = Duration::from_millis(100);

pub(super) fn draft(body: &str) -> Draft {
    Draft::new(body, &[], None).expect("a message")
}

/// A process with a log and a database.
pub(super) struct Stage {
    pub(super) rows: Arc<FakeRows>,
    pub(super) log: Arc<FakeLog>,
    pub(super) sequencer: Arc<Sequencer>,
    patience: Duration,
    pub(super) tasks: Tasks,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tasks.ask_to_end();
    }
}

impl Stage {
    pub(super) fn new() -> Arc<Self> {
        Stage::over(Arc::default(), FakeLog::new(false), PATIENCE)
    }

    /// One whose senders do not wait long.
    pub(super) fn impatient() -> Arc<Self> {
        Stage::over(Arc::default(), FakeLog::new(false), Duration::from_millis(300))
    }

    /// One of several with the same log.
    pub(super) fn shared() -> Arc<Self> {
        Stage::over(Arc::default(), FakeLog::new(true), PATIENCE)
    }

    /// One of several that gives numbers and then brings nothing to the database.
    pub(super) fn dying(&self) -> Arc<Self> {
        let (rows, log) = (Arc::clone(&self.rows), Arc::clone(&self.log));
        Stage::idle(rows, log, Duration::from_millis(50), Tasks::default())
    }

    /// One that has at most so many threads open, and brings nothing to the database by itself.
    pub(super) fn small(threads_max: usize) -> Arc<Self> {
        let options = SequencerOptions { patience: PATIENCE, threads_max };
        Stage::with(Arc::default(), FakeLog::new(false), options, Tasks::default())
    }

    fn over(rows: Arc<FakeRows>, log: Arc<FakeLog>, patience: Duration) -> Arc<Self> {
        let tasks = Tasks::default();
        let stage = Stage::idle(rows, log, patience, tasks.clone());
        let run = Arc::clone(&stage.sequencer).run(tasks.shutdown(), Duration::ZERO);
        tasks.spawn("writer", run);
        stage
    }

    fn idle(rows: Arc<FakeRows>, log: Arc<FakeLog>, patience: Duration, tasks: Tasks) -> Arc<Self> {
        let options = SequencerOptions { patience, ..SequencerOptions::default() };
        Stage::with(rows, log, options, tasks)
    }

    fn with(
        rows: Arc<FakeRows>,
        log: Arc<FakeLog>,
        options: SequencerOptions,
        tasks: Tasks,
    ) -> Arc<Self> {
        let sequencer = Sequencer::new(
            Arc::clone(&log) as Arc<dyn ThreadLog>,
            Arc::clone(&rows) as Arc<dyn Rows>,
            Arc::new(SystemClock::new()),
            options,
        );
        Arc::new(Stage { rows, log, sequencer, patience: options.patience, tasks })
    }

    /// Ends the process with its logs, and starts another one over the same database.
    pub(super) fn restart(&self) -> Arc<Self> {
        self.tasks.ask_to_end();
        Stage::over(Arc::clone(&self.rows), FakeLog::new(false), self.patience)
    }

    /// Starts another process over the same log and the same database.
    pub(super) fn with_another_process(&self) -> Arc<Self> {
        Stage::over(Arc::clone(&self.rows), Arc::clone(&self.log), PATIENCE)
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.sequencer.now_ms()
    }

    pub(super) async fn send(
        &self,
        thread: &str,
        body: &str,
        request_id: Option<&str>,
    ) -> Result<Placed, SendError> {
        self.send_as(thread, "alice", body, request_id).await
    }

    pub(super) async fn send_as(
        &self,
        thread: &str,
        author: &str,
        body: &str,
        request_id: Option<&str>,
    ) -> Result<Placed, SendError> {
        let cell = self.sequencer.open(thread).await.expect("it opens");
        self.sequencer.send(&cell, author, &draft(body), request_id).await
    }

    pub(super) async fn attach(&self, thread: &str, after: &After) -> (Opening, Attachment) {
        let threads: Arc<dyn Broker> = Arc::new(ThreadBroker::new(Arc::clone(&self.sequencer)));
        let stream = StreamName::thread(thread).expect("a name");
        threads.attach(&stream, after).await.expect("it attaches")
    }

    /// Waits for the next message; `None` where none comes in a while although nothing forbids it.
    pub(super) async fn next(&self, reader: &mut Attachment) -> Option<u64> {
        let patience = if self.rows.is_down.load(SeqCst) { SILENCE } else { PATIENCE };
        match timeout(patience, reader.next()).await.ok()?.expect("it answers")? {
            Item::Event(event) => Some(event.position.seq.0),
            Item::Gap(gap) => panic!("a gap: {gap:?}"),
        }
    }
}

/// The log of each thread, which can be lost.
pub(super) struct FakeLog {
    inner: RwLock<Arc<MemoryBroker>>,
    is_shared: bool,
    /// Held by a test, it holds up reading the thread `slow`.
    pub(super) slow: tokio::sync::Mutex<()>,
}

impl FakeLog {
    fn new(is_shared: bool) -> Arc<Self> {
        Arc::new(FakeLog {
            inner: RwLock::new(empty()),
            is_shared,
            slow: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn lose_everything(&self) {
        *self.inner.write() = empty();
    }

    /// Comes back with all events of a thread, which somebody remembered, and with no key.
    pub(super) async fn forget_keys(&self, thread: &str) {
        let (before, stream) = (self.inner(), StreamName::thread(thread).expect("a name"));
        let page = before.page(&stream, &After::Oldest, PageLimit::MAX).await.expect("it answers");
        self.lose_everything();
        let (now, mut expected) = (self.inner(), None);
        for event in &*page.events {
            let seq = event.position.seq;
            if expected.is_none() {
                now.raise(&stream, seq.prev()).expect("it is raised");
            }
            let (name, json) = (event.name.clone(), event.json.clone());
            let again = NewEvent { id: event.id, name, json };
            now.append(&stream, Append::one(again)).await.expect("it is appended");
            assert_eq!(*expected.get_or_insert(seq), seq, "it has its place again");
            expected = Some(seq.next());
        }
    }

    fn inner(&self) -> Arc<MemoryBroker> {
        Arc::clone(&self.inner.read())
    }
}

fn empty() -> Arc<MemoryBroker> {
    let limits = WindowLimits { events_max: 1024, age_max: Duration::from_secs(3600) };
    Arc::new(MemoryBroker::new(limits, Arc::new(SystemClock::new())))
}

impl ThreadLog for FakeLog {
    fn raise<'a>(
        &'a self,
        stream: &'a StreamName,
        to: Seq,
    ) -> BoxFuture<'a, Result<(), ReadError>> {
        Box::pin(async move { self.inner().raise(stream, to) })
    }

    fn epoch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Option<Epoch>, ReadError>> {
        Box::pin(async move { Ok(Some(self.inner().head(stream).await?.epoch)) })
    }

    fn append_within<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
        epoch: Option<Epoch>,
    ) -> BoxFuture<'a, Result<Option<Appended>, AppendError>> {
        Box::pin(async move {
            let inner = self.inner();
            let now = inner.head(stream).await.expect("memory answers").epoch;
            match epoch.is_none_or(|epoch| epoch == now) {
                true => inner.append(stream, append).await.map(Some),
                false => Ok(None),
            }
        })
    }

    fn forget(&self, stream: &StreamName) {
        if !self.is_shared {
            self.inner().forget(stream);
        }
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }
}

impl Broker for FakeLog {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(async move { self.inner().append(stream, append).await })
    }

    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            if *stream == StreamName::thread("slow").expect("a name") {
                drop(self.slow.lock().await);
            }
            self.inner().page(stream, after, limit).await
        })
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        Box::pin(async move { self.inner().head(stream).await })
    }

    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        Box::pin(async move { self.inner().ledger(stream).await })
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        Box::pin(async move { self.inner().watch(stream).await })
    }

    fn health(&self) -> BrokerHealth {
        self.inner().health()
    }
}

/// A database of which nothing is lost, and which does not always answer. Every thread is there but
/// `nobody's`.
#[derive(Debug, Default)]
pub(super) struct FakeRows {
    messages: Mutex<BTreeMap<(String, u64), Message>>,
    /// Whether nothing is written.
    pub(super) is_down: AtomicBool,
    /// Whether nothing is answered at all.
    pub(super) is_deaf: AtomicBool,
    /// How many of the next writes are made without an answer.
    pub(super) answers_lost: AtomicU64,
    /// How many requests were looked for.
    pub(super) looked: AtomicU64,
    /// How many groups were written.
    pub(super) groups: AtomicU64,
    /// How many were begun to be written.
    pub(super) begun: AtomicU64,
    /// Held by a test, it holds up writing.
    pub(super) gate: tokio::sync::Mutex<()>,
    /// Held by a test, it holds up looking for requests.
    pub(super) lookups: tokio::sync::RwLock<()>,
}

impl FakeRows {
    /// Puts a message there behind everybody's back, as of long ago.
    pub(super) fn put(&self, thread: &str, seq: u64, body: &str) {
        self.put_at(thread, seq, body, 1 << 10);
    }

    /// Puts one there as of a time in milliseconds.
    pub(super) fn put_at(&self, thread: &str, seq: u64, body: &str, at_ms: u64) {
        let id = event::EventId::from_bits(u128::from(seq) + (u128::from(at_ms) << 80));
        let message = Message {
            thread_id: thread.to_owned(),
            seq,
            message_id: message_id(id),
            author_id: "somebody".to_owned(),
            body: body.to_owned(),
            attachments: Vec::new(),
            created_at_ms: id.unix_ms().0,
            request_id: None,
            correlation_id: None,
        };
        self.messages.lock().insert((thread.to_owned(), seq), message);
    }

    pub(super) fn bodies(&self, thread: &str) -> Vec<String> {
        let messages = self.messages.lock();
        let of_thread = messages.values().filter(|message| message.thread_id == thread);
        of_thread.map(|message| message.body.clone()).collect()
    }

    fn outage(&self) -> ChatError {
        QueryError::Unreachable { what: "it is told to fail".to_owned() }.into()
    }

    fn answering(&self) -> Result<(), ChatError> {
        if self.is_deaf.load(SeqCst) { Err(self.outage()) } else { Ok(()) }
    }

    fn write_now(&self, messages: &[Message]) -> Result<(), ChatError> {
        if self.is_down.load(SeqCst) {
            return Err(self.outage());
        }
        self.groups.fetch_add(1, SeqCst);
        let mut rows = self.messages.lock();
        for message in messages {
            let key = (message.thread_id.clone(), message.seq);
            let there = rows.entry(key).or_insert_with(|| message.clone());
            if there != message {
                let id = format!("{} {}", message.thread_id, message.seq);
                let fields = vec!["body"];
                let difference = store::Difference { table: "message", id, fields };
                return Err(ChatError::Differs(difference));
            }
        }
        let lost = self.answers_lost.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        lost.map_or(Ok(()), |_| Err(self.outage()))
    }

    fn of(&self, thread: &str, after: u64) -> Vec<Message> {
        let rows = self.messages.lock();
        let range = (thread.to_owned(), after + 1)..=(thread.to_owned(), u64::MAX);
        rows.range(range).map(|(_, message)| message.clone()).collect()
    }
}

impl Rows for FakeRows {
    fn thread<'a>(&'a self, thread: &'a str) -> BoxFuture<'a, Result<Option<Thread>, ChatError>> {
        Box::pin(async move {
            self.answering()?;
            Ok((thread != "nobody's").then(|| Thread {
                thread_id: thread.to_owned(),
                org_id: "org_a".to_owned(),
                scope_id: "scope".to_owned(),
                privacy_level: Privacy::Public,
                created_by: "alice".to_owned(),
                created_at_ms: 1,
            }))
        })
    }

    fn head<'a>(&'a self, thread: &'a str) -> BoxFuture<'a, Result<Head, ChatError>> {
        Box::pin(async move {
            self.answering()?;
            let messages = self.of(thread, 0);
            let seq = messages.last().map_or(0, |last| last.seq);
            Ok(Head { seq, missing: seq - messages.len() as u64 })
        })
    }

    fn write<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), ChatError>> {
        Box::pin(async move {
            // A database takes its time; others get on meanwhile.
            tokio::task::yield_now().await;
            self.begun.fetch_add(1, SeqCst);
            drop(self.gate.lock().await);
            self.write_now(messages)
        })
    }

    fn read<'a>(
        &'a self,
        thread: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Amended>, ChatError>> {
        Box::pin(async move {
            self.answering()?;
            let messages = self.of(thread, after).into_iter().take(limit);
            Ok(messages.map(|message| Amended { message, amendment: None }).collect())
        })
    }

    fn requests<'a>(
        &'a self,
        thread: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Requested>, ChatError>> {
        Box::pin(async move {
            self.answering()?;
            let of = |message: Message| Requested {
                author_id: message.author_id,
                request_id: message.request_id,
                created_at_ms: message.created_at_ms,
            };
            Ok(self.of(thread, after).into_iter().take(limit).map(of).collect())
        })
    }

    fn of_request<'a>(
        &'a self,
        thread: &'a str,
        author: &'a str,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Message>, ChatError>> {
        Box::pin(async move {
            let _held = self.lookups.read().await;
            self.looked.fetch_add(1, SeqCst);
            self.answering()?;
            let is_it = |message: &Message| {
                message.author_id == author && message.request_id.as_deref() == Some(request_id)
            };
            Ok(self.of(thread, 0).into_iter().filter(is_it).collect())
        })
    }

    fn seq_of<'a>(
        &'a self,
        thread: &'a str,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<u64>, ChatError>> {
        Box::pin(async move {
            let messages = self.of(thread, 0);
            Ok(messages.iter().find(|m| m.message_id == message_id).map(|m| m.seq))
        })
    }
}

/// Waits until a condition holds.
pub(super) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
