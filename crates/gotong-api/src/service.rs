//! What chat does for a caller; it knows no HTTP but the kinds of failures.

mod members;
mod messages;
mod readers;
mod threads;

use std::{sync::Arc, time::Duration};

use broker::BrokerHealth;
use node_runtime::{State, settings::ChatTransport};
use store::{ChainRecords, Chat, Privacy, QueryError, Store, StoreStatus};
use viz_api::surface::Caller;

pub(crate) use self::{messages::Sender, threads::NewThread};
use crate::{
    domain::{Act, Refusal, Who, checked_user, may},
    error::Failure,
    order::Sequencer,
    passes::Passes,
    standings::Standings,
};

/// What chat does.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) state: Arc<State>,
    store: OpenStore,
    sequencer: Arc<Sequencer>,
    standings: Standings,
    passes: Passes,
}

/// The database, and the chat's rows in it.
struct OpenStore {
    store: Store,
    rows: Chat,
}

impl std::fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenStore").finish_non_exhaustive()
    }
}

/// A thread that a caller has to do with.
pub(crate) struct Entered {
    pub(crate) cell: Arc<crate::order::Cell>,
    pub(crate) who: Who,
}

impl Entered {
    /// Checks that the caller may.
    pub(crate) fn may(&self, act: Act) -> Result<(), Refusal> {
        may(act, self.privacy(), self.who)
    }

    pub(crate) fn privacy(&self) -> Privacy {
        self.cell.thread.privacy_level
    }
}

impl Service {
    /// Returns the service over an open database.
    pub(crate) fn new(state: Arc<State>, store: Store, sequencer: Arc<Sequencer>) -> Self {
        let is_alone = state.settings.realtime.chat_transport == ChatTransport::Local;
        let store = OpenStore { rows: store.chat(), store };
        let (standings, passes) = (Standings::new(is_alone), Passes::default());
        Service { state, store, sequencer, standings, passes }
    }

    pub(crate) async fn close(&self) {
        self.store.store.close().await;
    }

    /// Renews this process's place on the database.
    pub(crate) async fn renew_place(&self) -> Result<(), QueryError> {
        self.store.store.renew_place().await
    }

    /// Returns where the records of chains are kept.
    pub(crate) fn chain_records(&self) -> ChainRecords {
        self.store.store.chain_records()
    }

    /// Returns what the database says of itself.
    pub(crate) async fn store_status(&self) -> Result<StoreStatus, QueryError> {
        self.store.store.status().await
    }

    /// Returns what the connection to a database that is late said last, where there is none.
    pub(crate) async fn cut_off(&self, within: Duration) -> Option<String> {
        self.store.store.knock(within).await;
        self.store.store.cut_off()
    }

    /// Returns whether the database takes no messages.
    pub(crate) fn is_database_down(&self) -> bool {
        self.sequencer.is_down()
    }

    /// Returns how well the logs of threads serve.
    pub(crate) fn log_health(&self) -> BrokerHealth {
        self.sequencer.log_health()
    }

    fn rows(&self) -> &Chat {
        &self.store.rows
    }

    /// Finds a thread of the caller's organisation, and how the caller stands to it.
    async fn enter(&self, caller: &Caller, thread: &str) -> Result<Entered, Failure> {
        let cell = self.sequencer.open(thread).await?;
        if cell.thread.org_id != caller.org.as_str() {
            return Err(Failure::not_found());
        }
        let who = match user_of(caller) {
            Err(_) => Who::Nobody,
            Ok(user) => Who::User(self.standings.of(self.rows(), thread, user).await?),
        };
        Ok(Entered { cell, who })
    }

    fn now_ms(&self) -> u64 {
        self.state.clock.unix().0
    }
}

/// Returns in whose name a caller acts.
fn user_of(caller: &Caller) -> Result<&str, Refusal> {
    let name = caller.name.as_deref().ok_or(Refusal::NoUser)?;
    checked_user(name).map_err(|_| Refusal::NoUser)
}
