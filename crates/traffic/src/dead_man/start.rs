//! How a run's process starts its dead man, and is sure that it is on its own.

use std::{io, path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{DeadManOrder, OrderError};

/// How long it may take until the process is on its own.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// A dead man that can't be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its order can't be written.
    #[error("the dead man's order")]
    Order(#[from] OrderError),
    /// The program can't be started.
    #[error("the dead man can't be started")]
    Program(#[source] io::Error),
    /// It says nothing, or ended.
    #[error(
        "the dead man did not say that it is ready; look at dead-man.jsonl in the run's folder"
    )]
    NotReady,
}

/// Writes the order into the run's folder, and starts a program that calls [`super::stand_by()`] with that
/// folder and says one line on its standard output when it is on its own. It outlives this process.
///
/// # Errors
/// Fails where the order can't be written, or the program does not start or does not say that it did.
pub async fn start_dead_man(
    mut program: Command,
    folder: &Path,
    order: &DeadManOrder,
) -> Result<Child, StartError> {
    order.write(folder)?;
    program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(false);
    let mut child = program.spawn().map_err(StartError::Program)?;
    let said = child.stdout.take().ok_or(StartError::NotReady)?;
    let mut line = String::new();
    let mut said = BufReader::new(said);
    match timeout(READY_WITHIN, said.read_line(&mut line)).await {
        Ok(Ok(1..)) => Ok(child),
        _ => Err(StartError::NotReady),
    }
}
