//! One process at a time, without a conflict detection to rest on: Lamport's bakery.
//!
//! Each process writes its own row alone, so nothing can be lost; it draws a number above all that it
//! sees and waits for those who draw at the moment and for smaller numbers. A row counts for
//! [`ROW_SECONDS`] by the database's own clock, which is longer than opening may take, so that one
//! whose process died does not stop the others for ever.

use std::time::Duration;

use surrealdb_types::SurrealValue;
use tokio::time::{Instant, sleep};
use ulid::Ulid;

use crate::{client::Client, error::QueryError, query::Query, retry::Backoff};

/// How long a row counts.
pub(crate) const ROW_SECONDS: u64 = 90;

const BETWEEN_LOOKS: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(200));

/// Our place in the queue; to be given back with [`Turn::end`].
pub(super) struct Turn {
    me: String,
}

#[derive(Clone, Debug, PartialEq, Eq, SurrealValue)]
struct Row {
    me: String,
    /// Zero while it is being drawn.
    number: i64,
}

impl Turn {
    /// Waits until it is ours.
    pub(super) async fn take(client: &Client, deadline: Instant) -> Result<Turn, QueryError> {
        let turn = Turn { me: Ulid::generate().to_string() };
        match turn.wait(client, deadline).await {
            Ok(()) => Ok(turn),
            Err(error) => {
                turn.end(client, deadline).await;
                Err(error)
            }
        }
    }

    async fn wait(&self, client: &Client, deadline: Instant) -> Result<(), QueryError> {
        self.write(client, 0, deadline).await?;
        let greatest = rows(client, deadline).await?.iter().map(|row| row.number).max();
        let number = greatest.unwrap_or(0).saturating_add(1);
        self.write(client, number, deadline).await?;
        let mut looks = 0;
        while rows(client, deadline).await?.iter().any(|row| self.yields_to(number, row)) {
            looks += 1;
            sleep(BETWEEN_LOOKS.pause(looks)).await;
            if Instant::now() >= deadline {
                let what = "another process is applying migrations".into();
                return Err(QueryError::Unreachable { what });
            }
        }
        Ok(())
    }

    fn yields_to(&self, number: i64, row: &Row) -> bool {
        row.me != self.me && (row.number, row.me.as_str()) < (number, self.me.as_str())
    }

    async fn write(
        &self,
        client: &Client,
        number: i64,
        deadline: Instant,
    ) -> Result<(), QueryError> {
        let query = Query::new(
            "queue for the migrations",
            "UPSERT type::record('tidegate_turn', $me)
             CONTENT { me: $me, number: $number, at: time::now() } RETURN NONE",
        );
        let query = query.bind("me", self.me.clone()).bind("number", number);
        client.run_until(&query, deadline).await.map(drop)
    }

    /// Gives it back, and removes rows of processes that are long gone.
    pub(super) async fn end(&self, client: &Client, deadline: Instant) {
        let text = format!(
            "DELETE type::record('tidegate_turn', $me);
             DELETE tidegate_turn WHERE at < time::now() - {ROW_SECONDS}s"
        );
        let query = Query::new("leave the queue", text).bind("me", self.me.clone());
        if let Err(error) = client.run_until(&query, deadline).await {
            tracing::warn!(%error, "the turn was not given back; it ends after {ROW_SECONDS} s");
        }
    }
}

async fn rows(client: &Client, deadline: Instant) -> Result<Vec<Row>, QueryError> {
    let text =
        format!("SELECT me, number FROM tidegate_turn WHERE at >= time::now() - {ROW_SECONDS}s");
    client.run_until(&Query::new("look at the queue", text), deadline).await?.rows(0)
}

#[cfg(test)]
mod tests;
