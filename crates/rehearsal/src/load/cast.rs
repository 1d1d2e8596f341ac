//! Who plays what: a seat for every reader and member, and who sends where. Pure.

use std::time::Duration;

use parking_lot::Mutex;

use super::{
    LoadSettings,
    keys::member_name,
    seat::{Seat, SeatState, Stays},
    sender::{Lane, Sender},
    settings::Churn,
    wire::{Target, Transport, Way},
};

/// Returns the seats: readers of the organisation's events, and every member in one thread.
pub(super) fn seats(settings: &LoadSettings, threads: &[String]) -> Vec<Seat> {
    let seat = |name: String, key: &String, transport, target, stream| Seat {
        name,
        way: Way { router: settings.router, key: key.clone(), transport, target },
        stream,
        stays: None,
        state: Mutex::new(SeatState::default()),
    };
    let churn = settings.churn;
    let readers = settings.keys.readers.iter().enumerate().map(|(index, key)| {
        let (word, transport) = match index % 2 {
            0 => ("sse", Transport::Sse),
            _ => ("websocket", Transport::WebSocket),
        };
        let reader = seat(format!("reader-{index} ({word})"), key, transport, Target::Events, 0);
        Seat { stays: churn.filter(|churn| comes_and_goes(churn, index)).map(stays), ..reader }
    });
    let members = settings.keys.members.iter().enumerate();
    let members = members.filter(|_| !threads.is_empty()).map(|(index, key)| {
        let thread = index % threads.len();
        let name = format!("{} (thread {thread})", member_name(index));
        let target = Target::Thread(threads[thread].clone());
        seat(name, key, Transport::Sse, target, thread + 1)
    });
    readers.chain(members).collect()
}

/// Returns whether a reader is one of those that come and go. Readers stand in the order of their
/// buckets and have the transports in turn: those that do are spread over both.
fn comes_and_goes(churn: &Churn, index: usize) -> bool {
    let before = |pairs: usize| pairs * usize::from(churn.percent) / 100;
    before(index / 2 + 1) > before(index / 2)
}

fn stays(churn: Churn) -> Stays {
    Stays {
        stay: Duration::from_secs_f64(churn.stay_seconds),
        away: Duration::from_secs_f64(churn.away_seconds),
    }
}

/// Returns to which stream each lane goes, and who sends. Stream 0 is the organisation's, the threads
/// follow.
pub(super) fn senders(settings: &LoadSettings, threads: &[String]) -> (Vec<usize>, Vec<Sender>) {
    let (mut streams, mut senders) = (Vec::new(), Vec::new());
    let mut lane = |stream: usize, thread: Option<&String>| {
        let number = u32::try_from(streams.len()).unwrap_or(u32::MAX);
        streams.push(stream);
        Lane { number, thread: thread.cloned() }
    };
    let repeat_every = settings.repeat_every;
    let publishers = &settings.keys.publishers;
    if let Some(every) = every(publishers.len(), settings.events_per_second) {
        for key in publishers {
            let lanes = vec![lane(0, None)];
            senders.push(Sender { key: key.clone(), lanes, every, repeat_every });
        }
    }
    let members = &settings.keys.members;
    let rate = settings.chat.map_or(0.0, |chat| chat.messages_per_second);
    if let Some(every) = every(members.len(), rate).filter(|_| !threads.is_empty()) {
        for key in members {
            let lanes = threads.iter().enumerate();
            let lanes = lanes.map(|(index, thread)| lane(index + 1, Some(thread))).collect();
            senders.push(Sender { key: key.clone(), lanes, every, repeat_every });
        }
    }
    (streams, senders)
}

/// Returns how often each of so many sends, for a rate of all of them.
fn every(count: usize, per_second: f64) -> Option<Duration> {
    let is_some = count > 0 && per_second > 0.0;
    is_some.then(|| Duration::from_secs_f64(count as f64 / per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_goes_is_spread_over_buckets_and_transports() {
        let churn = |percent| Churn { percent, ..Churn::default() };
        let who = |percent: u8, of: std::ops::Range<usize>| {
            of.filter(|&index| comes_and_goes(&churn(percent), index)).collect::<Vec<_>>()
        };
        assert_eq!([0, 75, 100].map(|percent| who(percent, 0..200).len()), [0, 150, 200]);
        // Of the canary's share, and of either transport.
        assert_eq!(who(50, 0..40).len(), 20);
        assert_eq!(who(50, 0..200).iter().filter(|&index| index % 2 == 0).count(), 50);
    }
}
