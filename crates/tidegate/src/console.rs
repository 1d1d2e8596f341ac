//! The one place that prints.
//!
//! Results go to standard output, everything else to standard error, so that a pipe gets results
//! alone.

use std::io::{self, IsTerminal, Write};

use evidence::{Visible, is_visible};
use serde::Serialize;

use crate::failure::Failure;

/// Prints a line of the result; the error of a closed pipe is the caller's reason to stop.
///
/// # Errors
/// Fails where nobody reads any more.
pub(crate) fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", line.trim_end_matches('\n'))?;
    out.flush()
}

/// Prints the last words of a command; whether anybody reads them no longer matters.
pub(crate) fn conclude(line: &str) {
    let _closed_pipe = say(line);
}

/// Prints the result for machines, on one line. What a terminal obeys or nobody sees stands as `\u001b`,
/// which is the same to whoever reads JSON.
pub(crate) fn document(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(document)
        .map_err(|error| Failure::failed("no JSON can be made of it").because(error))?;
    conclude(&escaped(&text));
    Ok(())
}

/// Draws lines on the terminal over those that were drawn before.
pub(crate) fn redraw(before: usize, lines: &[String]) {
    let mut text = if before == 0 { String::new() } else { format!("\x1b[{before}A\r") };
    for line in lines {
        text.push_str(line);
        text.push_str("\x1b[K\n");
    }
    text.push_str("\x1b[J");
    let mut err = io::stderr().lock();
    let _closed_pipe = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// Prints a document of somebody else byte by byte; on a terminal all of it can be seen.
pub(crate) fn verbatim(text: &str) {
    let mut out = io::stdout().lock();
    let _closed_pipe = if out.is_terminal() {
        text.lines().try_for_each(|line| writeln!(out, "{}", Visible(line)))
    } else {
        out.write_all(text.as_bytes())
    };
}

/// Prints lines beside the result; all of them can be seen.
pub(crate) fn note(lines: &str) {
    let mut err = io::stderr().lock();
    let _closed_pipe = lines.split('\n').try_for_each(|line| writeln!(err, "{}", Visible(line)));
}

/// Writes characters of JSON that can't be seen as escapes: they stand in texts alone.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_visible(c) {
            out.push(c);
        } else {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_same_meaning_and_can_be_seen() {
        let text = "a\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}\u{1f600}ä\n";
        let json = serde_json::to_string(&[text]).unwrap();
        let shown = escaped(&json);
        assert_eq!(shown, "[\"a\\u001b\\u007f\\u009b\\u202e\\udb40\\udc41\u{1f600}ä\\n\"]");
        assert_eq!(serde_json::from_str::<[String; 1]>(&shown).unwrap(), [text]);
    }
}
