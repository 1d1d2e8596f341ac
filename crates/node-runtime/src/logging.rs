//! Structured logs, for people or for machines.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::ParseError, util::TryInitError};

use crate::settings::{LogFormat, LogSettings};

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is malformed.
    #[error("the log filter is malformed")]
    Filter(#[from] ParseError),
    /// The process has a logger already.
    #[error("logging is set up already")]
    Twice(#[from] TryInitError),
}

pub(crate) fn parse_filter(text: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(text)
}

/// Sends the process's log to standard error.
///
/// # Errors
/// Fails on a malformed filter, and where the process has a logger already.
pub fn init_logging(settings: &LogSettings) -> Result<(), LoggingError> {
    use tracing_subscriber::util::SubscriberInitExt;

    // Each start would begin with ten lines of how the database's engine is set up.
    let filter = match &*settings.filter {
        "info" => "info,surrealdb=warn",
        filter => filter,
    };
    let filter = parse_filter(filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match settings.format {
        LogFormat::Human => builder.finish().try_init()?,
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}
