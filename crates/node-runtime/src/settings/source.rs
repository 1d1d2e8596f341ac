//! Where settings come from: the environment, and a TOML file with the same keys in lower case.

use std::{collections::BTreeMap, ffi::OsString, fmt, path::Path};

use super::{
    Problem, SettingsError,
    reader::{is_known, is_secret},
};

/// Prefixes that are ours: a variable with one of them that we don't know is a slip of the pen.
const OUR_PREFIXES: [&str; 4] = ["TIDEGATE_", "REALTIME_", "VIZ_API_", "CHAT_REALTIME_"];

/// Who gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The environment, where everything is text.
    Environment,
    /// The environment, with bytes that are not UTF-8; the text is what could be read of them.
    EnvironmentBytes,
    /// A string of the file.
    FileText,
    /// A whole number of the file.
    FileNumber,
    /// A truth value of the file.
    FileBool,
}

/// A value and who gave it.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// The value as text.
    pub text: String,
    /// Who gave it.
    pub source: Source,
}

impl fmt::Debug for Given {
    /// Says who gave it; what was given may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Values by setting.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Values {
    pub(super) map: BTreeMap<String, Given>,
    /// What is wrong with the file beside the values that it has.
    pub(super) problems: Vec<Problem>,
}

impl fmt::Debug for Values {
    /// Names the settings; a secret's value is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, given): (&String, &Given)| {
            (name.clone(), if is_secret(name) { "…".to_owned() } else { given.text.clone() })
        };
        f.debug_map().entries(self.map.iter().map(shown)).finish()
    }
}

impl Values {
    /// Returns the settings among these variables.
    ///
    /// A variable with one of our prefixes is a setting even where we don't know it, so that it is
    /// reported; what Kubernetes sets for a service of our name is not.
    pub fn from_environment<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let ours = |name: &str| {
            let prefixed = OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            is_known(name) || (prefixed && !is_service_link(name))
        };
        let map = variables
            .into_iter()
            // A name that is not UTF-8 is none of ours.
            .filter_map(|(name, value)| Some((name.into().into_string().ok()?, value.into())))
            .filter(|(name, _)| ours(name))
            .map(|(name, value)| (name, of_environment(value)))
            .collect();
        Values { map, problems: Vec::new() }
    }

    /// Adds what a file has; what the environment gave wins.
    ///
    /// A key or a kind of value that no setting has is reported when the values are parsed, with
    /// everything else that is wrong.
    ///
    /// # Errors
    /// Fails where the file can't be read or is not TOML. The message never quotes a line of the
    /// file, which may hold secrets.
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
            if let Err(what) = self.add_from_file(&key, value) {
                self.problems.extend(problem(what).problems);
            }
        }
        Ok(self)
    }

    fn add_from_file(&mut self, key: &str, value: toml::Value) -> Result<(), String> {
        let lower = key.to_lowercase();
        if key != lower {
            return Err(format!("`{key}` must be in lower case: `{lower}`"));
        }
        let given = given_of(value)
            .ok_or_else(|| format!("`{key}` must be a string, a whole number, true or false"))?;
        self.map.entry(key.to_uppercase()).or_insert(given);
        Ok(())
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

fn of_environment(value: OsString) -> Given {
    match value.into_string() {
        Ok(text) => Given { text, source: Source::Environment },
        Err(bytes) => {
            let text = bytes.to_string_lossy().into_owned();
            Given { text, source: Source::EnvironmentBytes }
        }
    }
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
