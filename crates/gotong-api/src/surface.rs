//! Chat as another surface of the process: its routes, its threads as streams.

use std::sync::Arc;

use axum::Router;
use broker::BoxFuture;
use delivery::Pass;
use node_runtime::Running;
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
        let _turn = self.turn(caller, thread, request_id).await?;
        let sender = Sender { caller, request_id };
        let placed = self.service()?.send(sender, thread, &draft).await?;
        let (message_id, seq) = (placed.message.message_id, placed.message.seq);
        Ok(Sent { message_id, seq, cursor: placed.cursor })
    }
}
