//! Changes of health that operators are told of: in their order, and kept while the log that they
//! go to can't take them.

use std::collections::VecDeque;

use broker::HealthState;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::RealtimeHealth;
use crate::{State, ops::OpsEvent};

/// Most changes that wait; beyond, the oldest is forgotten, and the log of the process has it.
const WAITING_MAX: usize = 64;

/// What has changed, and what of it was told.
#[derive(Debug, Default)]
pub(super) struct Changes {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last: Option<HealthState>,
    waiting: VecDeque<OpsEvent>,
}

impl Changes {
    /// Takes what a look found. The first look is a change where it finds anything but health. The
    /// event is made here, once, however often it has to be told.
    pub(super) fn note(&self, health: &RealtimeHealth, event: impl FnOnce(Value) -> OpsEvent) {
        let mut inner = self.inner.lock();
        let before = inner.last.replace(health.status).unwrap_or(HealthState::Healthy);
        if before == health.status {
            return;
        }
        let (status, reason) = (health.status.as_str(), health.reason.as_deref());
        match health.status {
            HealthState::Healthy => tracing::info!(status, reason, "realtime health has changed"),
            _ => tracing::warn!(status, reason, "realtime health has changed"),
        }
        if inner.waiting.len() >= WAITING_MAX {
            inner.waiting.pop_front();
        }
        let selected = health.selected_backend;
        let change = json!({"status": status, "reason": reason, "selected_backend": selected});
        inner.waiting.push_back(event(change));
    }

    fn take(&self) -> Option<OpsEvent> {
        self.inner.lock().waiting.pop_front()
    }

    fn put_back(&self, change: OpsEvent) {
        self.inner.lock().waiting.push_front(change);
    }
}

impl State {
    /// Tells operators what has changed; what can't be told now is told later.
    pub(super) async fn tell_changes(&self) {
        while let Some(change) = self.prober.changes.take() {
            if !self.tell_ops_once(&change).await {
                return self.prober.changes.put_back(change);
            }
        }
    }
}
