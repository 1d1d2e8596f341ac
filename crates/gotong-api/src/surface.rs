//! Chat as another surface of the process: its routes, its threads as streams, its part in health.

use std::{sync::Arc, time::Duration};

use axum::Router;
use broker::{BoxFuture, HealthState};
use delivery::Pass;
use node_runtime::Running;
use serde_json::json;
use store::LedgerState;
use viz_api::{
    ApiError, AppState,
    surface::{Caller, DatabaseCheck, Sending, Sent, Surface, SurfaceError},
};

use crate::{
    Chat,
    domain::{Draft, checked_request_id},
    error::Failure,
    routes,
    service::Sender,
};

/// How long health waits for the database.
const CHECK_MAX: Duration = Duration::from_millis(650);

impl Surface for Chat {
    fn routes(&self) -> Router<Arc<AppState>> {
        routes::router(self.clone())
    }

    fn document(&self) -> &'static str {
        routes::OPENAPI_PART
    }

    fn start<'a>(&'a self, running: &'a Running) -> BoxFuture<'a, Result<(), SurfaceError>> {
        Box::pin(self.open(running))
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.close())
    }

    fn admit<'a>(
        &'a self,
        caller: &'a Caller,
        thread: &'a str,
    ) -> BoxFuture<'a, Result<Arc<Pass>, ApiError>> {
        Box::pin(async move { Ok(self.service()?.admit(caller, thread).await?) })
    }

    fn send<'a>(
        &'a self,
        caller: &'a Caller,
        thread: &'a str,
        sending: Sending<'a>,
    ) -> BoxFuture<'a, Result<Sent, ApiError>> {
        Box::pin(async move { Ok(self.send_one(caller, thread, &sending).await?) })
    }

    fn database(&self) -> BoxFuture<'_, DatabaseCheck> {
        Box::pin(self.check())
    }
}

impl Chat {
    async fn send_one(
        &self,
        caller: &Caller,
        thread: &str,
        sending: &Sending<'_>,
    ) -> Result<Sent, Failure> {
        let draft = Draft::new(&sending.body, &[], None)?;
        let request_id = sending.request_id.as_deref().map(checked_request_id).transpose()?;
        let sender = Sender { caller, request_id };
        let placed = self.service()?.send(sender, thread, &draft).await?;
        let (message_id, seq) = (placed.message.message_id, placed.message.seq);
        Ok(Sent { message_id, seq, cursor: placed.cursor })
    }

    async fn check(&self) -> DatabaseCheck {
        let backend = self.state.settings.data.backend.as_str();
        let checked = async {
            let service = self.service().map_err(|_| "the server is starting".to_owned())?;
            let status = service.store_status().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((status, service.is_database_down(), service.log_health()))
        };
        let checked = tokio::time::timeout(CHECK_MAX, checked).await;
        let late = || format!("the database did not answer within {} ms", CHECK_MAX.as_millis());
        let (status, is_down, log) = match checked.unwrap_or_else(|_| Err(late())) {
            Ok(found) => found,
            Err(reason) => {
                let shown = json!({"status": "unhealthy", "backend": backend, "reason": reason});
                return DatabaseCheck { is_healthy: false, shown };
            }
        };
        let reason = match (&status.ledger, is_down) {
            (LedgerState::Current, false) if log.state != HealthState::Healthy => {
                let why = log.reason.clone().unwrap_or_default();
                Some(format!("the log of threads does not serve: {why}"))
            }
            (LedgerState::Current, false) => None,
            (LedgerState::Current, true) => Some("it takes no messages now".to_owned()),
            (LedgerState::Behind(files), _) => Some(format!("it lacks {}", files.join(", "))),
            (LedgerState::Refused(fault), _) => Some(fault.to_string()),
        };
        let is_healthy = reason.is_none();
        let shown = json!({
            "status": if is_healthy { "healthy" } else { "unhealthy" },
            "reason": reason,
            "backend": backend,
            "version": status.version,
            "engine": status.engine,
            "migration_checksum": status.checksum,
            "migrations": status.applied.len(),
            "log": log.selected,
            "log_place": self.log_place().map(|place| place.shown()),
        });
        DatabaseCheck { is_healthy, shown }
    }
}
