//! The one subscription of this process to one server: it hears wake-ups, and is rebuilt when it
//! breaks, falls silent, or the link has found another server. After each rebuild everything
//! watched is hinted at.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use redis::{PushInfo, PushKind, Value, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout, timeout_at},
};

use super::{
    RedisOptions, answer,
    failure::Failure,
    link::{InUse, Link, Pause, subscriber},
    registry::{Level, Registry},
    scope::Scope,
    wake::Said,
};
use crate::number_text::number_from;

/// How many channels one command names, and how many heads one pipeline asks for.
const BATCH: usize = 256;

/// A subscription that is set up.
#[derive(Clone)]
struct Subscribed {
    number: u64,
    wire: MultiplexedConnection,
    /// The run id of the server.
    run: Arc<str>,
}

/// The subscription, whichever connection it has now.
pub(super) struct Subscription {
    scope: Scope,
    connect_time_max: Duration,
    command_time_max: Duration,
    check_every: Duration,
    registry: Arc<Registry>,
    subscribed: watch::Sender<Option<Subscribed>>,
}

impl Subscription {
    pub(super) fn new(scope: Scope, options: &RedisOptions, registry: Arc<Registry>) -> Self {
        Subscription {
            scope,
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
    pub(super) async fn hear(&self, level: &Level, deadline: Instant) -> Result<(), Failure> {
        let mut worn_out = 0;
        loop {
            let mut subscribed = self.connection(worn_out, deadline).await?;
            if level.subscribed_on.load(Ordering::Acquire) == subscribed.number {
                return Ok(());
            }
            let channels = [level.names.wake.as_str()];
            let done = self.scope.subscribe(&mut subscribed.wire, &channels);
            match timeout_at(deadline, done).await {
                Ok(Ok(answers)) => {
                    if let Some(error) = answers.into_iter().flatten().next() {
                        return Err(Failure::from_redis(&error));
                    }
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
        loop {
            let gone = Arc::new(Notify::new());
            match timeout(self.connect_time_max, self.connect(link, Arc::clone(&gone))).await {
                Ok(Ok(mut subscribed)) => match self.subscribe_all(&mut subscribed).await {
                    Ok(()) => {
                        self.subscribed.send_replace(Some(subscribed.clone()));
                        pause = Pause::default();
                        self.hold(subscribed, link, &gone).await;
                        self.subscribed.send_replace(None);
                    }
                    Err(failure) => tracing::debug!(%failure, "no subscription"),
                },
                Ok(Err(failure)) => tracing::debug!(%failure, "no subscription"),
                Err(_) => tracing::debug!("Redis did not answer in time"),
            }
            tokio::time::sleep(pause.next()).await;
        }
    }

    /// Connects to the server that the link has found.
    async fn connect(&self, link: &Link, gone: Arc<Notify>) -> Result<Subscribed, Failure> {
        let (client, run) = link.server(Instant::now() + self.connect_time_max).await?;
        let registry = Arc::clone(&self.registry);
        let source =
            Source { scope: self.scope.clone(), run: Arc::clone(&run), in_use: link.in_use() };
        let on_push = move |push: PushInfo| match push.kind {
            PushKind::Disconnection => gone.notify_one(),
            PushKind::Message | PushKind::SMessage => hear_message(&registry, push, &source),
            // A slot has moved away, or nobody watches the stream any more.
            PushKind::SUnsubscribe if is_watched(&registry, &push) => gone.notify_one(),
            _ => {}
        };
        let wire = subscriber(&client, on_push).await?;
        Ok(Subscribed { number: self.registry.next_subscription(), wire, run })
    }

    /// Subscribes what is to be heard here and is not.
    async fn subscribe_all(&self, subscribed: &mut Subscribed) -> Result<(), Failure> {
        let lacking = |level: &Arc<Level>| {
            let on = level.subscribed_on.load(Ordering::Acquire);
            on != subscribed.number && self.scope.has(level)
        };
        let levels: Vec<_> = self.registry.all().into_iter().filter(lacking).collect();
        for levels in levels.chunks(BATCH) {
            self.subscribe(subscribed, levels).await?;
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
        let answers = self.scope.subscribe(&mut subscribed.wire, &channels);
        let answers = match timeout(self.command_time_max, answers).await {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => return Err(Failure::from_redis(&error)),
            Err(_) => return Err(Failure::refused("Redis did not subscribe in time")),
        };
        for (level, error) in levels.iter().zip(answers) {
            match error.map(|error| Failure::from_redis(&error)) {
                None => {
                    level.subscribed(subscribed.number);
                }
                // The slot is elsewhere, where it is subscribed when the map says so.
                Some(Failure { redirect: Some(_), .. }) => self.scope.is_stale(),
                Some(failure) => return Err(failure),
            }
            level.unsure();
        }
        Ok(())
    }

    /// Watches over the subscription until it is of no more use.
    async fn hold(&self, mut subscribed: Subscribed, link: &Link, gone: &Notify) {
        let mut scope = self.scope.clone();
        let run = Arc::clone(&subscribed.run);
        loop {
            tokio::select! {
                () = gone.notified() => return tracing::warn!("the subscription broke"),
                () = link.other_than(&run) => {
                    return tracing::warn!("the subscription is to another server");
                }
                () = scope.changed() => {}
                () = tokio::time::sleep(self.check_every) => {}
            }
            let kept = match self.forget(&mut subscribed).await {
                Ok(()) => self.subscribe_all(&mut subscribed).await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = kept {
                return tracing::warn!(%failure, "the subscription broke");
            }
            let ping = redis::cmd("PING");
            let answer = ping.query_async::<Value>(&mut subscribed.wire);
            let pong = Value::SimpleString("PONG".to_owned());
            if !matches!(timeout(self.connect_time_max, answer).await, Ok(Ok(said)) if said == pong)
            {
                return tracing::warn!("the subscription does not answer");
            }
            if self.is_silent(link).await {
                return tracing::warn!("the subscription was silent");
            }
        }
    }

    /// Leaves the channels that nobody watches any more.
    async fn forget(&self, subscribed: &mut Subscribed) -> Result<(), Failure> {
        let unwatched = self.registry.forget_unwatched(subscribed.number);
        for channels in unwatched.chunks(BATCH) {
            let left = self.scope.unsubscribe(&mut subscribed.wire, channels);
            match timeout(self.command_time_max, left).await {
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
        let mut levels = self.registry.all();
        levels.retain(|level| self.scope.has(level));
        for levels in levels.chunks(BATCH) {
            let mut heads = redis::pipe();
            for level in levels {
                heads.cmd("HMGET").arg(&level.names.meta).arg("epoch").arg("head");
            }
            let said: Vec<_> = levels.iter().map(|level| level.said()).collect();
            // What is wrong with the other connection is not this one's silence.
            let Ok(answers) = link.read(&heads).await else { return silent };
            for ((level, said), head) in levels.iter().zip(said).zip(answers) {
                silent |= place_in(head).is_some_and(|place| level.check(said, place));
            }
        }
        silent
    }
}

fn place_in(head: Value) -> Option<event::Position> {
    let Value::Array(fields) = head else { return None };
    let [epoch, head]: [Value; 2] = fields.try_into().ok()?;
    let (epoch, head) = (answer::text(epoch)?, answer::text(head)?);
    Some(event::Position::new(epoch.parse().ok()?, event::Seq(number_from(&head)?)))
}

fn is_watched(registry: &Registry, push: &PushInfo) -> bool {
    let Some(Value::BulkString(channel)) = push.data.first() else { return true };
    std::str::from_utf8(channel).is_ok_and(|channel| registry.of_channel(channel).is_some())
}

/// Where wake-ups come from.
struct Source {
    scope: Scope,
    /// The run id of the server.
    run: Arc<str>,
    in_use: InUse,
}

impl Source {
    /// Returns whether a page of the log would be read from the same server now. What another one
    /// says may be of a log that is lost already: it is a hint, and no event.
    fn has(&self, level: &Level) -> bool {
        self.in_use.is(&self.run) && self.scope.has(level)
    }
}

fn hear_message(registry: &Registry, push: PushInfo, source: &Source) {
    let Ok([Value::BulkString(channel), message]) = <[Value; 2]>::try_from(push.data) else {
        return;
    };
    if let Ok(channel) = std::str::from_utf8(&channel) {
        registry.heard(channel, Said::read(message), |level| source.has(level));
    }
}
