//! The grammar of what clients name.

use std::borrow::Cow;

/// Most characters of a scope's or a user's id.
const NAME_CHARS_MAX: usize = 128;

/// Most characters of a request's id.
const REQUEST_ID_CHARS_MAX: usize = 255;

/// What a client wrote does not keep the grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Slip(pub Cow<'static, str>);

impl Slip {
    pub(crate) const fn new(what: &'static str) -> Self {
        Slip(Cow::Borrowed(what))
    }
}

/// Checks what threads are gathered under.
///
/// # Errors
/// Fails where it is not 1 to 128 characters.
pub fn checked_scope(text: &str) -> Result<&str, Slip> {
    match (1..=NAME_CHARS_MAX).contains(&text.chars().count()) {
        true => Ok(text),
        false => Err(Slip::new("`scope_id` has 1 to 128 characters")),
    }
}

/// Checks a user's id.
///
/// # Errors
/// Fails where it is not 1 to 128 characters that can be shown.
pub fn checked_user(text: &str) -> Result<&str, Slip> {
    let fits = (1..=NAME_CHARS_MAX).contains(&text.chars().count());
    match fits && !text.chars().any(char::is_control) {
        true => Ok(text),
        false => Err(Slip::new("a user's id has 1 to 128 characters, none a control character")),
    }
}

/// Checks what makes another attempt harmless.
///
/// # Errors
/// Fails where it is not 1 to 255 visible ASCII characters.
pub fn checked_request_id(text: &str) -> Result<&str, Slip> {
    let fits = (1..=REQUEST_ID_CHARS_MAX).contains(&text.len());
    match fits && text.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(text),
        false => Err(Slip::new("a request's id is 1 to 255 visible ASCII characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_bounds_in_characters() {
        let long = |n: usize| "ü".repeat(n);
        for (text, is_scope, is_user) in [
            ("", false, false),
            ("a", true, true),
            (&*long(128), true, true),
            (&*long(129), false, false),
            ("a\nb", true, false),
            ("'; REMOVE TABLE message; --", true, true),
        ] {
            assert_eq!(checked_scope(text).is_ok(), is_scope, "{text:?}");
            assert_eq!(checked_user(text).is_ok(), is_user, "{text:?}");
        }
        for (text, is_good) in
            [("", false), ("r-1", true), ("a b", false), ("ä", false), (&*"x".repeat(256), false)]
        {
            assert_eq!(checked_request_id(text).is_ok(), is_good, "{text:?}");
        }
    }
}
