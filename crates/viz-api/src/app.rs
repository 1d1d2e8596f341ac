//! What the routes share.

use std::{sync::Arc, time::Duration};

use broker::HealthState;
use bytes::Bytes;
use delivery::Terms;
use event::{MonoMs, StreamName};
use node_runtime::{Phase, Scope, State, Tasks};

use crate::{
    auth::{Authenticator, Caller, Tickets},
    error::ApiError,
    limits::{InFlight, PublishRate, StreamQuota},
    openapi::{self, OPENAPI},
    server::FINISH_SHARE,
    surface::{Annex, Surface},
    ws::Dispatcher,
};

/// What the routes share; building it opens nothing and starts nothing.
#[derive(Debug)]
pub struct AppState {
    pub(crate) state: Arc<State>,
    pub(crate) auth: Authenticator,
    pub(crate) tickets: Tickets,
    pub(crate) rate: PublishRate,
    pub(crate) quota: StreamQuota,
    pub(crate) in_flight: InFlight,
    pub(crate) dispatcher: Arc<Dispatcher>,
    #[cfg(feature = "inject")]
    pub(crate) inject: crate::inject::Injector,
    /// Another surface of the process.
    pub(crate) surface: Option<Arc<dyn Surface>>,
    /// Routes beside both.
    pub(crate) annex: Option<Arc<dyn Annex>>,
    /// What describes all of it.
    pub(crate) openapi: Bytes,
}

impl Default for AppState {
    /// Returns the routes' state of a server that was given no settings.
    fn default() -> Self {
        AppState::new(Arc::new(State::default()))
    }
}

/// Marks a request that passed [`AppState::check_available`] when its head came: it is finished, also
/// where the server has begun to shut down since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted;

const NO_STREAM: &str = "there is no such stream";

impl AppState {
    /// Returns the routes' state of a process.
    pub fn new(state: Arc<State>) -> Self {
        let limits = state.settings.limits;
        AppState {
            auth: Authenticator::new(Arc::clone(&state)),
            tickets: Tickets::default(),
            rate: PublishRate::new(limits.org_events_per_second),
            quota: StreamQuota::new(limits.org_streams_max),
            in_flight: InFlight::default(),
            dispatcher: Arc::default(),
            #[cfg(feature = "inject")]
            inject: crate::inject::Injector::new(&state.settings.inject),
            surface: None,
            annex: None,
            openapi: Bytes::from_static(OPENAPI.as_bytes()),
            state,
        }
    }

    /// Returns the routes' state of a process that has another surface too.
    pub fn with_surface(state: Arc<State>, surface: Arc<dyn Surface>) -> Self {
        let openapi = openapi::with_part(OPENAPI, surface.document());
        AppState { surface: Some(surface), openapi: openapi.into(), ..AppState::new(state) }
    }

    /// Returns the same with routes beside it.
    #[must_use]
    pub fn with_annex(mut self, annex: Arc<dyn Annex>) -> Self {
        let described = std::str::from_utf8(&self.openapi).expect("it was made of text");
        self.openapi = openapi::with_part(described, annex.document()).into();
        self.annex = Some(annex);
        self
    }

    /// Finds out who a request is from.
    ///
    /// # Errors
    /// Fails where it has no credential, or one that can't be accepted.
    pub async fn caller(&self, headers: &http::HeaderMap) -> Result<Caller, ApiError> {
        self.auth.caller(headers).await
    }

    /// Takes something from what an organisation may publish in a second.
    ///
    /// # Errors
    /// Fails where that is used up.
    pub fn take_from_rate(&self, caller: &Caller, events: usize) -> Result<(), ApiError> {
        self.rate.take(&caller.org, events)
    }

    /// Returns the process's state.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Starts the tasks that the routes need beside them.
    pub(crate) fn spawn_owned(self: &Arc<Self>, tasks: &Tasks) {
        self.auth.spawn_refresh(tasks);
        let within = self.state.settings.drain.mul_f64(FINISH_SHARE);
        tasks.spawn("websocket", Arc::clone(&self.dispatcher).run(tasks.shutdown(), within));
    }

    /// Turns the end of a caller's credential into an instant that a jumping wall clock does not
    /// move.
    pub(crate) fn until(&self, caller: &Caller) -> Option<MonoMs> {
        let left_ms = caller.expires?.0.saturating_sub(self.state.clock.unix().0);
        Some(self.state.clock.mono().plus(Duration::from_millis(left_ms)))
    }

    /// Fails where realtime can't be served now.
    ///
    /// # Errors
    /// Fails while it starts or ends, and where strict mode refuses.
    pub fn check_available(&self) -> Result<(), ApiError> {
        match self.state.phase() {
            Phase::Ready => {}
            Phase::Starting => return Err(ApiError::unavailable("the server is starting")),
            _ => return Err(ApiError::unavailable("the server is shutting down")),
        }
        match self.state.realtime_refusal() {
            Some(refusal) => Err(ApiError::unavailable(refusal)),
            None => Ok(()),
        }
    }

    /// Returns the backend that serves and how well, in the two words that a new stream is told.
    pub(crate) fn serving(&self) -> (&'static str, &'static str) {
        let health = self.state.broker.health();
        // What is opened is served, however badly.
        (health.selected, health.state.min(HealthState::Degraded).as_str())
    }

    /// Returns on what terms a caller follows a stream, where it may.
    pub(crate) async fn terms(
        &self,
        caller: &Caller,
        stream: &StreamName,
    ) -> Result<Terms, ApiError> {
        let (StreamName::Thread(thread), Some(surface)) = (stream, &self.surface) else {
            return Ok(Terms::default());
        };
        let pass = surface.admit(caller, thread).await?;
        Ok(Terms { pass: Some(pass), ..Terms::default() })
    }

    /// Returns the stream that a caller means; of a thread [`AppState::terms`] has to decide too.
    pub(crate) fn stream_for(
        &self,
        caller: &Caller,
        name: Option<&str>,
    ) -> Result<StreamName, ApiError> {
        caller.need(Scope::Subscribe)?;
        match name {
            None | Some("events") => Ok(StreamName::Org(caller.org.clone())),
            Some("ops") => caller.need(Scope::Admin).map(|()| StreamName::Ops),
            Some(name) if name.starts_with("thread:") && self.surface.is_some() => {
                let stream = name.parse::<StreamName>();
                stream.map_err(|_| ApiError::not_found(NO_STREAM))
            }
            Some(name) if name.starts_with("thread:") => Err(ApiError::not_found(NO_STREAM)),
            Some(name) if name.starts_with("chain:") => match name.parse::<StreamName>() {
                Ok(StreamName::Chain(key)) if self.state.feed().knows(&key) => {
                    Ok(StreamName::Chain(key))
                }
                _ => Err(ApiError::not_found(NO_STREAM)),
            },
            Some(_) => Err(ApiError::validation("`stream` is events, thread:ID, chain:KEY or ops")),
        }
    }
}
