//! The server with chat alone, configured by its environment; `tidegate serve` is the same with a file.

use std::process::ExitCode;

use node_runtime::settings::{Settings, Values};

/// What is said to whoever gives it arguments.
const USAGE: &str = "it takes no arguments, and is configured by its environment (docs/settings.md); \
                     `tidegate serve` is the same with a file, and has --help\n\
                     Example: VIZ_API_BIND=127.0.0.1:3000 DATA_BACKEND=embedded gotong-api";

fn main() -> ExitCode {
    if let Some(argument) = std::env::args_os().nth(1) {
        complain(USAGE);
        let is_question = ["--help", "-h", "help"].iter().any(|known| argument == *known);
        return if is_question { ExitCode::SUCCESS } else { ExitCode::from(64) };
    }
    let values = Values::from_environment(std::env::vars_os());
    match Settings::parse(&values) {
        Ok(settings) => run(settings),
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(64)
        }
    }
}

fn run(settings: Settings) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(gotong_api::bootstrap(settings)),
        Err(error) => {
            complain(&format!("no runtime: {error}"));
            ExitCode::from(69)
        }
    }
}

#[expect(clippy::print_stderr, reason = "there is no logger before the settings are known")]
fn complain(text: &str) {
    eprintln!("gotong-api: {text}");
}
