//! What a run acts on, read from its file.

use std::{fs, path::Path, sync::Arc};

use ::runbook::Plan;
use conductor::World;
use deployment::Environment;
use evidence::{Hash, Redactor, Visible};

use crate::failure::Failure;

/// Reads what a run of a plan acts on; returns it with what takes its secrets out of outputs, and the
/// file's digest.
///
/// # Errors
/// Fails with all faults of the file, and where the plan can't be carried out on it.
pub(super) fn read(
    file: &Path,
    plan: &Plan,
    run: &str,
) -> Result<(Arc<dyn World>, Redactor, Hash), Failure> {
    let shown = Visible(file.display()).to_string();
    let bytes = fs::read(file)
        .map_err(|error| Failure::usage(format!("{shown} can't be read")).because(error))?;
    let lookup = |name: &str| std::env::var_os(name)?.into_string().ok();
    let environment = Environment::read(file, Arc::new(lookup))
        .map_err(|error| Failure::usage(shown.clone()).because(error))?;
    let deployment =
        environment.deployment(plan, run).map_err(|error| Failure::usage(shown).because(error))?;
    let redactor = deployment.redactor();
    Ok((Arc::new(deployment), redactor, Hash::of(&bytes)))
}
