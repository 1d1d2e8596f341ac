//! One connection's client: who it is, what it follows, and what becomes of what it says.

mod publishing;
mod sending;

use std::{collections::HashMap, ops::ControlFlow, sync::Arc};

use delivery::{
    OpenRequest,
    session::{self, ClientMessage, Conversation, Reply},
    ws::CloseCode,
};
use event::{After, StreamName};
use node_runtime::Scope;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    answers,
    dispatcher::Batch,
    message::{self, Message, Said},
};
use crate::{
    AppState,
    auth::Caller,
    error::{ApiError, Code},
};

/// Most streams that one connection follows.
const SUBSCRIPTIONS_MAX: usize = 256;

/// One connection's client.
#[derive(Debug)]
pub(crate) struct Session {
    app: Arc<AppState>,
    client: Mutex<Client>,
    /// The thread that the connection was opened for.
    home: Option<StreamName>,
}

/// What is known of the client; one batch at a time changes it.
#[derive(Debug)]
struct Client {
    caller: Caller,
    /// The streams that it follows, each with its share in those that its organisation may have
    /// open. One at most has none of its own: it has the connection's.
    follows: HashMap<StreamName, Option<OwnedSemaphorePermit>>,
}

/// Whether what a client says next still counts.
type Done = Result<ControlFlow<()>, ApiError>;

const GO_ON: Done = Ok(ControlFlow::Continue(()));

impl session::Session for Session {
    fn take(self: Arc<Self>, conversation: Conversation, messages: Vec<ClientMessage>) {
        let app = Arc::clone(&self.app);
        app.dispatcher.put(Batch { session: self, conversation, messages });
    }
}

impl Session {
    /// Returns the session of a client that follows nothing yet but its home.
    pub(crate) fn new(app: Arc<AppState>, caller: Caller, home: Option<StreamName>) -> Self {
        // It has the connection's share.
        let follows = home.iter().map(|stream| (stream.clone(), None)).collect();
        Session { app, client: Mutex::new(Client { caller, follows }), home }
    }

    /// Does what the client says, one message after the other.
    pub(super) async fn carry_out(
        self: Arc<Self>,
        conversation: Conversation,
        messages: Vec<ClientMessage>,
    ) {
        for message in messages {
            let ClientMessage::Text(text) = message else {
                let reason = "messages are text";
                return conversation.reply(Reply::Close(CloseCode::InvalidData, reason));
            };
            let Message { reference, said } = message::parse(&text);
            let done = match said {
                Ok(said) => self.carry_out_one(&conversation, reference, said).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return,
                Err(error) => conversation.say(answers::error(&error, reference)),
            }
        }
    }

    /// Answers what the client says once nobody carries it out any more.
    pub(super) fn refuse(conversation: &Conversation, messages: &[ClientMessage]) {
        let error = ApiError::unavailable("the server is shutting down");
        answers::refusals(messages, &error).for_each(|text| conversation.say(text));
    }

    async fn carry_out_one(
        &self,
        conversation: &Conversation,
        reference: Option<&str>,
        said: Said<'_>,
    ) -> Done {
        if let Said::Auth { token } = said {
            return self.renew(conversation, &token).await;
        }
        let caller = self.client.lock().caller.clone();
        if caller.expires.is_some_and(|at| at <= self.app.state.clock.unix()) {
            return Err(ApiError::unauthorized("the credential has expired"));
        }
        #[cfg(feature = "inject")]
        let said = self.app.inject.without_keys(said);
        match said {
            Said::Subscribe { stream, after } => {
                let after = After::from_client(after.as_deref());
                self.subscribe(conversation, &caller, stream.as_deref(), after).await?;
            }
            Said::Unsubscribe { stream } => self.unsubscribe(conversation, &caller, &stream)?,
            Said::Publish { event, payload, idempotency_key } => {
                let receipt = self.publish(&caller, &event, payload, idempotency_key).await?;
                conversation.say(answers::ack(reference, &receipt));
            }
            Said::Send { stream, body, request_id } => {
                let sent = self.send(&caller, stream.as_deref(), body, request_id).await?;
                conversation.say(answers::sent(reference, &sent));
            }
            Said::Auth { .. } => {}
        }
        GO_ON
    }

    async fn subscribe(
        &self,
        conversation: &Conversation,
        caller: &Caller,
        name: Option<&str>,
        after: After,
    ) -> Result<(), ApiError> {
        let stream = self.app.stream_for(caller, name)?;
        self.app.check_available()?;
        let terms = self.app.terms(caller, &stream).await?;
        let permit = self.share_for(caller, &stream)?;
        let delivery = self.app.state.delivery();
        let delivery = delivery.ok_or_else(|| ApiError::unavailable("the server is starting"))?;
        let request = OpenRequest { stream: stream.clone(), after, filter: None, terms };
        let opened = delivery.open(request).await?;
        self.app.state.metrics.replay(opened.resume);
        let preamble = answers::preamble(&stream, &opened);
        let subscribing = Box::new(opened.subscribing(None));
        self.client.lock().follows.insert(stream, permit);
        conversation.reply(Reply::Subscribe { subscribing, preamble });
        Ok(())
    }

    /// Takes a further stream's share; the first one has the connection's.
    fn share_for(
        &self,
        caller: &Caller,
        stream: &StreamName,
    ) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        let client = self.client.lock();
        if client.follows.contains_key(stream) {
            let message = "this connection follows that stream already";
            return Err(ApiError::new(Code::Conflict, message));
        }
        if client.follows.len() >= SUBSCRIPTIONS_MAX {
            let message = format!("a connection follows at most {SUBSCRIPTIONS_MAX} streams");
            return Err(ApiError::new(Code::RateLimited, message));
        }
        let is_spoken_for = client.follows.values().any(Option::is_none);
        is_spoken_for.then(|| self.app.quota.take(&caller.org)).transpose()
    }

    fn unsubscribe(
        &self,
        conversation: &Conversation,
        caller: &Caller,
        name: &str,
    ) -> Result<(), ApiError> {
        let stream = self.app.stream_for(caller, Some(name))?;
        let mut client = self.client.lock();
        let share = client
            .follows
            .remove(&stream)
            .ok_or_else(|| ApiError::not_found("this connection does not follow that stream"))?;
        if share.is_none()
            && let Some(of_another) = client.follows.values_mut().next()
        {
            // The connection's share passes on to it.
            *of_another = None;
        }
        drop(client);
        conversation.reply(Reply::Unsubscribe(stream));
        Ok(())
    }

    /// Goes on with a newer token of the same organisation.
    async fn renew(&self, conversation: &Conversation, token: &str) -> Done {
        let newer = self.app.auth.token(token).await?;
        let mut client = self.client.lock();
        if newer.org != client.caller.org {
            let message = "the token is of another organisation";
            return Err(ApiError::new(Code::Forbidden, message));
        }
        let is_somebody_else = newer.name != client.caller.name;
        let is_lost = |stream: &StreamName| {
            let is_thread = matches!(stream, StreamName::Thread(_));
            !may_follow(&newer, stream) || (is_thread && is_somebody_else)
        };
        let lost = client.follows.keys().any(is_lost);
        conversation.reply(Reply::Expires(self.app.until(&newer)));
        client.caller = newer;
        drop(client);
        if lost {
            conversation.reply(Reply::Close(CloseCode::Policy, "permission lost"));
            return Ok(ControlFlow::Break(()));
        }
        GO_ON
    }
}

/// Returns whether a credential may go on with a stream that its connection follows.
fn may_follow(caller: &Caller, stream: &StreamName) -> bool {
    let needs_admin = *stream == StreamName::Ops;
    caller.scopes.has(Scope::Subscribe) && (!needs_admin || caller.scopes.has(Scope::Admin))
}
