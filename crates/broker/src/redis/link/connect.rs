//! Making a connection: the only place that knows how a server is spoken to at first.

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
    Ok(Made { found, wire, run: greeting.run, dialect, witness })
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
    role: Option<String>,
}

/// Learns the server's run id, and whether it can serve us.
async fn greet(wire: &mut MultiplexedConnection, server: Server) -> Result<Greeting, Failure> {
    let info: String =
        redis::cmd("INFO").query_async(wire).await.map_err(|error| Failure::from_redis(&error))?;
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(field, _)| *field == name).map(|(_, value)| value.trim())
    };
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
        Some(run) if !run.is_empty() => Ok(Greeting { run: run.into(), role }),
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
    use super::{OLDEST, is_new_enough};

    #[test]
    fn versions_are_compared_by_number() {
        for (version, enough) in
            [("7.0.15", true), ("6.2.0", true), ("10.0", true), ("6.0.16", false), ("x", false)]
        {
            assert_eq!(is_new_enough(version, OLDEST), enough, "{version}");
        }
    }
}
