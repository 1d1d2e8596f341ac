//! The server with its echo route, for WebSocket conformance suites.

use std::process::ExitCode;

use node_runtime::settings::{Settings, Values};

#[tokio::main]
async fn main() -> ExitCode {
    match Settings::parse(&Values::from_environment(std::env::vars_os())) {
        Ok(settings) => viz_api::bootstrap(settings).await,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "there is no log yet")]
            {
                eprintln!("{error}");
            }
            ExitCode::from(64)
        }
    }
}
