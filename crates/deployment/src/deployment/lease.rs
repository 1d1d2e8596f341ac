//! The run's lease on what it acts on: the router's, and a file that keeps other processes away.

use std::{
    fs::{File, TryLockError},
    path::PathBuf,
};

use conductor::LeaseError;
use jiff::Timestamp;
use parking_lot::Mutex;
use traffic::{Owner, Router, RouterError, UnixTime, chain};

/// A lease that is taken, renewed and given back.
#[derive(Debug)]
pub(super) struct Lease {
    file: Option<PathBuf>,
    lock: Mutex<Option<File>>,
    /// Whether the router's lease is this process's.
    is_taken: Mutex<bool>,
}

impl Lease {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Lease { file, lock: Mutex::default(), is_taken: Mutex::default() }
    }

    /// Takes or renews it until then; a time that is over gives it back. One that was lost is taken
    /// again at the next call, with no traffic for the canary.
    pub(super) async fn keep(
        &self,
        router: Option<&dyn Router>,
        run: &str,
        until: Timestamp,
    ) -> Result<(), LeaseError> {
        let is_over = until <= Timestamp::now();
        if !is_over {
            self.take_file()?;
        }
        let kept = match router {
            Some(router) if is_over => self.release(router).await,
            Some(router) => self.renew(router, until).await,
            None => Ok(()),
        };
        if is_over {
            *self.lock.lock() = None;
        }
        kept.map_err(|error| told(&error, run))
    }

    async fn renew(&self, router: &dyn Router, until: Timestamp) -> Result<(), RouterError> {
        let seconds = UnixTime(u64::try_from(until.as_second()).unwrap_or_default());
        let was_taken = *self.is_taken.lock();
        let kept =
            if was_taken { router.renew(seconds).await } else { router.acquire(seconds).await };
        let is_lost = matches!(
            kept,
            Err(RouterError::Lost { .. } | RouterError::Expired { .. } | RouterError::Owned { .. })
        );
        *self.is_taken.lock() = if was_taken { !is_lost } else { kept.is_ok() };
        kept.map(|_| ())
    }

    async fn release(&self, router: &dyn Router) -> Result<(), RouterError> {
        if !std::mem::take(&mut *self.is_taken.lock()) {
            return Ok(());
        }
        router.release().await.map(|_| ())
    }

    fn take_file(&self) -> Result<(), LeaseError> {
        let Some(path) = &self.file else { return Ok(()) };
        let mut lock = self.lock.lock();
        if lock.is_some() {
            return Ok(());
        }
        let failed = |error: std::io::Error| {
            LeaseError::Unreachable(format!("{} can't be locked: {error}", path.display()))
        };
        let file = File::options().create(true).append(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                *lock = Some(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => {
                Err(LeaseError::Held(format!("of the process that has {} locked", path.display())))
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

fn told(error: &RouterError, run: &str) -> LeaseError {
    match error {
        RouterError::Owned { by, .. } if is_dead_man(by, run) => LeaseError::Unreachable(
            "nobody renewed the lease, and the dead man of this run takes the canary out of the \
             traffic; it gives it back when nothing is left, and the run may then have it again"
                .to_owned(),
        ),
        RouterError::Owned { by, .. } if by.as_str() != run => LeaseError::Held(by.to_string()),
        error => LeaseError::Unreachable(chain(error)),
    }
}

fn is_dead_man(owner: &Owner, run: &str) -> bool {
    run.parse::<Owner>().is_ok_and(|run| run.dead_man() == *owner)
}
