//! Applying what the ledger lacks, and marking the database.

use tokio::time::Instant;
use ulid::Ulid;

use super::{
    file::MigrationFile,
    ledger::{self, Entry},
    turn::Turn,
};
use crate::{
    client::Client,
    error::{OpenError, QueryError},
    options::Backend,
    query::Query,
    row::{int, now_ms},
};

/// What must be there before a ledger can be kept. Fields are not defined: a table without them takes
/// what it is given, and nothing here may depend on a definition that two processes make at once.
const GROUND: &str = "
    DEFINE TABLE IF NOT EXISTS tidegate_migration SCHEMALESS PERMISSIONS NONE;
    DEFINE TABLE IF NOT EXISTS tidegate_turn SCHEMALESS PERMISSIONS NONE;
    DEFINE TABLE IF NOT EXISTS tidegate_mark SCHEMALESS PERMISSIONS NONE;
";

/// Brings the database to this program's migrations, and returns its mark.
pub(crate) async fn migrate(client: &Client, deadline: Instant) -> Result<String, OpenError> {
    let missing = ledger::state(&ledger::read(client, deadline).await?)?;
    if missing.is_empty()
        && let Some(mark) = read_mark(client, deadline).await?
    {
        return Ok(mark);
    }
    make_place(client, deadline).await?;
    client.run_until(&Query::new("make the ledger", GROUND), deadline).await?;
    if !matches!(client.options.backend, Backend::Surreal(_)) {
        // Nobody else can have it open.
        return apply_missing(client, deadline).await;
    }
    let turn = Turn::take(client, deadline).await?;
    let applied = apply_missing(client, deadline).await;
    turn.end(client, deadline).await;
    applied
}

/// Makes the namespace and the database, where we may; where we may not, they must be there.
async fn make_place(client: &Client, deadline: Instant) -> Result<(), OpenError> {
    let Backend::Surreal(server) = &client.options.backend else { return Ok(()) };
    let (namespace, database) = (server.place.namespace(), server.place.database());
    let text = format!(
        "DEFINE NAMESPACE IF NOT EXISTS `{namespace}`; DEFINE DATABASE IF NOT EXISTS `{database}`"
    );
    match client.run_until(&Query::new("make the database", text), deadline).await {
        Ok(_) | Err(QueryError::Rejected { .. } | QueryError::Refused) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn apply_missing(client: &Client, deadline: Instant) -> Result<String, OpenError> {
    let missing = ledger::state(&ledger::read(client, deadline).await?)?;
    for file in missing {
        client.run_until(&Query::new(file.name, file.text), deadline).await?;
        enter(client, file, deadline).await?;
        tracing::info!(migration = file.name, "applied");
    }
    let left = ledger::state(&ledger::read(client, deadline).await?)?;
    if let Some(file) = left.first() {
        let what = format!("{} was applied and is not in the ledger", file.name);
        return Err(QueryError::Damaged { operation: "keep the ledger", what }.into());
    }
    mark(client, deadline).await
}

async fn enter(client: &Client, file: &MigrationFile, until: Instant) -> Result<(), QueryError> {
    let entry = Entry {
        number: i64::from(file.number),
        name: file.name.into(),
        sha256: file.sha256(),
        applied_at_ms: int(now_ms()),
    };
    let query = Query::new(
        "keep the ledger",
        "INSERT IGNORE INTO tidegate_migration
         (object::extend($entry, { id: type::record('tidegate_migration', $entry.number) }))
         RETURN NONE",
    );
    client.run_until(&query.bind("entry", entry), until).await.map(drop)
}

/// Returns the database's mark, which it has from now on.
async fn mark(client: &Client, deadline: Instant) -> Result<String, OpenError> {
    if let Some(mark) = read_mark(client, deadline).await? {
        return Ok(mark);
    }
    let query = Query::new(
        "mark the database",
        "INSERT IGNORE INTO tidegate_mark { id: tidegate_mark:main, mark: $new } RETURN NONE",
    );
    client.run_until(&query.bind("new", Ulid::generate().to_string()), deadline).await?;
    let mark = read_mark(client, deadline).await?;
    let missing = || QueryError::Damaged {
        operation: "mark the database",
        what: "the mark was written and is not there".into(),
    };
    Ok(mark.ok_or_else(missing)?)
}

/// Returns the database's mark, where it has one.
pub(crate) async fn read_mark(
    client: &Client,
    deadline: Instant,
) -> Result<Option<String>, QueryError> {
    let query = Query::new("read the mark", "SELECT VALUE mark FROM tidegate_mark:main");
    match client.run_until(&query, deadline).await {
        Ok(mut answer) => Ok(answer.rows(0)?.pop()),
        Err(QueryError::Other) => Ok(None),
        Err(error) => Err(error),
    }
}
