//! Chat's threads: made before the load begins, and read back in the end.

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::{
    ChatLedger, LoadError, Shared,
    facts::Facts,
    stamp::{Said, Stamp},
};
use crate::http::{Ask, Http};

const THREADS: &str = "/v1/chat/threads";

/// How many messages a page has, and how many pages are read at most.
const PAGE: u64 = 200;
const PAGES_MAX: usize = 10_000;

/// How long a thread may take to be made or read back, and how long is waited between attempts.
const PATIENCE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
struct Made {
    thread_id: String,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

/// Makes so many threads, of which everybody is a member.
pub(super) async fn make(
    http: &Http,
    router: SocketAddr,
    members: &[String],
    count: usize,
) -> Result<Vec<String>, LoadError> {
    let Some(owner) = members.first() else {
        return Err(LoadError::Settings("a chat has one member at least".into()));
    };
    let mut threads = Vec::new();
    for _ in 0..count {
        let body = r#"{"scope_id":"rehearsal","privacy_level":"public"}"#;
        let made = post(http, router, THREADS, owner, body, 201).await?;
        let Made { thread_id } = serde_json::from_slice(&made)
            .map_err(|error| LoadError::Chat(format!("a new thread is no thread: {error}")))?;
        for member in &members[1..] {
            let path = format!("{THREADS}/{thread_id}/join");
            post(http, router, &path, member, "{}", 200).await?;
        }
        threads.push(thread_id);
    }
    Ok(threads)
}

/// Posts until it is taken: a database may need a moment.
async fn post(
    http: &Http,
    router: SocketAddr,
    path: &str,
    key: &str,
    body: &str,
    expected: u16,
) -> Result<Vec<u8>, LoadError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let why = match http.ask(router, Ask::post(path, key, body.to_owned())).await {
            Ok(answer) if answer.status == expected || answer.status == 201 => {
                return Ok(answer.body);
            }
            Ok(answer) if answer.status < 500 => {
                let said = String::from_utf8_lossy(&answer.body);
                let status = answer.status;
                return Err(LoadError::Chat(format!("POST {path}: {status} {said}")));
            }
            Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
            Err(error) => error.to_string(),
        };
        if Instant::now() > until {
            return Err(LoadError::Chat(format!("POST {path}: {why}")));
        }
        sleep(AGAIN).await;
    }
}

/// Reads every thread back, and compares it with what was acknowledged.
pub(super) async fn read_back(shared: &Shared, threads: &[String], key: &str) -> ChatLedger {
    let mut ledger = ChatLedger::default();
    for (index, thread) in threads.iter().enumerate() {
        let mut reading = Reading::default();
        match pages(shared, thread, key, &mut reading).await {
            Ok(()) => {
                ledger.threads += 1;
                // The streams are the organisation's events and then the threads.
                reading.end(&shared.facts.lock(), index + 1, &mut ledger);
            }
            Err(why) => ledger.troubles.push(format!("{thread}: {why}")),
        }
    }
    ledger
}

async fn pages(
    shared: &Shared,
    thread: &str,
    key: &str,
    reading: &mut Reading,
) -> Result<(), String> {
    let until = Instant::now() + PATIENCE;
    for _ in 0..PAGES_MAX {
        let after = reading.next.saturating_sub(1);
        let path = format!("{THREADS}/{thread}/messages?after={after}&limit={PAGE}");
        let why = match shared.http.ask(shared.router, Ask::get(&path, Some(key))).await {
            Ok(answer) if answer.status == 200 => {
                let page: Page<'_> =
                    serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
                for message in &page.messages {
                    let json = message.get().as_bytes();
                    let Numbered { seq } =
                        serde_json::from_slice(json).map_err(|error| error.to_string())?;
                    reading.take(seq, shared.run.read_message(json, seq));
                }
                if !page.has_more {
                    return Ok(());
                }
                continue;
            }
            Ok(answer) => format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
            Err(error) => error.to_string(),
        };
        if Instant::now() > until {
            return Err(why);
        }
        sleep(AGAIN).await;
    }
    Err("its pages do not end".into())
}

/// One thread that is read back.
#[derive(Debug)]
struct Reading {
    /// The number that has to come.
    next: u64,
    stamps: HashSet<Stamp>,
    found: ChatLedger,
}

impl Default for Reading {
    fn default() -> Self {
        Reading { next: 1, stamps: HashSet::new(), found: ChatLedger::default() }
    }
}

impl Reading {
    fn take(&mut self, seq: u64, said: Said) {
        self.found.messages += 1;
        self.found.lost += seq.saturating_sub(self.next);
        self.found.repeated += u64::from(seq < self.next);
        self.next = self.next.max(seq + 1);
        match said {
            Said::Ours { stamp, .. } => {
                self.found.repeated += u64::from(!self.stamps.insert(stamp));
            }
            Said::Altered => self.found.altered += 1,
            Said::Foreign => {}
        }
    }

    fn end(mut self, facts: &Facts, stream: usize, ledger: &mut ChatLedger) {
        for (number, lane) in facts.lanes_of(stream) {
            let is_there = |n| self.stamps.contains(&Stamp { lane: number, n });
            self.found.lost += (0..lane.acknowledged).filter(|n| !is_there(*n)).count() as u64;
        }
        let is_sent = |stamp: &&Stamp| {
            let mut lanes = facts.lanes_of(stream);
            lanes.any(|(number, lane)| number == stamp.lane && stamp.n < lane.begun)
        };
        let unsent = self.stamps.len() - self.stamps.iter().filter(is_sent).count();
        ledger.messages += self.found.messages;
        ledger.lost += self.found.lost;
        ledger.repeated += self.found.repeated;
        ledger.altered += self.found.altered + unsent as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::stamp::Identity;

    /// Reads messages of one lane, given their numbers and which they are; five were acknowledged.
    fn read(messages: &[(u64, u64)]) -> ChatLedger {
        let mut facts = Facts::new([1]);
        let id = Identity::of("x");
        for _ in 0..5 {
            let stamp = facts.begin(0);
            facts.acknowledge(stamp, id);
        }
        let (mut reading, mut ledger) = (Reading::default(), ChatLedger::default());
        for &(seq, n) in messages {
            reading.take(seq, Said::Ours { stamp: Stamp { lane: 0, n }, id });
        }
        reading.end(&facts, 1, &mut ledger);
        ledger
    }

    #[track_caller]
    fn check(messages: &[(u64, u64)], lost: u64, repeated: u64, altered: u64) {
        let found = read(messages);
        assert_eq!((found.lost, found.repeated, found.altered), (lost, repeated, altered));
    }

    #[test]
    fn a_thread_is_compared_with_what_was_acknowledged() {
        check(&[(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)], 0, 0, 0);
        // In another order, which is the thread's own.
        check(&[(1, 1), (2, 0), (3, 2), (4, 3), (5, 4)], 0, 0, 0);
        check(&[(1, 0), (2, 1), (3, 2), (4, 3)], 1, 0, 0);
        check(&[(1, 0), (2, 1), (3, 2), (5, 3), (6, 4)], 1, 0, 0);
        check(&[(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 4)], 0, 1, 0);
        check(&[(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5)], 0, 0, 1);
    }
}
