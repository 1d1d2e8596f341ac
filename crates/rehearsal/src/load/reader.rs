//! Readers: each follows one stream, comes back after every end behind what it has, and waits as long as
//! it was told to. Some come and go by themselves.

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Shared,
    facts::Origin,
    seat::{Left, Seat, Stays},
    stamp::Said,
    wire::{Ended, Message, Stream, Target},
};

/// After so long without a byte a stream counts as broken: it is almost three heartbeats.
const SILENCE_MAX: Duration = Duration::from_secs(40);

/// How long a reader rests after a break, and at most while nothing can be opened.
const REST: Duration = Duration::from_millis(200);
const REST_MAX: Duration = Duration::from_secs(2);

/// The longest that a server may send a reader away for.
const AWAY_MAX: Duration = Duration::from_secs(30);

/// How often one that wants to leave looks whether it may.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Reads until it is aborted.
pub(super) async fn read(shared: Arc<Shared>, index: usize) {
    let seat = &shared.seats[index];
    let mut rest = REST;
    loop {
        let after = seat.state.lock().record.cursor().map(str::to_owned);
        let pause = match Stream::open(&seat.way, after.as_deref()).await {
            Ok(stream) => {
                seat.state.lock().opened(stream.arm);
                rest = REST;
                let left = follow(&shared, seat, stream).await;
                seat.state.lock().left(&left);
                match left {
                    Left::Goodbye(retry_ms) => Duration::from_millis(retry_ms).min(AWAY_MAX),
                    Left::Silent | Left::Ended(_) => about(REST),
                    Left::Gone => seat.stays.map_or(REST, |stays| about(stays.away)),
                }
            }
            Err(ended) => {
                seat.state.lock().not_opened(&ended);
                let told = match ended {
                    Ended::Refused { retry_after, .. } => retry_after.map(Duration::from_secs),
                    _ => None,
                };
                rest = (rest * 2).min(REST_MAX);
                about(told.unwrap_or(rest)).min(AWAY_MAX)
            }
        };
        sleep(pause).await;
    }
}

/// Returns a time between half and one and a half of it, so that not everybody comes at once.
pub(super) fn about(time: Duration) -> Duration {
    time.mul_f64(rand::rng().random_range(0.5..1.5))
}

/// Follows a stream to its end, or until its time to leave. Who misses something that may still come
/// stays for it: it would come back behind it, and nothing was lost by the server.
async fn follow(shared: &Shared, seat: &Seat, mut stream: Stream) -> Left {
    let leaves = seat.stays.map(|Stays { stay, .. }| Instant::now() + about(stay));
    let mut heard = Instant::now();
    loop {
        let to_leave = leaves.map(|at| at.saturating_duration_since(Instant::now()));
        if to_leave == Some(Duration::ZERO) && may_leave(shared, seat) {
            stream.leave().await;
            return Left::Gone;
        }
        let wait = to_leave.map_or(SILENCE_MAX, |time| time.max(LOOK_EVERY).min(SILENCE_MAX));
        match timeout(wait, stream.next()).await {
            Ok(Ok(message)) => {
                heard = Instant::now();
                if let Some(retry_ms) = take(shared, seat, message) {
                    return Left::Goodbye(retry_ms);
                }
            }
            Ok(Err(ended)) => return Left::Ended(ended),
            Err(_) if heard.elapsed() >= SILENCE_MAX => return Left::Silent,
            Err(_) => {}
        }
    }
}

/// One leaves behind the beginning of its stream, and with nothing missing.
fn may_leave(shared: &Shared, seat: &Seat) -> bool {
    let mut state = seat.state.lock();
    state.has_begun && !state.record.has_holes(shared.now_ms())
}

/// Takes a message; returns after how long to come back where it is the last one.
fn take(shared: &Shared, seat: &Seat, message: Message) -> Option<u64> {
    match message {
        Message::Begins(place) => {
            let mut state = seat.state.lock();
            state.has_begun = true;
            state.record.begins(place);
        }
        Message::Event { place, json } => {
            let said = match seat.way.target {
                Target::Events => shared.run.read_event(&json),
                Target::Thread(_) => shared.run.read_message(&json, place.seq),
            };
            let origin = match said {
                Said::Ours { stamp, id } => shared.facts.lock().see(stamp, id),
                Said::Altered | Said::Foreign => Origin::Nobody,
            };
            seat.state.lock().record.event(place, said, origin, shared.now_ms());
        }
        Message::Gap { reason, resumes_at } => {
            let begun = shared.facts.lock().begun_on(seat.stream);
            seat.state.lock().record.gap(&reason, resumes_at, begun);
        }
        Message::Goodbye { retry_ms } => return Some(retry_ms),
        Message::Other => {}
    }
    None
}
