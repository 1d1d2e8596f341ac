//! Readers: each follows one stream, comes back after every end behind what it has, and waits as long as
//! it was told to.

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use tokio::time::{sleep, timeout};

use super::{
    Shared,
    facts::Origin,
    seat::{Left, Seat},
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

/// Reads until it is aborted.
pub(super) async fn read(shared: Arc<Shared>, index: usize) {
    let seat = &shared.seats[index];
    let mut rest = REST;
    loop {
        let after = seat.state.lock().record.cursor().map(str::to_owned);
        let pause = match Stream::open(&seat.way, after.as_deref()).await {
            Ok(stream) => {
                seat.state.lock().opened(stream.arm);
                let left = follow(&shared, seat, stream).await;
                seat.state.lock().left(&left);
                match left {
                    Left::Goodbye(retry_ms) => Duration::from_millis(retry_ms).min(AWAY_MAX),
                    Left::Silent | Left::Ended(_) => about(REST),
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
        if pause <= REST * 2 {
            rest = REST;
        }
        sleep(pause).await;
    }
}

/// Returns a time between half and one and a half of it, so that not everybody comes at once.
pub(super) fn about(time: Duration) -> Duration {
    time.mul_f64(rand::rng().random_range(0.5..1.5))
}

async fn follow(shared: &Shared, seat: &Seat, mut stream: Stream) -> Left {
    loop {
        match timeout(SILENCE_MAX, stream.next()).await {
            Ok(Ok(message)) => {
                if let Some(retry_ms) = take(shared, seat, message) {
                    return Left::Goodbye(retry_ms);
                }
            }
            Ok(Err(ended)) => return Left::Ended(ended),
            Err(_) => return Left::Silent,
        }
    }
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
        Message::Gap { reason, resumes_at } => seat.state.lock().record.gap(&reason, resumes_at),
        Message::Goodbye { retry_ms } => return Some(retry_ms),
        Message::Other => {}
    }
    None
}
