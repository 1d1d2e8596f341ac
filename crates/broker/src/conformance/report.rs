//! Running the cases, and what came of it.

use std::{fmt, sync::Arc};

use tokio::task::JoinSet;

use super::{Ability, CASES, Case, Harness};

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The promise was kept.
    Passed,
    /// The promise was broken; the text says how.
    Failed(String),
    /// The backend can't do what the case needs.
    NotApplicable(Ability),
}

/// What came of all cases, in their order.
#[derive(Clone, Debug)]
pub struct Report {
    /// Each case's name and outcome.
    pub cases: Vec<(&'static str, Outcome)>,
}

impl Report {
    /// Returns the names of the cases that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        let failed = self.cases.iter().filter(|(_, o)| matches!(o, Outcome::Failed(_)));
        failed.map(|(name, _)| *name).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, outcome) in &self.cases {
            match outcome {
                Outcome::Passed => writeln!(f, "passed          {name}")?,
                Outcome::Failed(how) => writeln!(f, "FAILED          {name}: {how}")?,
                Outcome::NotApplicable(ability) => {
                    writeln!(f, "not applicable  {name}: needs {ability:?}")?;
                }
            }
        }
        Ok(())
    }
}

/// Runs every case, one after the other.
pub async fn run_all(harness: Arc<dyn Harness>) -> Report {
    let mut cases = Vec::with_capacity(CASES.len());
    for case in CASES {
        cases.push((case.name, run(case, &harness).await));
    }
    Report { cases }
}

/// Runs one case for a test of its own; what the backend can't do passes here, and is to be listed
/// by a test of [`not_applicable`].
///
/// # Panics
/// Panics where the promise is broken, or there is no such case.
pub async fn run_one(name: &str, harness: Arc<dyn Harness>) {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("there is no case `{name}`"));
    if let Outcome::Failed(how) = run(case, &harness).await {
        panic!("{name}: {how}");
    }
}

/// Returns the names of the cases that a backend with these abilities can't run.
pub fn not_applicable(abilities: &[Ability]) -> Vec<&'static str> {
    CASES.iter().filter(|case| lacking(case, abilities).is_some()).map(|case| case.name).collect()
}

fn lacking(case: &Case, abilities: &[Ability]) -> Option<Ability> {
    case.needs.iter().copied().find(|need| !abilities.contains(need))
}

async fn run(case: &'static Case, harness: &Arc<dyn Harness>) -> Outcome {
    if let Some(ability) = lacking(case, harness.abilities()) {
        return Outcome::NotApplicable(ability);
    }
    // A task of its own, so that a failed assertion ends the case and not the run.
    let mut task = JoinSet::new();
    let harness = Arc::clone(harness);
    task.spawn(async move { (case.run)(&*harness).await });
    match task.join_next().await {
        Some(Err(error)) => Outcome::Failed(match error.try_into_panic() {
            Ok(panic) => panic_text(&*panic),
            Err(error) => error.to_string(),
        }),
        _ => Outcome::Passed,
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a text".to_owned())
}
