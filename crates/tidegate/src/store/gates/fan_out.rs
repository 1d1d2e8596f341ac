//! The gate of fan-out: one thread, readers on every replica, messages through every replica.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};

use super::{
    candidate::{Candidate, Replica},
    reader::{Account, Reader},
    report::Finding,
};
use crate::client::{Api, Refusal, SentMessage, Transport};

/// How many messages go through each replica.
const MESSAGES_EACH: usize = 5;

/// How long readers may take for what was acknowledged, at the most.
const ARRIVAL_TIME_MAX: Duration = Duration::from_secs(10);

const ADVICE: &str = "Look at the way to that replica (a proxy that buffers or cuts streams), and at \
                      its log.";

/// A message that was acknowledged.
struct Acknowledged {
    message: SentMessage,
    replica: String,
    sent_at: Timestamp,
    acknowledged_at: Timestamp,
}

impl Candidate {
    pub(super) async fn fan_out(&self) -> Finding {
        let mut readers = JoinSet::new();
        match self.fanned_out(&mut readers).await {
            Ok(finding) => finding,
            Err(seen) => Finding::error(seen, ADVICE),
        }
    }

    async fn fanned_out(&self, readers: &mut JoinSet<()>) -> Result<Finding, String> {
        let thread = self.make_thread().await?;
        let mut accounts = Vec::new();
        for replica in &self.replicas {
            for transport in [Transport::Sse, Transport::WebSocket] {
                let opened = Reader::open(&replica.target, api(replica)?, &thread, transport).await;
                let reader = opened.map_err(|refusal| of(replica, "opening a stream", &refusal))?;
                accounts.push(reader.account.clone());
                readers.spawn(reader.run());
            }
        }
        let sent = self.send(&thread).await?;
        let arrived = async {
            for account in &accounts {
                account.until(sent.len()).await;
            }
        };
        let within = ARRIVAL_TIME_MAX.min(self.plan.deadline / 2);
        // Who did not get there is seen below.
        let _late = timeout(within, arrived).await;
        readers.shutdown().await;
        let pages = self.pages(&thread).await?;
        Ok(judge(&thread, &sent, &accounts, &pages))
    }

    async fn make_thread(&self) -> Result<String, String> {
        let replica = &self.replicas[0];
        let scope = format!("{}-scope", self.run);
        self.written.lock().unknown_in = Some(scope.clone());
        let made = api(replica)?.make_thread(&scope).await;
        let thread = made.map_err(|refusal| of(replica, "making a thread", &refusal))?;
        let mut written = self.written.lock();
        written.unknown_in = None;
        written.threads.insert(thread.clone());
        Ok(thread)
    }

    /// Sends through one replica after the other.
    async fn send(&self, thread: &str) -> Result<Vec<Acknowledged>, String> {
        let mut sent = Vec::new();
        for number in 0..MESSAGES_EACH * self.replicas.len() {
            let replica = &self.replicas[number % self.replicas.len()];
            let body = format!("synthetic message {number} of a release gate");
            let request = format!("{}-{number}", self.run);
            let sent_at = Timestamp::now();
            let message = api(replica)?.send_message(thread, &body, &request).await;
            let message = message.map_err(|refusal| of(replica, "sending", &refusal))?;
            let replica = replica.target.shown().to_owned();
            let acknowledged_at = Timestamp::now();
            sent.push(Acknowledged { message, replica, sent_at, acknowledged_at });
        }
        Ok(sent)
    }

    /// Returns what each replica has in its history.
    async fn pages(&self, thread: &str) -> Result<Vec<(String, Vec<SentMessage>)>, String> {
        let mut pages = Vec::new();
        for replica in &self.replicas {
            let page = api(replica)?.messages_of(thread).await;
            let page = page.map_err(|refusal| of(replica, "reading the history", &refusal))?;
            pages.push((replica.target.shown().to_owned(), page));
        }
        Ok(pages)
    }
}

fn api(replica: &Replica) -> Result<&Api, String> {
    replica.api.as_ref().map_err(|error| format!("{}: {error}", replica.target.shown()))
}

fn of(replica: &Replica, doing: &str, refusal: &Refusal) -> String {
    format!("{doing} on {}: {}", replica.target.shown(), refusal.chain())
}

/// Compares what each reader received with what was acknowledged.
fn judge(
    thread: &str,
    sent: &[Acknowledged],
    accounts: &[Account],
    pages: &[(String, Vec<SentMessage>)],
) -> Finding {
    let mut faults = Vec::new();
    let numbers: Vec<_> = sent.iter().map(|one| one.message.seq).collect();
    if !numbers.iter().copied().eq(1..=sent.len() as u64) {
        faults.push(format!("the messages were given the numbers {numbers:?}"));
    }
    let event_of = |message: &SentMessage| message.message_id.replacen("msg_", "evt_", 1);
    let wanted: Vec<_> = sent.iter().map(|one| (event_of(&one.message), one.message.seq)).collect();
    for account in accounts {
        let heard = account.heard.lock();
        let got = heard.messages.iter().map(|one| (one.event_id.clone(), one.seq));
        let got: Vec<_> = got.collect();
        // A gap is one also where nothing is missing in the end: clients act upon it.
        if got != wanted || heard.trouble.is_some() {
            let trouble = heard.trouble.as_deref().map(|what| format!(" ({what})"));
            let order: Vec<_> = got.iter().map(|(_, seq)| seq).collect();
            let (name, trouble) = (account.name(), trouble.unwrap_or_default());
            faults.push(format!("{name} received {order:?} of {}{trouble}", sent.len()));
        }
    }
    for (url, page) in pages {
        if !page.iter().eq(sent.iter().map(|one| &one.message)) {
            faults.push(format!("{url} has {} messages in its history", page.len()));
        }
    }
    let detail = document(thread, sent, accounts);
    if faults.is_empty() {
        let (readers, messages) = (accounts.len(), sent.len());
        let seen = format!("{readers} readers received {messages} messages in one order");
        return Finding::pass(seen).with(detail);
    }
    Finding::fail(faults.join("; "), ADVICE).with(detail)
}

fn document(thread: &str, sent: &[Acknowledged], accounts: &[Account]) -> Value {
    let message = |one: &Acknowledged| {
        json!({
            "message_id": one.message.message_id,
            "seq": one.message.seq,
            "replica": one.replica,
            "sent_at": format!("{:.3}", one.sent_at),
            "acknowledged_at": format!("{:.3}", one.acknowledged_at),
        })
    };
    let readers: Vec<_> = accounts.iter().map(Account::document).collect();
    let sent: Vec<_> = sent.iter().map(message).collect();
    json!({"thread": thread, "messages": sent, "readers": readers})
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Account, Acknowledged, SentMessage, judge};
    use crate::store::gates::report::Verdict;

    #[test]
    fn every_reader_has_every_message_in_order_and_nothing_beside() {
        let message = |seq: u64| SentMessage { message_id: format!("msg_{seq}"), seq };
        let sent: Vec<_> = (1..=3)
            .map(|seq| Acknowledged {
                message: message(seq),
                replica: "a".into(),
                sent_at: Timestamp::UNIX_EPOCH,
                acknowledged_at: Timestamp::UNIX_EPOCH,
            })
            .collect();
        let pages = [("a".to_owned(), vec![message(1), message(2), message(3)])];
        let check = |heard: &[u64], trouble: Option<&str>, verdict, part: &str| {
            let heard: Vec<_> = heard.iter().map(|seq| (format!("evt_{seq}"), *seq)).collect();
            let whole: Vec<_> = (1..=3).map(|seq| (format!("evt_{seq}"), seq)).collect();
            let accounts = [Account::of(&whole, None), Account::of(&heard, trouble)];
            let found = judge("t", &sent, &accounts, &pages);
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(found.seen.contains(part), "{part}: {found:?}");
        };
        check(&[1, 2, 3], None, Verdict::Pass, "2 readers");
        check(&[1, 3], None, Verdict::Fail, "[1, 3] of 3");
        check(&[1, 3, 2], None, Verdict::Fail, "[1, 3, 2] of 3");
        check(&[1, 2, 3, 3], None, Verdict::Fail, "[1, 2, 3, 3] of 3");
        let gap = "the server said `gap`";
        check(&[1, 2, 3], Some(gap), Verdict::Fail, gap);
    }
}
