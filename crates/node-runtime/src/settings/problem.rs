//! What is wrong with settings, said so that one reading is enough to mend all of it.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting.
    pub setting: String,
    /// What it was given, absent for a secret.
    pub given: Option<String>,
    /// What is allowed, or what is wrong with it.
    pub allowed: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.given {
            Some(given) => write!(f, "{}: given `{given}`; {}", self.setting, self.allowed),
            None => write!(f, "{}: {}", self.setting, self.allowed),
        }
    }
}

/// Everything that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} in the settings:{}", count(problems), lines(problems))]
pub struct SettingsError {
    /// The problems, in the order of the settings.
    pub problems: Vec<Problem>,
}

impl SettingsError {
    /// Returns the error of one problem.
    pub fn one(setting: &str, given: Option<String>, allowed: impl Into<String>) -> Self {
        let problem = Problem { setting: setting.to_owned(), given, allowed: allowed.into() };
        SettingsError { problems: vec![problem] }
    }
}

fn count(problems: &[Problem]) -> String {
    match problems.len() {
        1 => "1 problem".to_owned(),
        n => format!("{n} problems"),
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}
