//! Commands are argument lists: text is split at spaces outside of quotes, and whatever a shell would
//! do more with it is refused.

/// A text that is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(
        "`{0}` is shell syntax; a command is a program and its arguments, joined by `&&` at most"
    )]
    Shell(char),
    #[error("a quote is not closed")]
    Quote,
    #[error("there is no program")]
    Empty,
    /// With the setting's name alone: its value may be a secret.
    #[error("`{0}` is a setting and no program")]
    Setting(String),
}

/// Splits a text into commands, which run one after the other until one fails.
///
/// # Errors
/// Fails on everything that only a shell understands.
pub(crate) fn split(text: &str) -> Result<Vec<Vec<String>>, CommandError> {
    let mut words = Words::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (words.quote, c) {
            (Some(quote), c) if c == quote => words.quote = None,
            (Some('"'), '$' | '`' | '\\') => return Err(CommandError::Shell(c)),
            (Some(_), c) => words.word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                words.quote = Some(c);
                words.word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.end_word(),
            (None, '&') if chars.peek() == Some(&'&') => {
                chars.next();
                words.end_command()?;
            }
            (None, c) if is_shell(c, words.word.is_none()) => return Err(CommandError::Shell(c)),
            (None, c) => words.word.get_or_insert_default().push(c),
        }
    }
    if words.quote.is_some() {
        return Err(CommandError::Quote);
    }
    words.end_command()?;
    Ok(words.commands)
}

/// Writes an argument list as it could be typed: what is more than a plain word stands in quotes.
pub(crate) fn shown(words: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/:=+@%,".contains(c);
    let quoted = words.iter().map(|word| {
        let plain = !word.is_empty() && word.chars().all(is_plain);
        if plain { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Returns whether a shell would do something with the character outside of quotes.
fn is_shell(c: char, is_first: bool) -> bool {
    "|&;<>()$`\\*?[]{}!\n\r".contains(c) || c == '\0' || (is_first && (c == '~' || c == '#'))
}

#[derive(Default)]
struct Words {
    commands: Vec<Vec<String>>,
    command: Vec<String>,
    word: Option<String>,
    quote: Option<char>,
}

impl Words {
    fn end_word(&mut self) {
        self.command.extend(self.word.take());
    }

    fn end_command(&mut self) -> Result<(), CommandError> {
        self.end_word();
        let command = std::mem::take(&mut self.command);
        match command.first() {
            None => return Err(CommandError::Empty),
            Some(program) if program.is_empty() => return Err(CommandError::Empty),
            Some(program) => {
                if let Some((name, _)) = program.split_once('=') {
                    return Err(CommandError::Setting(name.to_owned()));
                }
                self.commands.push(command);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
