//! Making a connection: the only place that knows how a server is found and spoken to.

use std::sync::Arc;

use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, PushInfo,
    PushKind, RedisError, Value, aio::MultiplexedConnection,
};
use tokio::sync::Notify;

use super::super::{
    failure::{Failure, is_unknown_command},
    library::{self, Dialect},
    options::RedisAddressError,
};

/// The oldest server that has all that we use (`XTRIM MINID`, RESP3).
const VERSION_MIN: (u32, u32) = (6, 2);

/// Returns what connects to a server at this address.
pub(in super::super) fn client(url: &str) -> Result<Client, RedisAddressError> {
    let wrong = |error: RedisError| RedisAddressError(error.category().to_owned());
    let info: ConnectionInfo = url.into_connection_info().map_err(wrong)?;
    if url.starts_with("rediss:") {
        // An error says that a provider is there already; there is one in the workspace.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Client::open(info.set_redis_settings(settings)).map_err(wrong)
}

fn config() -> AsyncConnectionConfig {
    // The link and the subscription bound the time of everything themselves.
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

/// Makes the connection that commands share; `gone` is told when it breaks.
pub(super) async fn connect(
    client: &Client,
    gone: Arc<Notify>,
) -> Result<(MultiplexedConnection, Arc<str>, Dialect), Failure> {
    let config = config().set_pipeline_buffer_size(1024);
    let wire = open(client, config, move |push: PushInfo| {
        if push.kind == PushKind::Disconnection {
            gone.notify_one();
        }
    });
    let mut wire = wire.await?;
    let run = greet(&mut wire).await?;
    let dialect = load(&mut wire).await?;
    Ok((wire, run, dialect))
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

/// Learns the server's run id, and whether it can serve us.
async fn greet(wire: &mut MultiplexedConnection) -> Result<Arc<str>, Failure> {
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
    if !is_new_enough(version) {
        let (major, minor) = VERSION_MIN;
        return Err(Failure::refused(format!(
            "Redis {version} is too old: {major}.{minor} or newer is needed"
        )));
    }
    match field("run_id") {
        Some(run) if !run.is_empty() => Ok(run.into()),
        _ => Err(Failure::refused("Redis does not tell its run id")),
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= VERSION_MIN,
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
    use super::{client, is_new_enough};

    #[test]
    fn versions_are_compared_by_number() {
        for (version, enough) in
            [("7.0.15", true), ("6.2.0", true), ("10.0", true), ("6.0.16", false), ("x", false)]
        {
            assert_eq!(is_new_enough(version), enough, "{version}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_repeating_it() {
        let error = client("http://user:hunter2@example.com").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
