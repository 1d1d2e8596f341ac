//! A SurrealDB server of the measurement's own: found, started in a folder, ready.

use std::{
    env,
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use super::{LOOK_EVERY, Opening, START_TIME_MAX, ports, probe};
use crate::{error::BenchError, process::Daemon, stop::Stop};

/// The version that chat is written for.
const VERSION: &str = "3.0.0";

const NAME: &str = "SurrealDB 3.0.0";

const ADVICE: &str =
    "name its server in --surreal or SURREAL_BIN, or put it on the path as `surreal`";

/// Who may do everything on the server.
pub(super) const USER: &str = "bench-root";

/// Its password; the server listens to this machine alone, and ends with the measurement.
pub(super) const PASSWORD: &str = "bench-root-password";

/// Starts it with its rows in a folder.
///
/// # Errors
/// Fails where it is not there, is of another version, or does not come up.
pub(super) fn start(
    program: Option<&Path>,
    folder: &Path,
    stop: &Stop,
) -> Result<(SocketAddr, Daemon), BenchError> {
    let program = find(program)?;
    let [at] = ports::free().map_err(BenchError::machine("no port is free"))?;
    fs::create_dir(folder).map_err(BenchError::file(folder))?;
    let mut command = Command::new(program);
    command.args(["start", "--no-banner", "--user", USER, "--pass", PASSWORD, "--log", "warn"]);
    command.args(["--bind", &at.to_string()]);
    command.arg(format!("surrealkv://{}", folder.join("rows").display()));
    command.env_clear().current_dir(folder);
    let daemon = Daemon::start(command, folder);
    let mut daemon = daemon.map_err(BenchError::machine("surreal can't be started"))?;
    let health = "GET /health HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n".to_owned();
    let health = Opening::sse(health, "");
    let deadline = Instant::now() + START_TIME_MAX;
    while !probe(at, &health).is_ok_and(|line| line.contains(" 200 ")) {
        stop.check()?;
        if daemon.is_gone() || Instant::now() >= deadline {
            let what = format!("does not start: {}", daemon.log_end());
            return Err(BenchError::Unreachable { server: NAME.to_owned(), what });
        }
        stop.wait(LOOK_EVERY);
    }
    Ok((at, daemon))
}

/// Returns the program: the one that is given, that `SURREAL_BIN` names, or that of the path.
fn find(given: Option<&Path>) -> Result<OsString, BenchError> {
    let named = || env::var_os("SURREAL_BIN").filter(|name| !name.is_empty());
    let given = given.map(|path| path.as_os_str().to_owned());
    let program = given.or_else(named).unwrap_or_else(|| "surreal".into());
    let output = Command::new(&program).arg("version").stdin(Stdio::null()).output();
    let missing = |missing: String| BenchError::Missing { server: NAME, missing, advice: ADVICE };
    let shown = program.to_string_lossy().into_owned();
    let Ok(output) = output else { return Err(missing(format!("the program `{shown}`"))) };
    let said = String::from_utf8_lossy(&output.stdout);
    match says_version(&said) {
        true => Ok(program),
        false => Err(missing(format!("that version: `{shown} version` says {:?}", said.trim()))),
    }
}

fn says_version(output: &str) -> bool {
    output.split_whitespace().next() == Some(VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_itself_is_good() {
        let check = |said: &str, good: bool| assert_eq!(says_version(said), good, "{said}");
        check("3.0.0 for linux on x86_64\n", true);
        check("3.0.01 for linux", false);
        check("2.3.7", false);
        check("", false);
    }

    #[test]
    fn a_program_that_is_not_there_is_said_with_advice() {
        let error = find(Some(Path::new("/nowhere/surreal"))).unwrap_err().to_string();
        assert!(error.contains("/nowhere/surreal") && error.contains("SURREAL_BIN"), "{error}");
        let error = find(Some(Path::new("true"))).unwrap_err().to_string();
        assert!(error.contains("version"), "{error}");
    }
}
