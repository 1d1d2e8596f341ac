//! Which events of a stream a reader wants.

#[cfg(test)]
mod tests;

use std::str::FromStr;

use event::{EventName, limits::EVENT_NAME_BYTES_MAX};

/// Most patterns in one filter; a longer list is refused.
const FILTER_PATTERNS_MAX: usize = 32;

/// A list of event names; one that ends in `*` stands for all that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    patterns: Box<[Pattern]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(Box<str>),
    Prefix(Box<str>),
}

/// The text is not a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A pattern breaks the grammar.
    #[error("`{0}` is not an event name, nor the beginning of one and `*`")]
    Pattern(String),
    /// There are too many.
    #[error("a filter has at most {FILTER_PATTERNS_MAX} patterns")]
    TooMany,
}

impl Filter {
    /// Returns whether the reader wants events of this name.
    pub fn wants(&self, name: &EventName) -> bool {
        self.patterns.iter().any(|pattern| match pattern {
            Pattern::Exact(exact) => **exact == *name.as_str(),
            Pattern::Prefix(prefix) => name.as_str().starts_with(&**prefix),
        })
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    /// Reads a comma list such as `action.*,signal.detected`.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        if text.split(',').count() > FILTER_PATTERNS_MAX {
            return Err(FilterError::TooMany);
        }
        let patterns = text.split(',').map(pattern).collect::<Result<_, _>>()?;
        Ok(Filter { patterns })
    }
}

fn pattern(text: &str) -> Result<Pattern, FilterError> {
    let malformed = || FilterError::Pattern(text.chars().take(EVENT_NAME_BYTES_MAX).collect());
    let in_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
    match text.strip_suffix('*') {
        Some(prefix) if prefix.len() <= EVENT_NAME_BYTES_MAX && prefix.bytes().all(in_name) => {
            Ok(Pattern::Prefix(prefix.into()))
        }
        Some(_) => Err(malformed()),
        None => match text.parse::<EventName>() {
            Ok(name) => Ok(Pattern::Exact(name.as_str().into())),
            Err(_) => Err(malformed()),
        },
    }
}
