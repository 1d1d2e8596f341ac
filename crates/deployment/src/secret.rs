//! Secrets are named in runbooks and environments, and read at the moment of their use.
//!
//! Owns: where each is read from, and a text that may be one, which shows its name alone. Must not
//! know: what they are used for.

use std::{collections::BTreeMap, fmt, fs, io::Read, path::PathBuf, sync::Arc};

use evidence::Redactor;

/// The longest secret.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// What stands before a secret's name where its value would be.
pub(crate) const SECRET: &str = "secret:";

/// Looks a variable of the environment up.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A text that may be a secret: then it is shown by its name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText {
    text: String,
    /// Its name, where it is one.
    name: Option<String>,
}

/// Where a secret is read from.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A variable of the environment.
    Env(String),
    /// A file; line ends at its end do not count.
    File(PathBuf),
    /// It was made for this run and is nowhere else.
    Given(SecretText),
}

/// A secret that can't be read. It is named, never shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nobody says where it is.
    #[error("the secret `{0}` is not known; add it under [secrets] of the environment's file")]
    Unknown(String),
    /// Its variable is not there.
    #[error("the secret `{name}` is read from the variable {variable}, which is not set; set it")]
    Unset {
        /// The secret.
        name: String,
        /// The variable.
        variable: String,
    },
    /// Its file can't be read.
    #[error("the secret `{name}` can't be read from {}: {why}", file.display())]
    File {
        /// The secret.
        name: String,
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// There is nothing in it.
    #[error("the secret `{0}` is empty")]
    Empty(String),
    /// It can't be told from other text, so that it could not be taken out of outputs.
    #[error(
        "the secret `{0}` is shorter than 6 bytes and can't be told from text; use a longer one"
    )]
    Short(String),
}

/// All secrets that an environment names.
#[derive(Clone)]
pub struct Secrets {
    sources: BTreeMap<String, SecretSource>,
    lookup: Lookup,
}

impl SecretText {
    /// Returns a text that is no secret.
    pub fn plain(text: impl Into<String>) -> Self {
        SecretText { text: text.into(), name: None }
    }

    /// Returns a secret.
    pub fn secret(name: impl Into<String>, text: impl Into<String>) -> Self {
        SecretText { text: text.into(), name: Some(name.into()) }
    }

    /// Returns the text itself, for whoever it is meant for.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Returns whether it is a secret.
    pub const fn is_secret(&self) -> bool {
        self.name.is_some()
    }
}

impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{SECRET}{name}"),
            None => f.write_str(&self.text),
        }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::Env(variable) => write!(f, "the variable {variable}"),
            SecretSource::File(file) => write!(f, "the file {}", file.display()),
            SecretSource::Given(_) => f.write_str("this run"),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.sources).finish()
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Secrets::new(BTreeMap::new(), Arc::new(|_| None))
    }
}

impl Secrets {
    /// Returns secrets with where each is read from.
    pub fn new(sources: BTreeMap<String, SecretSource>, lookup: Lookup) -> Self {
        Secrets { sources, lookup }
    }

    /// Returns secrets that were made for this run, by their names.
    pub fn given<N: Into<String>, T: Into<String>>(all: impl IntoIterator<Item = (N, T)>) -> Self {
        let sources = all.into_iter().map(|(name, text)| {
            let name = name.into();
            (name.clone(), SecretSource::Given(SecretText::secret(name, text)))
        });
        Secrets { sources: sources.collect(), ..Secrets::default() }
    }

    /// Returns whether one has this name.
    pub fn knows(&self, name: &str) -> bool {
        self.sources.contains_key(name)
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// Fails where it is not known, can't be read, is empty, or too short to be found in outputs.
    pub fn read(&self, name: &str) -> Result<SecretText, SecretError> {
        let text = match self.sources.get(name) {
            None => return Err(SecretError::Unknown(name.to_owned())),
            Some(SecretSource::Given(text)) => text.expose().to_owned(),
            Some(SecretSource::Env(variable)) => (self.lookup)(variable).ok_or_else(|| {
                SecretError::Unset { name: name.to_owned(), variable: variable.clone() }
            })?,
            Some(SecretSource::File(file)) => {
                let why = |why: String| SecretError::File {
                    name: name.to_owned(),
                    file: file.clone(),
                    why,
                };
                let opened = fs::File::open(file).map_err(|error| why(error.to_string()))?;
                let mut text = String::new();
                let read = opened.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text);
                let bytes = read.map_err(|error| why(error.to_string()))?;
                if bytes as u64 > SECRET_BYTES_MAX {
                    return Err(why(format!("it has more than {SECRET_BYTES_MAX} bytes")));
                }
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        match text.len() {
            0 => Err(SecretError::Empty(name.to_owned())),
            1..6 => Err(SecretError::Short(name.to_owned())),
            _ => Ok(SecretText::secret(name, text)),
        }
    }

    /// Returns a text in which `secret:NAME` stands for a secret: alone, or behind the first `=`.
    ///
    /// # Errors
    /// As for [`Secrets::read`].
    pub fn resolve(&self, text: &str) -> Result<SecretText, SecretError> {
        if let Some(name) = text.strip_prefix(SECRET) {
            return self.read(name);
        }
        let Some((option, name)) = text.split_once('=') else {
            return Ok(SecretText::plain(text));
        };
        let Some(name) = name.strip_prefix(SECRET) else { return Ok(SecretText::plain(text)) };
        let secret = self.read(name)?;
        Ok(SecretText::secret(name, format!("{option}={}", secret.expose())))
    }

    /// Returns what takes every secret out of outputs.
    ///
    /// # Errors
    /// Fails with each secret that can't be read: whatever is not known could not be taken out.
    pub fn redactor(&self) -> Result<Redactor, Vec<SecretError>> {
        let (mut redactor, mut errors) = (Redactor::default(), Vec::new());
        for name in self.sources.keys() {
            let read = self.read(name).and_then(|secret| {
                let next = redactor.clone().with(name, secret.expose());
                next.map_err(|_| SecretError::Short(name.clone()))
            });
            match read {
                Ok(next) => redactor = next,
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(redactor) } else { Err(errors) }
    }
}

#[cfg(test)]
mod tests;
