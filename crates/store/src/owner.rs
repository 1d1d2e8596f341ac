//! Which processes serve a database: one alone, or several that share a log.
//!
//! Rests on no conflict detection: each process writes the row of its own name alone and looks at the
//! others after that, so of two that come at one time at least one sees the other. Both may, and then
//! both withdraw and come again at a time that each draws. Every later request of a process looks for
//! its row, every write in its own statement: one that was paused for so long that another took its
//! place writes nothing any more.

use std::{collections::BTreeMap, time::Duration};

use surrealdb_types::SurrealValue;
use tokio::time::{Instant, sleep};
use ulid::Ulid;

use crate::{
    client::Client,
    error::{OwnError, QueryError},
    query::Query,
    retry::Backoff,
};

/// How long a row counts that is not renewed.
pub(crate) const ROW_SECONDS: u64 = 15;

const BETWEEN_LOOKS: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(1));

/// Whom a process may have beside it on its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenure {
    /// Nobody.
    Alone,
    /// Others that keep the logs of threads in the same place.
    Shared {
        /// That place, in a word that is equal for all of them; everybody who reads the database can
        /// read it.
        log: String,
    },
}

impl Tenure {
    fn log(&self) -> Option<&str> {
        match self {
            Tenure::Alone => None,
            Tenure::Shared { log } => Some(log),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, SurrealValue)]
struct Row {
    name: String,
    run: String,
    alone: bool,
    /// Where it keeps the logs of threads; none where it is alone, or of an older version.
    log: Option<String>,
    /// How long ago it was renewed, by the database's clock.
    age_ms: i64,
}

impl Row {
    fn forbids(&self, name: &str, tenure: &Tenure) -> bool {
        self.name != name && (self.alone || *tenure == Tenure::Alone || self.is_elsewhere(tenure))
    }

    /// Returns whether both share logs, and not the same ones.
    fn is_elsewhere(&self, tenure: &Tenure) -> bool {
        let theirs = self.log.as_deref();
        theirs.zip(tenure.log()).is_some_and(|(theirs, ours)| theirs != ours)
    }

    /// Returns why a process with this tenure is refused because of this row.
    fn refusal(self, tenure: &Tenure) -> OwnError {
        match self.is_elsewhere(tenure) {
            true => OwnError::Elsewhere { by: self.name },
            false => OwnError::Held { by: self.name, alone: self.alone },
        }
    }
}

/// The row that a process has.
#[derive(Clone, Debug)]
pub(crate) struct PlaceHeld {
    pub(crate) name: String,
    pub(crate) run: String,
    pub(crate) tenure: Tenure,
}

/// Takes the place of `name` on the database; one that a process with this name had is taken over.
///
/// Waits for a row whose process may be dead until it counts no more; one that is renewed meanwhile
/// is refused at once. Gives up at the deadline.
///
/// # Errors
/// Fails where another process is there, or the database has no answer.
///
/// # Cancel safety
/// A row that is left behind counts for [`ROW_SECONDS`].
pub(crate) async fn take(
    client: &Client,
    name: &str,
    tenure: &Tenure,
    deadline: Instant,
) -> Result<(), OwnError> {
    let run = Ulid::generate().to_string();
    let mut ages = BTreeMap::new();
    let mut looks = 0;
    loop {
        claim(client, name, &run, tenure).await?;
        // Before the look: whoever comes back after it has no row any more.
        clear(client, tenure).await?;
        let fresh = fresh(client).await?;
        let Some(other) = fresh.into_iter().find(|row| row.forbids(name, tenure)) else { break };
        withdraw(client, name, &run, Instant::now() + client.options.deadline).await?;
        let seen = ages.insert(other.name.clone(), (other.run.clone(), other.age_ms));
        let is_renewed = seen.is_some_and(|(run, age)| run == other.run && other.age_ms < age);
        if is_renewed || Instant::now() >= deadline {
            return Err(other.refusal(tenure));
        }
        if looks == 0 {
            tracing::info!(by = other.name, "waiting for a process that may have ended");
        }
        looks += 1;
        sleep(BETWEEN_LOOKS.pause(looks)).await;
    }
    client.expect_place(PlaceHeld { name: name.to_owned(), run, tenure: tenure.clone() });
    Ok(())
}

async fn claim(client: &Client, name: &str, run: &str, tenure: &Tenure) -> Result<(), QueryError> {
    let query = Query::of_places(
        "take the database",
        "UPSERT type::record('tidegate_owner', $name)
         CONTENT { run: $run, alone: $alone, log: $log, at: time::now() } RETURN NONE",
    );
    let query = query.bind("name", name.to_owned()).bind("run", run.to_owned());
    let query = query.bind("log", tenure.log().map(str::to_owned));
    client.run(&query.bind("alone", *tenure == Tenure::Alone)).await.map(drop)
}

async fn fresh(client: &Client) -> Result<Vec<Row>, QueryError> {
    let text = format!(
        "SELECT record::id(id) AS name, run, alone, log,
             duration::millis(time::now() - at) AS age_ms FROM tidegate_owner
         WHERE at >= time::now() - {ROW_SECONDS}s ORDER BY name"
    );
    client.run(&Query::of_places("look who has the database", text)).await?.rows(0)
}

/// Removes rows that count no more and would forbid us, so that their processes find out.
async fn clear(client: &Client, tenure: &Tenure) -> Result<(), QueryError> {
    let text = format!(
        "DELETE tidegate_owner WHERE at < time::now() - {ROW_SECONDS}s AND (alone OR $alone)"
    );
    let query = Query::of_places("forget who had the database", text);
    client.run(&query.bind("alone", *tenure == Tenure::Alone)).await.map(drop)
}

/// Renews the row that this process has. One that shares the database takes its place again where
/// another process was alone on it meanwhile and is gone; one that was alone does not: it has given
/// numbers that nobody knows of.
pub(crate) async fn renew(client: &Client) -> Result<(), QueryError> {
    let Some(PlaceHeld { name, run, tenure }) = client.place() else { return Ok(()) };
    let query = Query::new(
        "keep the database",
        "UPDATE type::record('tidegate_owner', $name) SET at = time::now()
         WHERE run = $run RETURN NONE",
    );
    let query = query.bind("name", name.to_owned()).bind("run", run.to_owned()).urgent();
    match client.run(&query).await {
        Err(QueryError::Taken) if *tenure != Tenure::Alone => {
            return_to(client, name, run, tenure).await
        }
        renewed => renewed.map(drop),
    }
}

/// Puts a shared row there again where nobody forbids it, and nobody else has our name by now.
async fn return_to(
    client: &Client,
    name: &str,
    run: &str,
    tenure: &Tenure,
) -> Result<(), QueryError> {
    let is_anothers = |row: &Row| row.name == name && row.run != run;
    let forbids = |row: &Row| row.forbids(name, tenure) || is_anothers(row);
    let taken = |rows: &[Row]| rows.iter().any(forbids);
    if taken(&fresh(client).await?) {
        return Err(QueryError::Taken);
    }
    claim(client, name, run, tenure).await?;
    if taken(&fresh(client).await?) {
        withdraw(client, name, run, Instant::now() + client.options.deadline).await?;
        return Err(QueryError::Taken);
    }
    tracing::warn!(name, "the place on the database was lost, and is taken again");
    Ok(())
}

/// Removes our row where it is ours.
async fn withdraw(
    client: &Client,
    name: &str,
    run: &str,
    deadline: Instant,
) -> Result<(), QueryError> {
    let query = Query::of_places(
        "give the database back",
        "DELETE type::record('tidegate_owner', $name) WHERE run = $run",
    );
    let query = query.bind("name", name.to_owned()).bind("run", run.to_owned());
    client.run_until(&query, deadline).await.map(drop)
}

/// Gives the place back, so that nobody has to wait for it.
pub(crate) async fn give_back(client: &Client, deadline: Instant) {
    let Some(PlaceHeld { name, run, .. }) = client.place() else { return };
    if let Err(error) = withdraw(client, name, run, deadline).await {
        tracing::warn!(%error, "the place was not given back; it ends after {ROW_SECONDS} s");
    }
}

#[cfg(test)]
mod tests;
