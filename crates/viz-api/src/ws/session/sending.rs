//! Sending to a thread over a WebSocket: as over HTTP, under the same request ids.

use std::borrow::Cow;

use event::StreamName;
use node_runtime::Scope;

use super::Session;
use crate::{
    auth::Caller,
    error::ApiError,
    surface::{Sending, Sent},
};

impl Session {
    /// Sends a message to a thread, or to the one that the connection was opened for.
    pub(super) async fn send(
        &self,
        caller: &Caller,
        stream: Option<&str>,
        body: Cow<'_, str>,
        request_id: Option<Cow<'_, str>>,
    ) -> Result<Sent, ApiError> {
        caller.need(Scope::Publish)?;
        let surface = self.app.surface.as_ref();
        let surface = surface.ok_or_else(|| ApiError::not_found("there are no threads here"))?;
        let named = match stream {
            Some(name) => Some(self.app.stream_for(caller, Some(name))?),
            None => self.home.clone(),
        };
        let Some(StreamName::Thread(thread)) = named else {
            return Err(ApiError::validation("`send` needs `stream`, a thread:ID"));
        };
        self.app.rate.take(&caller.org, 1)?;
        surface.send(caller, &thread, Sending { body, request_id }).await
    }
}
