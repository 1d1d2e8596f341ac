//! What a run acts on, read from its file.

use std::{fs, path::Path, sync::Arc};

use ::runbook::Plan;
use conductor::{RunFolder, World};
use deployment::Environment;
use evidence::{Hash, Redactor, Visible};
use traffic::DeadManOrder;

use crate::failure::Failure;

/// Reads what a run of a plan acts on, whose folder is `dir`; returns it with what takes its secrets out of
/// outputs, and the file's digest.
///
/// # Errors
/// Fails with all faults of the file, and where the plan can't be carried out on it.
pub(super) fn read(
    file: &Path,
    plan: &Plan,
    run: &str,
    dir: &Path,
) -> Result<(Arc<dyn World>, Redactor, Hash), Failure> {
    let shown = Visible(file.display()).to_string();
    let bytes = fs::read(file)
        .map_err(|error| Failure::usage(format!("{shown} can't be read")).because(error))?;
    let mut environment = environment(file)?;
    environment.commands.under_way = Some(RunFolder::programs(dir));
    let deployment =
        environment.deployment(plan, run).map_err(|error| Failure::usage(shown).because(error))?;
    let redactor = deployment.redactor();
    Ok((Arc::new(deployment), redactor, Hash::of(&bytes)))
}

/// Returns the order for the dead man of a run; nothing where there is no router.
///
/// # Errors
/// Fails with all faults of the file, and on a name that can't be given to a router.
pub(super) fn dead_man(file: &Path, run: &str) -> Result<Option<DeadManOrder>, Failure> {
    let Some(router) = environment(file)?.router else { return Ok(None) };
    let of = run.parse().map_err(|error| Failure::usage("the run's name").because(error))?;
    Ok(Some(DeadManOrder::new(of, &router.settings())))
}

fn environment(file: &Path) -> Result<Environment, Failure> {
    let lookup = |name: &str| std::env::var_os(name)?.into_string().ok();
    Environment::read(file, Arc::new(lookup))
        .map_err(|error| Failure::usage(Visible(file.display()).to_string()).because(error))
}
