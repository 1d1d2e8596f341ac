//! The time with one endpoint, from its chain's id to the reason why it is left.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Instant,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{
    Feed,
    listen::Listener,
    lock,
    look::Look,
    outlet::NobodyListens,
    pending::{Fetcher, Source},
    probe::Prober,
};
use crate::{
    FeedState, Refused,
    endpoint::Pool,
    rpc::{Client, RpcError},
};

/// Why an endpoint is left.
#[derive(Debug)]
pub(super) enum Ended {
    /// A call failed.
    Rpc(RpcError),
    /// It answered what can't be.
    Lie(Refused),
    /// It is of another chain.
    WrongChain { expected: u64, actual: u64 },
    /// Its chain is another one below what is remembered, where others have what is remembered
    /// (`is_disproved`), or none of them can be asked.
    Forked { at: u64, is_disproved: bool },
    /// It speaks of a block that it has not got.
    Absent { number: u64 },
    /// It says that its head is below a block that it has: it begins anew, perhaps.
    Below { head: u64, has: u64 },
    /// It told of nothing new for too long.
    Silent,
    /// The others have higher blocks.
    Behind,
    /// Nobody takes observations.
    NobodyListens,
    /// A task of ours ended.
    Task,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Rpc(error) => error.fmt(f),
            Ended::Lie(refused) => refused.fmt(f),
            Ended::WrongChain { expected, actual } => {
                write!(f, "it is of chain {actual}, where {expected} is meant")
            }
            Ended::Forked { at, is_disproved: true } => {
                write!(f, "its chain forks below block {at}, which other endpoints have")
            }
            Ended::Forked { at, is_disproved: false } => {
                write!(f, "its chain forks below block {at}, and no other endpoint can be asked")
            }
            Ended::Absent { number } => {
                write!(f, "it speaks of block {number}, which it has not got")
            }
            Ended::Below { head, has } => {
                write!(f, "it says that its head is block {head}, and has block {has} of the chain")
            }
            Ended::Silent => f.write_str("it told of nothing new for too long"),
            Ended::Behind => f.write_str("other endpoints have higher blocks"),
            Ended::NobodyListens => f.write_str("nobody takes what is observed"),
            Ended::Task => f.write_str("a task ended that should not"),
        }
    }
}

impl From<RpcError> for Ended {
    fn from(error: RpcError) -> Self {
        Ended::Rpc(error)
    }
}

impl From<Refused> for Ended {
    fn from(refused: Refused) -> Self {
        Ended::Lie(refused)
    }
}

impl From<NobodyListens> for Ended {
    fn from(NobodyListens: NobodyListens) -> Self {
        Ended::NobodyListens
    }
}

impl Feed {
    /// Follows the current endpoint until there is a reason to leave it.
    pub(super) async fn session(&mut self) -> Ended {
        let at = self.current;
        let client = Arc::clone(&self.clients[at]);
        self.outlet.publish(|status| {
            status.state = FeedState::Connecting;
            status.endpoint_index = at;
            status.endpoint = Some(client.address().to_string());
        });
        if let Err(ended) = self.check_chain(&client).await {
            return ended;
        }
        self.outlet.beat();
        let wake = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        let is_believed = watch::Sender::new(false);
        self.start(&mut tasks, &client, &wake, &is_believed);
        // Else a silent endpoint would be left before it is believed.
        let doubt_time_max = self.options.catch_up_time_max.min(self.config.silent_after / 2);
        let look = Look::new(self.clients.len() > 1, doubt_time_max, is_believed);
        let ended = match self.follow(&mut tasks, &client, &wake, look).await {
            Ok(never) => match never {},
            Err(ended) => ended,
        };
        tasks.shutdown().await;
        ended
    }

    async fn check_chain(&mut self, client: &Client) -> Result<(), Ended> {
        let begun = Instant::now();
        let actual = client.chain_id().await?;
        lock(&self.pool).succeeded(self.current, begun.elapsed(), None);
        let expected = *self.chain_id.get_or_insert(actual);
        if expected != actual {
            return Err(Ended::WrongChain { expected, actual });
        }
        self.outlet.publish(|status| status.chain_id = Some(actual));
        Ok(())
    }

    fn start(
        &self,
        tasks: &mut JoinSet<Ended>,
        client: &Arc<Client>,
        wake: &Arc<Notify>,
        is_believed: &watch::Sender<bool>,
    ) {
        let (hashes, waiting) = mpsc::channel(self.options.pending_queue_max.max(1));
        let ws = self.config.endpoints[self.current].ws.clone();
        let first = if ws.is_some() { Source::Undecided } else { Source::Poll };
        let (source_tx, source) = watch::channel(first);
        let fetcher = Fetcher {
            client: Arc::clone(client),
            outlet: self.outlet.clone(),
            waiting,
            source,
            is_believed: is_believed.subscribe(),
            poll_every: self.config.poll_every,
            batch_max: self.options.rpc.batch_calls_max,
        };
        tasks.spawn(fetcher.run());
        let is_alone = self.clients.len() == 1;
        if let Some(address) = ws {
            let listener = Listener {
                address,
                limits: self.options.rpc,
                chain_id: self.chain_id,
                is_believed: is_believed.subscribe(),
                outlet: self.outlet.clone(),
                hashes,
                source: source_tx,
                wake: Arc::clone(wake),
                retry_every: is_alone.then_some(self.options.backoff_max),
            };
            tasks.spawn(listener.run());
        }
        if !is_alone {
            tasks.spawn(self.prober().run());
        }
    }

    fn prober(&self) -> Prober {
        Prober {
            clients: self.clients.clone(),
            current: self.current,
            chain_id: self.chain_id,
            pool: Arc::<Mutex<Pool>>::clone(&self.pool),
            status: self.outlet.status.subscribe(),
            every: self.options.probe_every,
            behind_blocks_max: self.options.behind_blocks_max,
        }
    }

    async fn follow(
        &mut self,
        tasks: &mut JoinSet<Ended>,
        client: &Client,
        wake: &Notify,
        mut look: Look,
    ) -> Result<std::convert::Infallible, Ended> {
        let mut poll = interval(self.config.poll_every);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = poll.tick() => {}
                () = wake.notified() => {}
                Some(ended) = tasks.join_next() => return Err(ended.unwrap_or(Ended::Task)),
            }
            self.look(client, &mut look).await?;
            if self.outlet.silent_for() >= self.config.silent_after {
                return Err(Ended::Silent);
            }
            self.outlet.publish(|_| {});
        }
    }
}
