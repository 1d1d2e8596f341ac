//! Asking sentinels for the primary.
//!
//! Rule: all that the address names are asked at once, and the primary that most of them name is
//! taken. A sentinel that is cut off, or was, can't lead us to an old primary while others answer.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use redis::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    address::{Address, Host},
    answer,
    failure::Failure,
};

/// The sentinels of one service.
pub(super) struct Sentinels {
    address: Arc<Address>,
    service: String,
    /// How long they may take to answer.
    time_max: Duration,
}

impl Sentinels {
    pub(super) fn new(address: Arc<Address>, service: &str, time_max: Duration) -> Self {
        Sentinels { address, service: service.to_owned(), time_max }
    }

    /// Returns the primary's place.
    pub(super) async fn primary(&self) -> Result<Host, Failure> {
        let deadline = Instant::now() + self.time_max;
        let hosts = &self.address.hosts;
        let mut answers: FuturesUnordered<_> =
            hosts.iter().map(|host| timeout_at(deadline, self.ask(host))).collect();
        let mut votes: HashMap<Host, usize> = HashMap::new();
        let mut trouble = None;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(Ok(primary)) => {
                    let count = votes.entry(primary.clone()).or_default();
                    *count += 1;
                    if *count * 2 > hosts.len() {
                        return Ok(primary);
                    }
                }
                Ok(Err(failure)) => trouble = Some(failure.reason),
                Err(_) => trouble = trouble.or(Some("it did not answer in time".to_owned())),
            }
        }
        let most = votes.into_iter().max_by_key(|(_, count)| *count);
        let trouble = trouble.unwrap_or_default();
        let none = || Failure::refused(format!("no sentinel names a primary: {trouble}"));
        most.map(|(primary, _)| primary).ok_or_else(none)
    }

    async fn ask(&self, host: &Host) -> Result<Host, Failure> {
        let client = self.address.sentinel_at(host)?;
        let config = super::link::config();
        let connected = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut wire = connected.map_err(|error| Failure::from_redis(&error))?;
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        match ask.query_async(&mut wire).await {
            Ok(Value::Array(parts)) => {
                primary_in(parts).ok_or_else(|| Failure::refused("it answered nonsense"))
            }
            Ok(Value::Nil) => Err(Failure::refused(format!("it knows no `{}`", self.service))),
            Ok(_) => Err(Failure::refused("it answered nonsense")),
            Err(error) => Err(Failure::from_redis(&error)),
        }
    }
}

fn primary_in(parts: Vec<Value>) -> Option<Host> {
    let [name, port]: [Value; 2] = parts.try_into().ok()?;
    Some(Host { name: answer::text(name)?, port: answer::text(port)?.parse().ok()? })
}
