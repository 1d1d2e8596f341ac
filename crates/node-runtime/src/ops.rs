//! What operators watch: the events of the stream `ops`.
//!
//! Names: `server.ready`, `server.draining`, `health.changed`, `window.set_aside`,
//! `spool.left_behind`, `gaps.told`, `replicas.compared`, `cutover.changed`, `cutover.stopped`,
//! `cutover.unrecorded`. With several replicas each says which one speaks.

use std::{sync::Arc, time::Duration};

use broker::{Append, IdempotencyKey, NewEvent};
use event::{Envelope, EventId, EventName, GapReason, OrgId, Payload, StreamName};
use serde_json::{Value, value::RawValue};
use tokio::time::timeout;

use crate::State;

/// How long telling may take: health answers in time whatever the backend does.
const TELLING_TIME_MAX: Duration = Duration::from_millis(150);

/// The `org_id` of the server's own envelopes.
const OPS_ORG: &str = "ops";

/// An event for operators, whose id is its idempotency key.
#[derive(Clone, Debug)]
pub(crate) struct OpsEvent(Append);

impl State {
    /// Tells operators, and whether the log took it; one that can't take it now is not waited for.
    pub(crate) async fn tell_ops(&self, name: &'static str, payload: Value) -> bool {
        self.tell_ops_once(&self.ops_event(name, payload)).await
    }

    /// Does it with an event that may be told again where the log did not say that it took it: it
    /// is there once.
    pub(crate) async fn tell_ops_once(&self, event: &OpsEvent) -> bool {
        let (name, append) = (&event.0.events[0].name, event.0.clone());
        match timeout(TELLING_TIME_MAX, self.broker.append(&StreamName::Ops, append)).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => tracing::debug!(%name, %error, "an ops event was not appended"),
            Err(_) => tracing::debug!(%name, "an ops event was not appended in time"),
        }
        false
    }

    /// Makes an event of now for operators.
    pub(crate) fn ops_event(&self, name: &'static str, mut payload: Value) -> OpsEvent {
        if let Some(replica) = self.replica() {
            // The stream is that of all replicas.
            payload["replica"] = replica.into();
        }
        let raw = RawValue::from_string(payload.to_string()).expect("a value writes valid JSON");
        let name: EventName = name.parse().expect("names here are constants in the grammar");
        let org_id: OrgId = OPS_ORG.parse().expect("a constant in the grammar");
        let envelope = Envelope {
            id: EventId::random(self.clock.unix(), &mut rand::rng()),
            org_id,
            event: name.clone(),
            payload: Payload::from_raw(&raw).expect("payloads here are flat objects"),
        };
        let event = NewEvent { id: envelope.id, name, json: envelope.to_json() };
        let id = event.id.to_string();
        let key = IdempotencyKey::new(&envelope.org_id, OPS_ORG, &id, &event.json);
        OpsEvent(Append { events: vec![event], idempotency: Some(key) })
    }
}

/// Sums up the gaps that readers were told of, so that a thousand of them are one event.
#[derive(Debug, Default)]
pub(crate) struct GapReport {
    told: [u64; GapReason::ALL.len()],
}

impl GapReport {
    /// Tells operators of the gaps since the last call, a reason at a time.
    pub(crate) async fn tell(&mut self, state: &Arc<State>) {
        for (reason, told) in GapReason::ALL.into_iter().zip(&mut self.told) {
            let total = state.metrics.delivery.gaps_told(reason);
            let new = total - std::mem::replace(told, total);
            if new > 0 {
                let payload = serde_json::json!({"reason": reason.as_str(), "count": new});
                state.tell_ops("gaps.told", payload).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use broker::PageLimit;
    use event::{After, StreamName};

    use crate::State;

    #[tokio::test]
    async fn an_event_that_is_told_again_is_there_once() {
        let state = State::default();
        let event = state.ops_event("health.changed", serde_json::json!({"status": "healthy"}));
        for _ in 0..2 {
            assert!(state.tell_ops_once(&event).await);
        }
        let page = state.broker.page(&StreamName::Ops, &After::Oldest, PageLimit::MAX).await;
        assert_eq!(page.expect("it is read").events.len(), 1);
    }
}
