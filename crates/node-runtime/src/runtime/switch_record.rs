//! What the last process left written of a live switch: a damaged record is set aside, and the worst
//! is reckoned with.

use std::{fs, io, path::Path};

use broker::live::{Record, Stage, SwitchError, SwitchLog, Target};
use event::UnixMs;

/// Looks whether there is a record, and puts another in the place of a damaged one.
///
/// # Errors
/// Fails where it can't be read, or can't be set aside.
pub(super) fn check(log: &dyn SwitchLog, folder: &Path, now: UnixMs) -> Result<bool, SwitchError> {
    let disk = |error: io::Error| SwitchError::Disk(error.to_string());
    match log.read() {
        Ok(record) => Ok(record.is_some()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let moved_to = folder.join(format!("switch.damaged-{}", now.0));
            fs::rename(folder.join("switch"), &moved_to).map_err(disk)?;
            tracing::error!(
                %error,
                moved_to = %moved_to.display(),
                "what was written of a live switch could not be used and was set aside; what Redis \
                 has is read, and readers get gap: data_loss"
            );
            log.write(WORST).map_err(disk)?;
            Ok(true)
        }
        Err(error) => Err(disk(error)),
    }
}

/// What is reckoned with where nobody knows: either may have what the other lacks.
const WORST: Record =
    Record { to: Target::Redis, stage: Stage::Switching, redis_may_own: true, memory_leads: true };
