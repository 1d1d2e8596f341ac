//! The one subscription of this process: it hears wake-ups, and is rebuilt when it breaks or falls
//! silent. After each rebuild everything watched is hinted at.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use redis::{Client, PushInfo, PushKind, Value, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout, timeout_at},
};

use super::{
    RedisOptions, answer,
    failure::Failure,
    link::{Link, Pause, subscriber},
    registry::{Level, Registry},
};

/// How many channels one command names, and how many heads one pipeline asks for.
const BATCH: usize = 256;

/// A subscription that is set up.
#[derive(Clone)]
struct Subscribed {
    number: u64,
    wire: MultiplexedConnection,
}

/// The subscription, whichever connection it has now.
pub(super) struct Subscription {
    client: Client,
    connect_time_max: Duration,
    command_time_max: Duration,
    check_every: Duration,
    registry: Arc<Registry>,
    subscribed: watch::Sender<Option<Subscribed>>,
}

impl Subscription {
    pub(super) fn new(client: Client, options: &RedisOptions, registry: Arc<Registry>) -> Self {
        Subscription {
            client,
            connect_time_max: options.connect_time_max,
            command_time_max: options.command_time_max,
            check_every: options.check_every,
            registry,
            subscribed: watch::Sender::new(None),
        }
    }

    /// Returns whether wake-ups are heard now.
    pub(super) fn is_up(&self) -> bool {
        self.subscribed.borrow().is_some()
    }

    /// Hears a stream's wake-ups from now on.
    pub(super) async fn hear(&self, level: &Level) -> Result<(), Failure> {
        let deadline = Instant::now() + self.command_time_max;
        let mut worn_out = 0;
        loop {
            let mut subscribed = self.connection(worn_out, deadline).await?;
            if level.subscribed_on.load(Ordering::Acquire) == subscribed.number {
                return Ok(());
            }
            let done = subscribed.wire.subscribe(&level.names.wake);
            match timeout_at(deadline, done).await {
                Ok(Ok(())) => {
                    level.subscribed(subscribed.number);
                    return Ok(());
                }
                Ok(Err(error)) if error.code().is_some() => {
                    return Err(Failure::from_redis(&error));
                }
                Ok(Err(_)) => worn_out = subscribed.number,
                Err(_) => return Err(Failure::refused("Redis did not subscribe in time")),
            }
        }
    }

    async fn connection(&self, worn_out: u64, deadline: Instant) -> Result<Subscribed, Failure> {
        let mut subscribed = self.subscribed.subscribe();
        let fresh = |s: &Option<Subscribed>| s.as_ref().is_some_and(|s| s.number != worn_out);
        let none = || Failure::refused("Redis can't be subscribed to");
        match timeout_at(deadline, subscribed.wait_for(fresh)).await {
            Ok(Ok(found)) => (*found).clone().ok_or_else(none),
            _ => Err(none()),
        }
    }

    /// Keeps the subscription for ever; to be run by the one task that owns it.
    pub(super) async fn keep(&self, link: &Link) {
        let mut pause = Pause::default();
        for number in 1.. {
            let gone = Arc::new(Notify::new());
            match timeout(self.connect_time_max, self.connect(Arc::clone(&gone))).await {
                Ok(Ok(wire)) => {
                    let subscribed = Subscribed { number, wire };
                    if self.subscribe_all(subscribed.clone()).await.is_ok() {
                        self.subscribed.send_replace(Some(subscribed.clone()));
                        pause = Pause::default();
                        self.hold(subscribed, link, &gone).await;
                        self.subscribed.send_replace(None);
                    }
                }
                Ok(Err(failure)) => tracing::debug!(%failure, "no subscription"),
                Err(_) => tracing::debug!("Redis did not answer in time"),
            }
            tokio::time::sleep(pause.next()).await;
        }
    }

    async fn connect(&self, gone: Arc<Notify>) -> Result<MultiplexedConnection, Failure> {
        let registry = Arc::clone(&self.registry);
        subscriber(&self.client, move |push| match push.kind {
            PushKind::Disconnection => gone.notify_one(),
            PushKind::Message | PushKind::SMessage => hear_message(&registry, &push),
            _ => {}
        })
        .await
    }

    async fn subscribe_all(&self, mut subscribed: Subscribed) -> Result<(), Failure> {
        for levels in self.registry.all().chunks(BATCH) {
            self.subscribe(&mut subscribed, levels).await?;
        }
        Ok(())
    }

    /// Subscribes the channels anew: whatever was published until then may not have been heard.
    async fn subscribe(
        &self,
        subscribed: &mut Subscribed,
        levels: &[Arc<Level>],
    ) -> Result<(), Failure> {
        let channels: Vec<&str> = levels.iter().map(|level| level.names.wake.as_str()).collect();
        match timeout(self.command_time_max, subscribed.wire.subscribe(channels)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Failure::from_redis(&error)),
            Err(_) => return Err(Failure::refused("Redis did not subscribe in time")),
        }
        for level in levels {
            level.subscribed(subscribed.number);
            level.unsure();
        }
        Ok(())
    }

    /// Watches over the subscription until it is of no more use.
    async fn hold(&self, mut subscribed: Subscribed, link: &Link, gone: &Notify) {
        loop {
            tokio::select! {
                () = gone.notified() => return tracing::warn!("the subscription broke"),
                () = tokio::time::sleep(self.check_every) => {}
            }
            if let Err(failure) = self.forget(&mut subscribed).await {
                return tracing::warn!(%failure, "the subscription broke");
            }
            let ping = redis::cmd("PING");
            let answer = ping.query_async::<Value>(&mut subscribed.wire);
            if !matches!(timeout(self.connect_time_max, answer).await, Ok(Ok(_))) {
                return tracing::warn!("the subscription does not answer");
            }
            if self.is_silent(link).await {
                return tracing::warn!("the subscription was silent");
            }
        }
    }

    /// Leaves the channels that nobody watches any more.
    async fn forget(&self, subscribed: &mut Subscribed) -> Result<(), Failure> {
        for channels in self.registry.forget_unwatched().chunks(BATCH) {
            let left = timeout(self.command_time_max, subscribed.wire.unsubscribe(channels));
            match left.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(Failure::from_redis(&error)),
                Err(_) => return Err(Failure::refused("Redis did not unsubscribe in time")),
            }
            // Somebody may have begun to watch one of them meanwhile.
            let again = channels.iter().filter_map(|channel| self.registry.of_channel(channel));
            let again: Vec<_> = again.collect();
            if !again.is_empty() {
                self.subscribe(subscribed, &again).await?;
            }
        }
        Ok(())
    }

    /// Compares the head of every watched stream with what was heard of it.
    async fn is_silent(&self, link: &Link) -> bool {
        let mut silent = false;
        for levels in self.registry.all().chunks(BATCH) {
            let mut heads = redis::pipe();
            for level in levels {
                heads.cmd("HMGET").arg(&level.names.meta).arg("epoch").arg("head");
            }
            // What is wrong with the other connection is not this one's silence.
            let Ok(answers) = link.read(&heads).await else { return silent };
            for (level, head) in levels.iter().zip(answers) {
                silent |= place_in(head).is_some_and(|place| level.check(place));
            }
        }
        silent
    }
}

fn place_in(head: Value) -> Option<event::Position> {
    let Value::Array(fields) = head else { return None };
    let [epoch, head]: [Value; 2] = fields.try_into().ok()?;
    let (epoch, head) = (answer::text(epoch)?, answer::text(head)?);
    Some(event::Position::new(epoch.parse().ok()?, event::Seq(head.parse().ok()?)))
}

fn hear_message(registry: &Registry, push: &PushInfo) {
    let [Value::BulkString(channel), message] = push.data.as_slice() else { return };
    if let Ok(channel) = std::str::from_utf8(channel) {
        registry.heard(channel, answer::wake(message));
    }
}
