//! Making a connection: the only place that knows how a server is spoken to at first, and what its
//! reign is called.
//!
//! What is called a *run* everywhere is one reign of a primary: a process that was demoted and is
//! promoted again has another server's data, and is another owner of its logs. Its name is the
//! process's `run_id` and, where it was promoted, what Redis says of that: the history that it
//! followed and the offset at which it left it (`master_replid2`, `second_repl_offset`). These stay
//! as they are while it reigns, are the same to everybody who asks, in a cluster too, and need no
//! key that could be lost. `master_replid` would not do: it changes when a first replica comes, with
//! nothing lost. Redis forgets the promotion an hour after its last replica went
//! (`repl-backlog-ttl`): then the logs are healed once more, for nothing.

use std::sync::Arc;

use redis::{
    AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, Value,
    aio::MultiplexedConnection,
};
use tokio::sync::Notify;

use super::{
    super::{
        failure::{Failure, OLDEST, Version, is_unknown_command},
        library::{self, Dialect},
    },
    find::{Finder, Found},
    witness::Witness,
};

/// The oldest server whose cluster has all that we use (sharded Pub/Sub).
const OLDEST_IN_CLUSTER: Version = Version(7, 0);

/// How many characters of a history's id are told.
const REPLID_CHARS: usize = 16;

/// What is wanted of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Server {
    /// Whether it is a node of a cluster.
    pub(in super::super) in_cluster: bool,
    /// How many replicas have an append before it is acknowledged.
    pub(in super::super) replicas: u32,
}

/// A connection that was made.
pub(super) struct Made {
    pub(super) found: Found,
    pub(super) wire: MultiplexedConnection,
    pub(super) run: Arc<str>,
    pub(super) promotion: String,
    pub(super) dialect: Dialect,
    pub(super) witness: Option<Arc<Witness>>,
}

pub(in super::super) fn config() -> AsyncConnectionConfig {
    // The link and the subscription bound the time of everything themselves.
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

/// Makes the connection that commands share; `gone` is told when it breaks.
pub(super) async fn connect(
    finder: &Finder,
    server: Server,
    gone: Arc<Notify>,
) -> Result<Made, Failure> {
    let found = finder.find().await?;
    let mut wire = commands(&found.client, Arc::clone(&gone)).await?;
    let greeting = greet(&mut wire, server).await?;
    finder.judge_role(greeting.role.as_deref())?;
    let witness = match server.replicas {
        0 => None,
        replicas => {
            let mut wire = commands(&found.client, gone).await?;
            if greet(&mut wire, server).await?.run != greeting.run {
                return Err(Failure::refused("another server answers at the same address"));
            }
            Some(Arc::new(Witness::new(wire, replicas)))
        }
    };
    let dialect = load(&mut wire).await?;
    let Greeting { run, promotion, .. } = greeting;
    Ok(Made { found, wire, run, promotion, dialect, witness })
}

async fn commands(client: &Client, gone: Arc<Notify>) -> Result<MultiplexedConnection, Failure> {
    let config = config().set_pipeline_buffer_size(1024);
    let tell = move |push: PushInfo| {
        if push.kind == PushKind::Disconnection {
            gone.notify_one();
        }
    };
    open(client, config, tell).await
}

/// Makes the connection that hears what is published.
pub(in super::super) async fn subscriber(
    client: &Client,
    on_push: impl Fn(PushInfo) + Send + Sync + 'static,
) -> Result<MultiplexedConnection, Failure> {
    open(client, config(), on_push).await
}

async fn open(
    client: &Client,
    config: AsyncConnectionConfig,
    on_push: impl Fn(PushInfo) + Send + Sync + 'static,
) -> Result<MultiplexedConnection, Failure> {
    let config = config.set_push_sender(move |push: PushInfo| -> Result<(), ()> {
        on_push(push);
        Ok(())
    });
    let opened = client.get_multiplexed_async_connection_with_config(&config).await;
    opened.map_err(|error| Failure::from_redis(&error))
}

/// What a server says of itself.
struct Greeting {
    run: Arc<str>,
    promotion: String,
    role: Option<String>,
}

/// Returns one field of what `INFO` answers.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = info.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(field, _)| *field == name).map(|(_, value)| value.trim())
}

/// Returns what the name of a reign ends with, by what `INFO` says of replication; nothing where
/// the server was not promoted since it was started.
pub(super) fn promotion(info: &str) -> String {
    let (left, at) = (field(info, "master_replid2"), field(info, "second_repl_offset"));
    match (left, at) {
        (Some(left), Some(at)) if left.contains(|c| c != '0') => {
            format!("-{}-{at}", left.get(..REPLID_CHARS).unwrap_or(left))
        }
        _ => String::new(),
    }
}

/// Learns which reign of which server this is, and whether it can serve us.
async fn greet(wire: &mut MultiplexedConnection, server: Server) -> Result<Greeting, Failure> {
    let info: String =
        redis::cmd("INFO").query_async(wire).await.map_err(|error| Failure::from_redis(&error))?;
    let field = |name: &str| field(&info, name);
    if field("loading") == Some("1") {
        return Err(Failure::refused("Redis is loading its data"));
    }
    let version = field("redis_version").unwrap_or("unknown");
    let needed = if server.in_cluster { OLDEST_IN_CLUSTER } else { OLDEST };
    if !is_new_enough(version, needed) {
        return Err(Failure::refused(format!(
            "Redis {version} is too old: {needed} or newer is needed"
        )));
    }
    if !server.in_cluster && field("cluster_enabled") == Some("1") {
        let what = "Redis is a node of a cluster: its address begins with redis+cluster://";
        return Err(Failure::refused(what));
    }
    let role = field("role").map(str::to_owned);
    match field("run_id") {
        Some(run) if !run.is_empty() => {
            let promotion = promotion(&info);
            Ok(Greeting { run: format!("{run}{promotion}").into(), promotion, role })
        }
        _ => Err(Failure::refused("Redis does not tell its run id")),
    }
}

fn is_new_enough(version: &str, needed: Version) -> bool {
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Version(major, minor) >= needed,
        _ => false,
    }
}

/// Loads our functions, as a library where the server can.
async fn load(wire: &mut MultiplexedConnection) -> Result<Dialect, Failure> {
    for dialect in [Dialect::Functions, Dialect::Scripts] {
        match wire.send_packed_command(&library::load(dialect)).await {
            Ok(Value::ServerError(error)) if !is_unknown_command(&error.clone().into()) => {
                return Ok(refused(dialect, &error.into()));
            }
            Ok(Value::ServerError(_)) => {}
            Ok(_) => return Ok(dialect),
            Err(error) if is_unknown_command(&error) => {}
            Err(error) if error.code().is_some() => return Ok(refused(dialect, &error)),
            Err(error) => return Err(Failure::from_redis(&error)),
        }
    }
    Err(Failure::refused("Redis knows neither functions nor scripts"))
}

/// A replica or a full server takes no library; what it can't do it says to each command.
fn refused(dialect: Dialect, error: &RedisError) -> Dialect {
    tracing::warn!(%error, "Redis did not take our functions");
    dialect
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, is_new_enough, promotion};

    #[test]
    fn a_promotion_has_a_name_of_its_own() {
        let (none, id) = ("0".repeat(40), "0123456789abcdef".repeat(3));
        for (left, at, name) in [
            (none.as_str(), "-1", ""),
            (&id, "15", "-0123456789abcdef-15"),
            (&id, "16", "-0123456789abcdef-16"),
        ] {
            let info =
                format!("role:master\r\nmaster_replid2:{left}\r\nsecond_repl_offset:{at}\r\n");
            assert_eq!(promotion(&info), name);
        }
        assert_eq!(promotion("role:master\r\n"), "", "it does not say");
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (version, enough) in
            [("7.0.15", true), ("6.2.0", true), ("10.0", true), ("6.0.16", false), ("x", false)]
        {
            assert_eq!(is_new_enough(version, OLDEST), enough, "{version}");
        }
    }
}
