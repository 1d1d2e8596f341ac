//! `tidegate serve`: the server, configured by the environment and a file.

use std::process::ExitCode;

use node_runtime::{
    Settings,
    settings::{LogFormat, Values},
};

use crate::{cli::Style, failure::Failure};

/// Runs the server to its end; the exit code is its own.
///
/// # Errors
/// Fails on settings that make no sense.
pub(crate) async fn run(values: Values, style: Style) -> Result<ExitCode, Failure> {
    let parsed = Settings::parse(&values);
    // The values hold keys in the clear; a server keeps digests only.
    drop(values);
    let mut settings = parsed.map_err(|error| Failure::usage(error.to_string()))?;
    if style == Style::Json {
        settings.log.format = LogFormat::Json;
    }
    Ok(gotong_api::bootstrap_with(settings, console_api::annex).await)
}
