//! Publishing over a WebSocket: each event has a reference, under which it is acknowledged.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use super::WebSocket;
use crate::{
    client::{Api, Ended, Receipt, Refusal},
    target::Target,
};

/// How long the acknowledgements may take: the server waits 5 s for an earlier attempt.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

/// An event to publish.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// The event, as a request's body has it.
    pub(crate) event: String,
    /// Makes it take effect once; visible ASCII without `"` and `\`.
    pub(crate) key: String,
}

/// What a publisher is answered.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Answer {
    Connected,
    Ack {
        #[serde(rename = "ref")]
        reference: u64,
        #[serde(flatten)]
        receipt: Receipt,
    },
    Error {
        code: String,
        message: String,
    },
    Goodbye,
}

/// Publishes over one WebSocket after the other: one that failed is never used again.
#[derive(Debug, Default)]
pub(crate) struct WebPublisher {
    socket: Option<WebSocket>,
    /// References that were given so far.
    given: u64,
}

impl WebPublisher {
    /// Publishes events; returns a receipt for each.
    ///
    /// # Errors
    /// Fails where the server did not say that it has them all; it may have them all the same.
    pub(crate) async fn publish(
        &mut self,
        target: &Target,
        api: &Api,
        drafts: &[Draft],
    ) -> Result<Vec<Receipt>, Refusal> {
        let kept = self.socket.take();
        let first = self.given;
        self.given += drafts.len() as u64;
        let published = timeout(ANSWER_TIME_MAX, async {
            let mut socket = match kept {
                Some(socket) => socket,
                None => WebSocket::open(target, api, None).await?,
            };
            let (receipts, ended) = exchange(&mut socket, first, drafts, target.shown()).await?;
            // The last acknowledgement and the end can come together.
            Ok((Some(socket).filter(|_| ended.is_none()), receipts))
        });
        let (socket, receipts) =
            published.await.unwrap_or_else(|_| Err(Refusal::timed_out(target.shown())))?;
        self.socket = socket;
        Ok(receipts)
    }
}

/// Says all and waits for all receipts; says with them whether the connection has ended.
async fn exchange(
    socket: &mut WebSocket,
    first: u64,
    drafts: &[Draft],
    url: &str,
) -> Result<(Vec<Receipt>, Option<Ended>), Refusal> {
    for (reference, draft) in (first..).zip(drafts) {
        socket.say(&message(reference, draft)).map_err(|ended| ended.into_refusal(url))?;
    }
    let mut receipts = Receipts { first, rows: vec![None; drafts.len()] };
    loop {
        let mut taken = Ok(());
        let came = socket.read(|text| {
            if taken.is_ok() {
                taken = receipts.take(text);
            }
        });
        let came = came.await;
        taken.map_err(|ended| ended.into_refusal(url))?;
        if let Some(receipts) = receipts.all() {
            return Ok((receipts, came.err()));
        }
        came.map_err(|ended| ended.into_refusal(url))?;
    }
}

fn message(reference: u64, draft: &Draft) -> String {
    let (key, event) = (&draft.key, draft.event.trim_start_matches('{'));
    format!(r#"{{"type":"publish","ref":{reference},"idempotency_key":"{key}",{event}"#)
}

/// The receipts of some events with consecutive references.
struct Receipts {
    first: u64,
    rows: Vec<Option<Receipt>>,
}

impl Receipts {
    fn take(&mut self, text: &str) -> Result<(), Ended> {
        let strange = || Ended::Garbled(format!("an answer without sense: {text}"));
        match serde_json::from_str(text).map_err(|_| strange())? {
            Answer::Connected | Answer::Goodbye => Ok(()),
            Answer::Error { code, message } => {
                Err(Ended::Refused(Refusal::from_code(&code, &message)))
            }
            Answer::Ack { reference, receipt } => {
                let index = reference.checked_sub(self.first).and_then(|i| usize::try_from(i).ok());
                let row = index.and_then(|index| self.rows.get_mut(index)).ok_or_else(strange)?;
                if row.replace(receipt).is_some() { Err(strange()) } else { Ok(()) }
            }
        }
    }

    /// Returns all, once they have come.
    fn all(&self) -> Option<Vec<Receipt>> {
        self.rows.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(texts: &[&str]) -> Result<Option<usize>, String> {
        let mut receipts = Receipts { first: 7, rows: vec![None; 2] };
        for text in texts {
            receipts.take(text).map_err(|ended| ended.to_string())?;
        }
        Ok(receipts.all().map(|all| all.len()))
    }

    #[test]
    fn each_reference_is_acknowledged_once() {
        #[track_caller]
        fn check(texts: &[&str], expected: Result<Option<usize>, &str>) {
            match (taken(texts), expected) {
                (Err(found), Err(part)) => assert!(found.contains(part), "{found}"),
                (found, expected) => assert_eq!(found, expected.map_err(ToOwned::to_owned)),
            }
        }
        let seven = r#"{"type":"ack","ref":7,"id":"evt_1","cursor":"e-1"}"#;
        let eight = r#"{"type":"ack","ref":8,"id":"evt_2","cursor":"e-2"}"#;
        let connected = r#"{"type":"connected","orgId":"o"}"#;
        check(&[connected, seven], Ok(None));
        check(&[eight, connected, seven], Ok(Some(2)));
        check(&[seven, seven], Err("without sense"));
        check(&[r#"{"type":"ack","ref":9,"id":"i","cursor":"c"}"#], Err("without sense"));
        check(&[r#"{"type":"ack","ref":6,"id":"i","cursor":"c"}"#], Err("without sense"));
        check(&[r#"{"type":"ack","ref":7,"id":"i"}"#], Err("without sense"));
        check(&[r#"{"type":"event"}"#], Err("without sense"));
        check(&["x"], Err("without sense"));
        let error =
            r#"{"type":"error","ref":7,"code":"rate_limited","message":"m","request_id":""}"#;
        check(&[seven, error], Err("429 rate_limited: m"));
    }

    #[test]
    fn a_message_is_the_event_with_its_reference_and_key() {
        let draft = Draft { event: r#"{"event":"a.b","payload":{}}"#.into(), key: "k".into() };
        let expected =
            r#"{"type":"publish","ref":3,"idempotency_key":"k","event":"a.b","payload":{}}"#;
        assert_eq!(message(3, &draft), expected);
    }
}
