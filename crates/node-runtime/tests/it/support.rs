//! Settings from a list, as a test writes them.

use node_runtime::settings::{Problem, Settings, SettingsError, Values};

/// A key that makes every address allowed.
pub(crate) const KEY: (&str, &str) = ("TIDEGATE_KEYS", "org_a=a-key-of-org-a");

pub(crate) fn values(variables: &[(&str, &str)]) -> Values {
    Values::from_environment(variables.iter().copied())
}

pub(crate) fn parse(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::parse(&values(variables))
}

#[track_caller]
pub(crate) fn parsed(variables: &[(&str, &str)]) -> Settings {
    parse(variables).unwrap_or_else(|error| panic!("{variables:?}: {error}"))
}

/// Returns what is wrong with settings that must not be taken.
#[track_caller]
pub(crate) fn problems(variables: &[(&str, &str)]) -> Vec<Problem> {
    match parse(variables) {
        Err(error) => error.problems,
        Ok(settings) => panic!("{variables:?} were taken: {settings:?}"),
    }
}

/// Writes a file and reads it as settings on top of these variables.
pub(crate) fn with_file(
    variables: &[(&str, &str)],
    text: impl AsRef<[u8]>,
) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("tidegate.toml");
    std::fs::write(&file, text).expect("it can be written");
    values(variables).with_file(&file).and_then(|values| Settings::parse(&values))
}
