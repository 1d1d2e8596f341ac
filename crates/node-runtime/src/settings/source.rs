//! Where settings come from: the environment, and a TOML file with the same keys in lower case.

use std::{collections::BTreeMap, path::Path};

use super::{SettingsError, reader::is_known};

/// Prefixes that are ours: a variable with one of them that we don't know is a slip of the pen.
const OUR_PREFIXES: [&str; 4] = ["TIDEGATE_", "REALTIME_", "VIZ_API_", "CHAT_REALTIME_"];

/// Who gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The environment, where everything is text.
    Environment,
    /// A string of the file.
    FileText,
    /// A whole number of the file.
    FileNumber,
    /// A truth value of the file.
    FileBool,
}

/// A value and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The value as text.
    pub text: String,
    /// Who gave it.
    pub source: Source,
}

/// Values by setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    pub(super) map: BTreeMap<String, Given>,
}

impl Values {
    /// Returns the settings among these variables.
    ///
    /// A variable with one of our prefixes is a setting even where we don't know it, so that it is
    /// reported; what Kubernetes sets for a service of our name is not.
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = |name: &str| {
            let prefixed = OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            is_known(name) || (prefixed && !is_service_link(name))
        };
        let given = |text| Given { text, source: Source::Environment };
        let map = variables
            .into_iter()
            .filter(|(name, _)| ours(name))
            .map(|(name, text)| (name, given(text)))
            .collect();
        Values { map }
    }

    /// Adds what a file has; what the environment gave wins.
    ///
    /// # Errors
    /// Fails where the file can't be read, is not TOML, or has a value of a kind that no setting
    /// takes. The message never quotes the file, which may hold secrets.
    pub fn with_file(mut self, path: &Path) -> Result<Self, SettingsError> {
        let shown = path.display().to_string();
        let problem = |what: String| SettingsError::one("--config", Some(shown.clone()), what);
        let text = std::fs::read_to_string(path)
            .map_err(|error| problem(format!("the file can't be read: {error}")))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(0, |span| line_of(&text, span.start));
            problem(format!("line {line} is not TOML: {}", error.message()))
        })?;
        for (key, value) in table {
            let name = key.to_uppercase();
            if key != key.to_lowercase() {
                let lower = key.to_lowercase();
                return Err(problem(format!("`{key}` must be in lower case: `{lower}`")));
            }
            let given = given_of(value).ok_or_else(|| {
                problem(format!("`{key}` must be a string, a whole number, true or false"))
            })?;
            self.map.entry(name).or_insert(given);
        }
        Ok(self)
    }

    /// Returns what a setting was given.
    pub fn get(&self, setting: &str) -> Option<&str> {
        self.map.get(setting).map(|given| given.text.as_str())
    }
}

fn is_service_link(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_PORT_")
}

fn given_of(value: toml::Value) -> Option<Given> {
    match value {
        toml::Value::String(text) => Some(Given { text, source: Source::FileText }),
        toml::Value::Integer(n) => Some(Given { text: n.to_string(), source: Source::FileNumber }),
        toml::Value::Boolean(b) => Some(Given { text: b.to_string(), source: Source::FileBool }),
        _ => None,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&b| b == b'\n').count()
}
