//! One connection: made, signed in, told its database; and one attempt at a request.
//!
//! The client library connects again by itself and repeats what it signed in with, without waiting
//! for the answer. A link that failed once is therefore not used again: its owner makes another.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use surrealdb::{
    Surreal,
    engine::any::{self, Any},
    opt::{Config, WebsocketConfig, auth},
    types::{SurrealValue, Value},
};
use tokio::time::{Instant, sleep};

use crate::{
    engine::Engine,
    fault::Fault,
    options::{Backend, Credentials, Place, Server},
    owner::PlaceHeld,
    query::{Answer, Query},
};

/// Most bytes of one message from a server or to it.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// Puts the database's mark into a variable, for statements that write, and answers it.
const READ_MARK: &str = "LET $found_mark = tidegate_mark:main.mark; RETURN $found_mark; ";

/// The same for a process that has a row of its own; where it is gone, the mark is none.
const READ_MARK_AND_PLACE: &str = "LET $found_mark = IF \
     type::record('tidegate_owner', $own_name).run = $own_run \
     { tidegate_mark:main.mark } ELSE { 'taken' }; RETURN $found_mark; ";

/// What stands in the mark's place where our row is gone.
const TAKEN: &str = "taken";

/// What an engine says that has not heard of a new session yet: the client library tells it of one, and
/// goes on without waiting (<https://github.com/surrealdb/surrealdb/issues/7220>).
const NO_SESSION: &str = "Session not found";

/// How long it may take until it has, and how often is looked.
const SESSION_MAX: Duration = Duration::from_secs(2);
const SESSION_LOOK: Duration = Duration::from_millis(2);

/// How many requests wait inside the client library.
const CAPACITY: usize = 64;

/// A connection to the database.
pub(crate) struct Link {
    db: Surreal<Any>,
    /// What answers there.
    pub(crate) version: String,
    /// Whether another one may take its place; an engine in this process has but one.
    can_be_replaced: bool,
    is_given_up: AtomicBool,
}

impl Link {
    /// Connects, signs in and names the database.
    pub(crate) async fn connect(backend: &Backend, engine: Option<&Engine>) -> Result<Link, Fault> {
        let connecting = any::connect((address(backend), config()?)).with_capacity(CAPACITY);
        let db = match engine {
            None => connecting.await,
            Some(engine) => {
                let connected = engine.run(connecting.into_future()).await;
                connected.ok_or_else(|| Fault::Broken("the engine did not start".into()))?
            }
        };
        let db = db.map_err(|error| Fault::of_connecting(&error))?;
        let version = db.version().await.map_err(|error| Fault::of(&error))?.to_string();
        let can_be_replaced = matches!(backend, Backend::Surreal(_));
        let link = Link { db, version, can_be_replaced, is_given_up: AtomicBool::new(false) };
        match backend {
            Backend::Memory | Backend::Embedded(_) => link.name(&Place::default()).await?,
            Backend::Surreal(server) => {
                link.sign_in(server).await?;
                link.name(&server.place).await?;
            }
        }
        Ok(link)
    }

    /// Signs in as a user of the server, or else of the database.
    async fn sign_in(&self, server: &Server) -> Result<(), Fault> {
        let Some(Credentials { user, password }) = &server.credentials else { return Ok(()) };
        let (username, password) = (user.clone(), password.expose().to_owned());
        let root = auth::Root { username: username.clone(), password: password.clone() };
        match self.db.signin(root).await.map_err(|error| Fault::of(&error)) {
            Ok(_) => return Ok(()),
            Err(broken @ Fault::Broken(_)) => return Err(broken),
            Err(_) => {}
        }
        let namespace = server.place.namespace().to_owned();
        let database = server.place.database().to_owned();
        let user = auth::Database { namespace, database, username, password };
        match self.db.signin(user).await.map_err(|error| Fault::of(&error)) {
            Ok(_) => Ok(()),
            Err(broken @ Fault::Broken(_)) => Err(broken),
            // Whatever the reason is called: we are not let in.
            Err(_) => Err(Fault::Refused),
        }
    }

    async fn name(&self, place: &Place) -> Result<(), Fault> {
        let deadline = Instant::now() + SESSION_MAX;
        loop {
            let named = self.db.use_ns(place.namespace()).use_db(place.database()).await;
            match named {
                Err(error)
                    if error.to_string().contains(NO_SESSION) && Instant::now() < deadline =>
                {
                    sleep(SESSION_LOOK).await;
                }
                named => return named.map(drop).map_err(|error| Fault::of(&error)),
            }
        }
    }

    /// Says that it is not to be used for what comes; what is under way on it may end.
    pub(crate) fn give_up(&self) {
        self.is_given_up.store(self.can_be_replaced, Ordering::Relaxed);
    }

    pub(crate) fn is_good(&self) -> bool {
        !self.is_given_up.load(Ordering::Relaxed)
    }

    /// Sends a request once. With a mark it is preceded by two statements that read that of the
    /// database, and look for our row where there must be one; one process runs all of them.
    pub(crate) async fn run(
        &self,
        query: &Query,
        mark: Option<&str>,
        place: Option<&PlaceHeld>,
    ) -> Result<Answer, Fault> {
        let mut variables = query.variables.clone();
        if let Some(mark) = mark {
            variables.insert("mark", mark.to_owned());
        }
        if let Some(place) = place {
            variables.insert("own_name", place.name.clone());
            variables.insert("own_run", place.run.clone());
        }
        let text = query.parts().join("; ");
        let text = match (mark, place) {
            (None, _) => text,
            (Some(_), None) => format!("{READ_MARK}{text}"),
            (Some(_), Some(_)) => format!("{READ_MARK_AND_PLACE}{text}"),
        };
        let sent = self.db.query(text).bind(Value::Object(variables)).await;
        let mut results = sent.map_err(|error| Fault::of(&error))?;
        let errors = results.take_errors();
        let fault = Fault::of_all(errors.values());
        let Some(mark) = mark else {
            return fault.map_or_else(|| Ok(Answer::new(query.operation, results, 0)), Err);
        };
        match fault {
            None | Some(Fault::Other) => {}
            Some(fault) => return Err(fault),
        }
        let found: Value = results.take(1).map_err(|error| Fault::of(&error))?;
        if found == TAKEN.to_owned().into_value() {
            return Err(Fault::Taken);
        }
        // Also where a table of ours is missing, or a statement threw.
        if found != mark.to_owned().into_value() || !errors.is_empty() {
            return Err(Fault::Other);
        }
        Ok(Answer::new(query.operation, results, 2))
    }
}

fn address(backend: &Backend) -> String {
    match backend {
        Backend::Memory => "mem://".into(),
        // Each commit is on disk before it is acknowledged, whatever the environment says.
        Backend::Embedded(folder) => format!("surrealkv://{}?sync=every", folder.display()),
        Backend::Surreal(server) => server.endpoint.as_str().to_owned(),
    }
}

fn config() -> Result<Config, Fault> {
    let websocket = WebsocketConfig::new()
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_write_buffer_size(MESSAGE_BYTES_MAX);
    Config::new().websocket(websocket).map_err(|error| Fault::of(&error))
}
