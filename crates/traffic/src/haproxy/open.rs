//! Requests and streams that are open, and closing them.
//!
//! HAProxy knows a stream by the place of its memory, which another stream may have soon after. So
//! streams are closed right after they were listed; where all of an arm are to go, its servers are
//! named instead. One of the other arm that would be hit all the same comes back as after any broken
//! connection.

use std::{collections::HashSet, time::Duration};

use guard::Arm;
use tokio::time::{Instant, sleep};

use super::HaproxyRouter;
use crate::RouterError;

/// How many streams are named in one exchange; a line must fit into HAProxy's buffer of 16 KiB.
const CLOSED_AT_ONCE: usize = 100;
/// How often is looked whether they are gone.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A stream as `show sess` names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stream {
    id: String,
    from: String,
    /// None while it waits for one.
    server: Option<String>,
}

impl HaproxyRouter {
    /// Closes so many at most; returns how many are gone then.
    pub(super) async fn close(&self, arm: Arm, most: u64) -> Result<u64, RouterError> {
        self.read_mine().await?;
        let backend = self.backend(arm);
        let mut streams = self.list(backend).await?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if streams.is_empty() || most == 0 {
            return Ok(0);
        }
        let mut one_by_one: Vec<&Stream> = Vec::new();
        if streams.len() > most {
            streams.truncate(most);
            one_by_one.extend(&streams);
        } else {
            let servers: HashSet<_> = streams.iter().filter_map(|s| s.server.as_ref()).collect();
            for server in servers {
                self.order(&format!("shutdown sessions server {backend}/{server}")).await?;
            }
            one_by_one.extend(streams.iter().filter(|stream| stream.server.is_none()));
        }
        for some in one_by_one.chunks(CLOSED_AT_ONCE) {
            let commands: Vec<_> =
                some.iter().map(|stream| format!("shutdown session {}", stream.id)).collect();
            // One that is gone already is what was wanted.
            self.query_all(&commands.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        }
        self.count_gone(backend, &streams).await
    }

    /// Looks until all of them are gone, or for as long as an exchange may take.
    async fn count_gone(&self, backend: &str, closed: &[Stream]) -> Result<u64, RouterError> {
        let until = Instant::now() + self.settings.timeout;
        loop {
            let open: HashSet<_> =
                self.list(backend).await?.into_iter().map(|s| (s.id, s.from)).collect();
            let is_open = |stream: &&Stream| {
                // Cloned, since a set of pairs is asked by a pair.
                open.contains(&(stream.id.clone(), stream.from.clone()))
            };
            let left = closed.iter().filter(is_open).count();
            if left == 0 || Instant::now() >= until {
                return Ok((closed.len() - left) as u64);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn list(&self, backend: &str) -> Result<Vec<Stream>, RouterError> {
        let [answer] = self.query(["show sess"]).await?;
        parse(&answer, backend).map_err(|what| self.unreadable("show sess", what))
    }
}

/// Reads the streams of a backend in the answer to `show sess`.
fn parse(answer: &str, backend: &str) -> Result<Vec<Stream>, String> {
    let mut streams = Vec::new();
    for line in answer.lines() {
        let (id, fields) = line
            .split_once(": ")
            .filter(|(id, _)| id.starts_with("0x"))
            .ok_or_else(|| format!("`{line}` is no stream"))?;
        let field = |name: &str| {
            let value = fields.split(' ').find_map(|w| w.strip_prefix(name)?.strip_prefix('='));
            value.ok_or_else(|| format!("a stream has no `{name}`"))
        };
        if field("be")? == backend {
            let server = Some(field("srv")?).filter(|name| *name != "<none>").map(str::to_owned);
            let (id, from) = (id.to_owned(), field("src")?.to_owned());
            streams.push(Stream { id, from, server });
        }
    }
    Ok(streams)
}

#[cfg(test)]
mod tests;
