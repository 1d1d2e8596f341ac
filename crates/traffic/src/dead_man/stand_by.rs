//! The life of a dead man's process: alone in its session, one for each run, and what it did written down.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::{
    DeadManAccount, DeadManEnd, DeadManError, DeadManOrder, OrderError,
    account::{DeadManSaid, Writer},
    dead_man,
};

/// The file that one dead man of a run has locked.
const LOCK: &str = "dead-man.lock";

/// How it stood by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoodBy {
    /// To its end.
    Ended(DeadManEnd),
    /// Not at all: another one does for the same run.
    Another,
}

/// A dead man that could not do what it is for.
#[derive(Debug, thiserror::Error)]
pub enum StandByError {
    /// It does not know what to do.
    #[error("the dead man has no order")]
    Order(#[from] OrderError),
    /// A file beside the run.
    #[error("{} can't be opened and locked", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The canary could not be watched or taken out.
    #[error("the canary")]
    Canary(#[from] DeadManError),
}

/// Carries the order in the folder of a run out, and writes down there what is done. This process leaves
/// the session that it was started in, so that neither an interrupt at a terminal nor its end is its
/// own. Where another one stands by for the run already, this ends at once.
///
/// `ready` is called when the process is on its own.
///
/// # Errors
/// Fails where there is no order, nothing can be written, the router is away for too long, or the canary
/// can't be emptied; all but the first two stand in the account as well.
pub async fn stand_by(folder: &Path, ready: impl FnOnce()) -> Result<StoodBy, StandByError> {
    let order = DeadManOrder::read(folder)?;
    let router = order.router()?;
    // The first of a group is alone already, as far as interrupts go.
    let _is_first = rustix::process::setsid();
    let Some(_lock) = lock(folder)? else {
        ready();
        return Ok(StoodBy::Another);
    };
    let path = folder.join(DeadManAccount::file_name());
    let mut writer = Writer::open(folder).map_err(|source| StandByError::File { path, source })?;
    ready();
    let ended =
        dead_man(&router, &order.settings(), &mut |note| writer.say(DeadManSaid::Note(note))).await;
    match ended {
        Ok(end) => {
            writer.say(DeadManSaid::End(end.clone()));
            Ok(StoodBy::Ended(end))
        }
        Err(error) => {
            writer.say(DeadManSaid::Failed { failed: error.to_string() });
            Err(error.into())
        }
    }
}

/// Returns whether the dead man of a run is taking the canary out at this moment.
///
/// # Errors
/// Fails where its files can't be read.
pub fn is_acting(folder: &Path) -> io::Result<bool> {
    if !DeadManAccount::read(folder)?.is_amid() {
        return Ok(false);
    }
    let file = File::options().append(true).open(folder.join(LOCK))?;
    Ok(matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Takes the lock of a run's dead man; nothing where another one has it.
fn lock(folder: &Path) -> Result<Option<File>, StandByError> {
    let path = folder.join(LOCK);
    let failed = |source| StandByError::File { path: path.clone(), source };
    let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
