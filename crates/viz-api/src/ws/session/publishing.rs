//! Publishing over a WebSocket: as over HTTP, one event at a time, with keys of its own.

use std::borrow::Cow;

use broker::{Appended, IdempotencyKey, Receipt};
use node_runtime::{PublishResult, Scope};
use serde_json::value::RawValue;

use super::Session;
use crate::{
    auth::Caller,
    error::{ApiError, Code},
    publish,
    routes::events::{append, check_idempotency_key},
};

/// Under what idempotency keys of this transport are kept.
const ROUTE: &str = "publish on /api/ws";

impl Session {
    /// Publishes one event to the caller's own stream.
    pub(super) async fn publish(
        &self,
        caller: &Caller,
        event: &str,
        payload: Option<&RawValue>,
        key: Option<Cow<'_, str>>,
    ) -> Result<Receipt, ApiError> {
        caller.need(Scope::Publish)?;
        self.app.check_available()?;
        let refused = |error: &ApiError| {
            self.count(match error.code() {
                Code::Unavailable => PublishResult::Failed,
                _ => PublishResult::Refused,
            });
        };
        let appended = self.accept(caller, event, payload, key).await.inspect_err(refused)?;
        self.count(match &appended {
            Appended::First(_) => PublishResult::Stored,
            Appended::Replayed(_) => PublishResult::Replayed,
        });
        appended.receipts().first().copied().ok_or_else(ApiError::internal)
    }

    async fn accept(
        &self,
        caller: &Caller,
        event: &str,
        payload: Option<&RawValue>,
        key: Option<Cow<'_, str>>,
    ) -> Result<Appended, ApiError> {
        let draft = publish::draft_of(event, payload, "", &self.app.state.settings.limits)?;
        let key = key.as_deref().map(check_idempotency_key).transpose()?;
        let body = format!("{}\n{}", draft.name, payload.map_or("{}", RawValue::get));
        let key = key.map(|key| IdempotencyKey::new(&caller.org, ROUTE, key, body.as_bytes()));
        let _turn = match &key {
            Some(key) => Some(self.app.in_flight.turn(key, &self.app.state.metrics).await?),
            None => None,
        };
        self.app.rate.take(&caller.org, 1)?;
        append(&self.app, caller, std::slice::from_ref(&draft), key).await
    }

    fn count(&self, result: PublishResult) {
        let backend = self.app.state.broker.health().selected;
        self.app.state.metrics.published(backend, result, 1);
    }
}
