//! One direction of one connection: what was read, delayed and harmed as the plan says, and written.
//!
//! Reading goes on beside writing, in a bounded queue, so that latency delays data without slowing
//! it down.

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{ReadHalf, WriteHalf},
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    plan::{Exposure, Plan},
    toxic::{Direction, Toxics},
};

/// How many reads wait for being written.
const QUEUE: usize = 1024;

/// How many bytes one read takes.
const READ_BYTES: usize = 16 * 1024;

/// How a direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// One side closed, and the other was told.
    Passed,
    /// The connection is to be cut.
    Cut,
    /// The connection is to be reset.
    Reset,
}

/// What was read at once.
struct Chunk {
    bytes: Bytes,
    came: Instant,
    /// Where its delay lies in the jitter.
    die: f64,
}

struct Writer<'a> {
    to: WriteHalf<'a>,
    direction: Direction,
    toxics: watch::Receiver<Toxics>,
    exposure: Exposure,
    plan: Plan,
    sent: u64,
    /// Until when bandwidth or slicer hold everything back.
    free_at: Instant,
}

/// Passes on what is read, until an end.
pub(super) async fn pass(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    direction: Direction,
    toxics: watch::Receiver<Toxics>,
) -> End {
    let (queue, read) = mpsc::channel(QUEUE);
    let (exposure, plan) = (Exposure::default(), Plan::default());
    let free_at = Instant::now();
    let mut writer = Writer { to, direction, toxics, exposure, plan, sent: 0, free_at };
    let reading = async {
        fill(from, queue).await;
        std::future::pending().await
    };
    tokio::select! {
        end = writer.run(read) => end,
        end = reading => end,
    }
}

async fn fill(mut from: ReadHalf<'_>, queue: mpsc::Sender<(Instant, Bytes)>) {
    loop {
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        match from.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if queue.send((Instant::now(), buffer.freeze())).await.is_err() {
            return;
        }
    }
}

impl Writer<'_> {
    async fn run(&mut self, mut read: mpsc::Receiver<(Instant, Bytes)>) -> End {
        self.toxics.mark_changed();
        let mut chunk: Option<Chunk> = None;
        let mut ended: Option<Instant> = None;
        loop {
            let write_at = chunk.as_ref().map(|chunk| self.due(chunk));
            let close_at = ended.filter(|_| chunk.is_none() && self.may_close());
            let close_at = close_at.map(|ended| ended + self.plan.close_delay);
            tokio::select! {
                biased;
                changed = self.toxics.changed() => {
                    if changed.is_err() || self.take_in() {
                        return End::Cut;
                    }
                }
                () = at(self.plan.reset_at) => return End::Reset,
                () = at(self.plan.close_at) => return End::Cut,
                () = at(close_at) => {
                    let _ = self.to.shutdown().await;
                    return End::Passed;
                }
                next = read.recv(), if chunk.is_none() && ended.is_none() => match next {
                    Some(_) if self.plan.black_hole => {}
                    Some((came, bytes)) => {
                        chunk = Some(Chunk { bytes, came, die: rand::random() });
                    }
                    None => ended = Some(Instant::now()),
                },
                () = at(write_at) => {
                    if let Some(due) = &mut chunk && !self.write(&mut due.bytes).await {
                        return End::Cut;
                    }
                    chunk = chunk.filter(|chunk| !chunk.bytes.is_empty());
                }
            }
        }
    }

    fn due(&self, chunk: &Chunk) -> Instant {
        (chunk.came + self.plan.delay(chunk.die)).max(self.free_at)
    }

    fn may_close(&self) -> bool {
        !self.plan.half_open && !self.plan.black_hole
    }

    /// Takes in the toxics as they are now; returns whether a black hole was lifted.
    fn take_in(&mut self) -> bool {
        let toxics = self.toxics.borrow_and_update().clone();
        let swallowed = self.plan.black_hole;
        self.free_at = Instant::now();
        self.plan = self.exposure.plan(&toxics, self.direction, self.sent, rand::random);
        swallowed && !self.plan.black_hole
    }

    /// Writes one piece; returns whether the connection goes on.
    async fn write(&mut self, bytes: &mut Bytes) -> bool {
        if self.plan.black_hole {
            bytes.clear();
            return true;
        }
        let piece = self.plan.piece(bytes.len(), self.sent, rand::random());
        let wrote = tokio::select! {
            biased;
            // A peer that does not read must not keep a change from taking hold.
            _ = changed(&self.toxics) => return true,
            () = at(self.plan.reset_at) => return true,
            () = at(self.plan.close_at) => return true,
            wrote = self.to.write(&bytes[..piece]) => wrote,
        };
        let Ok(wrote @ 1..) = wrote else { return false };
        bytes.advance(wrote);
        self.sent += wrote as u64;
        self.free_at = Instant::now() + self.plan.rest(wrote);
        self.plan.limit.is_none_or(|limit| self.sent < limit)
    }
}

/// Waits for a change without taking it in.
async fn changed(toxics: &watch::Receiver<Toxics>) {
    let mut toxics = toxics.clone();
    if toxics.changed().await.is_err() {
        std::future::pending().await
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
