//! The gate of Redis: the same append, with its idempotency, and the same reading that replicas use.

use broker::{Append, AppendError, Appended, Broker, IdempotencyKey, NewEvent, PageLimit};
use event::{After, Envelope, EventId, OrgId, Payload, StreamName, UnixMs};
use serde_json::json;

use super::{candidate::Candidate, report::Finding};

const ADVICE: &str = "See that Redis runs, takes writes, and lets the user of REDIS_URL do what \
                      docs/redis.md lists.";

impl Candidate {
    pub(super) async fn redis_round_trip(&self) -> Finding {
        match &self.redis {
            Err(error) => Finding::fail(error.clone(), "Set REDIS_URL as the replicas have it."),
            Ok(_) => match self.round_trip().await {
                Ok(place) => Finding::pass("appended, read back, sent again without effect")
                    .with(json!({"place": place})),
                Err(Trouble::Wrong(seen)) => Finding::fail(seen, ADVICE),
                Err(Trouble::Unreachable(seen)) => {
                    Finding::error(format!("Redis does not serve: {seen}"), ADVICE)
                }
            },
        }
    }

    async fn round_trip(&self) -> Result<String, Trouble> {
        let broker = self.redis.as_ref().map_err(|error| Trouble::Wrong(error.clone()))?;
        let thread = format!("{}-r", self.run);
        let stream = StreamName::thread(&thread).map_err(wrong)?;
        self.written.lock().threads.insert(thread);
        let append = append_of(&self.run)?;
        let json = append.events[0].json.clone();
        let first = broker.append(&stream, append.clone()).await?;
        let (Appended::First(receipts), again) = (&first, broker.append(&stream, append).await?)
        else {
            return Err(Trouble::Wrong("a new event was taken for one that was there".into()));
        };
        let replayed = matches!(&again, Appended::Replayed(there) if there == receipts);
        if !replayed {
            return Err(Trouble::Wrong("the same request took effect twice".into()));
        }
        let page = broker.page(&stream, &After::Oldest, PageLimit::MAX).await;
        let page = page.map_err(|error| Trouble::Unreachable(error.to_string()))?;
        let is_there = page.events.len() == 1 && page.events[0].json == json;
        match (is_there, receipts.first()) {
            (true, Some(receipt)) => Ok(receipt.position.to_string()),
            _ => Err(Trouble::Wrong("what was appended is not what is read back".into())),
        }
    }
}

/// Why it did not come back.
enum Trouble {
    Wrong(String),
    Unreachable(String),
}

fn wrong(error: impl std::fmt::Display) -> Trouble {
    Trouble::Wrong(error.to_string())
}

impl From<AppendError> for Trouble {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Unavailable { reason, .. } => Trouble::Unreachable(reason),
            error => Trouble::Wrong(error.to_string()),
        }
    }
}

/// Returns one event, under a key.
fn append_of(run: &str) -> Result<Append, Trouble> {
    let now_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default();
    let id = EventId::random(UnixMs(now_ms), &mut rand::rng());
    let org_id: OrgId = "tidegate_gates".parse().map_err(wrong)?;
    let text = json!({"gate": run}).to_string();
    let raw: &serde_json::value::RawValue = serde_json::from_str(&text).map_err(wrong)?;
    let payload = Payload::from_raw(raw).map_err(wrong)?;
    let event: event::EventName = "gate.tried".parse().map_err(wrong)?;
    let key = IdempotencyKey::new(&org_id, "gate", run, text.as_bytes());
    let envelope = Envelope { id, org_id, event: event.clone(), payload };
    let event = NewEvent { id, name: event, json: envelope.to_json() };
    Ok(Append { events: vec![event], idempotency: Some(key) })
}
