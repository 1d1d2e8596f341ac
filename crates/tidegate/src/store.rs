//! `tidegate store`: looks at the database that the settings mean, and checks a release candidate.

mod gates;

use ::store::{Backend, LedgerState, OpenError, QueryError, Store, StoreStatus};
use node_runtime::Settings;
use serde_json::json;

use crate::{
    cli::{StoreCommand, Style},
    console,
    exit::Exit,
    failure::Failure,
};

/// Carries the command out.
///
/// # Errors
/// Fails on settings that make no sense, and where the database can't be looked at.
pub(crate) async fn run(command: StoreCommand, style: Style) -> Result<Exit, Failure> {
    let args = match command {
        StoreCommand::Status(args) => args,
        StoreCommand::Gates(args) => return gates::run(args, style).await,
    };
    let parsed = Settings::parse(&args.config.values()?);
    let settings = parsed.map_err(|error| Failure::usage(error.to_string()))?;
    let options = gotong_api::store_options(&settings).map_err(Failure::usage)?;
    if options.backend == Backend::Memory {
        let message = "DATA_BACKEND=memory: the rows are in a server's memory, ask its /api/health";
        return Err(Failure::usage(message));
    }
    let place = gotong_api::store_place(&settings);
    let status = Store::inspect(options).await.map_err(|error| failure(error, &place))?;
    console::conclude(&match style {
        Style::Human => in_words(&status, &place),
        Style::Json => document(&status, &place).to_string(),
    });
    Ok(match status.ledger {
        LedgerState::Current => Exit::Done,
        LedgerState::Behind(_) | LedgerState::Refused(_) => Exit::Failed,
    })
}

fn failure(error: OpenError, place: &str) -> Failure {
    let failure = match &error {
        OpenError::Query(QueryError::Refused) => Failure::usage(place),
        OpenError::Ledger(_) => Failure::failed(place),
        _ => Failure::unreachable(place),
    };
    failure.because(error)
}

/// Returns one word for how the ledger stands, and what is to be said of it.
fn standing(ledger: &LedgerState) -> (&'static str, Option<String>) {
    match ledger {
        LedgerState::Current => ("current", None),
        LedgerState::Behind(files) => ("behind", Some(format!("it lacks {}", files.join(", ")))),
        LedgerState::Refused(fault) => ("refused", Some(fault.to_string())),
    }
}

fn in_words(status: &StoreStatus, place: &str) -> String {
    let (word, reason) = standing(&status.ledger);
    let engine = status.engine.unwrap_or("not told by the server");
    let mut lines = vec![
        format!("database            {} at {place}", status.backend),
        format!("version             {}", status.version),
        format!("engine              {engine}"),
        format!("migration checksum  {}", status.checksum),
        format!("migrations          {word}, {} applied", status.applied.len()),
    ];
    lines.extend(
        status.applied.iter().map(|applied| {
            format!("  {:04}  {}  {}", applied.number, applied.sha256, applied.name)
        }),
    );
    lines.extend(reason.map(|reason| format!("  {reason}")));
    lines.join("\n")
}

fn document(status: &StoreStatus, place: &str) -> serde_json::Value {
    let (word, reason) = standing(&status.ledger);
    let applied: Vec<_> = status
        .applied
        .iter()
        .map(|applied| {
            json!({
                "number": applied.number,
                "name": applied.name,
                "sha256": applied.sha256,
                "applied_at_ms": applied.at_ms,
            })
        })
        .collect();
    json!({
        "backend": status.backend,
        "place": place,
        "version": status.version,
        "engine": status.engine,
        "migration_checksum": status.checksum,
        "ledger": word,
        "reason": reason,
        "applied": applied,
    })
}
