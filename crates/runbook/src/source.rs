//! A document's text with its lines, and the limits that it has to keep before anything reads it.

use crate::problem::Problem;

/// The longest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 16 << 10;

/// The longest run of marks of structure at the start of a line, in bytes. Parsing costs the lines
/// times the depth, and a level of depth takes at least two of them.
const LEAD_BYTES_MAX: usize = 80;

/// What some editors put before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Splits a text behind its byte order mark, if it has one: what is behind is the document.
pub(crate) fn split_mark(text: &str) -> (&str, &str) {
    let bytes = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    text.split_at(bytes)
}

/// A text and where its lines begin.
#[derive(Debug)]
pub(crate) struct Source<'t> {
    pub(crate) text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Source<'t> {
    /// Looks at the limits.
    ///
    /// # Errors
    /// Fails on the first that is not kept.
    pub(crate) fn new(text: &'t str) -> Result<Self, Problem> {
        if text.len() > DOCUMENT_BYTES_MAX {
            let what =
                format!("the document has {} bytes, {DOCUMENT_BYTES_MAX} are allowed", text.len());
            return Err(Problem::fault(1, "too-large", what));
        }
        if let Some(at) = text.find('\0') {
            let line = text[..at].matches('\n').count() + 1;
            return Err(Problem::fault(line, "not-text", "a zero byte is no text"));
        }
        for (number, line) in (1..).zip(text.split('\n')) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.contains('\r') {
                let what = "a carriage return stands within the line, which editors and renderers \
                    end there or don't";
                return Err(Problem::fault(number, "not-text", what));
            }
            check_line(number, line)?;
        }
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Ok(Source { text, starts: std::iter::once(0).chain(newlines).collect() })
    }

    /// Returns a line without its end.
    pub(crate) fn line(&self, number: usize) -> &'t str {
        let Some(start) = number.checked_sub(1).and_then(|at| self.starts.get(at)) else {
            return "";
        };
        let end = self.starts.get(number).map_or(self.text.len(), |next| next - 1);
        let line = &self.text[*start..end];
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// Returns where a line begins, in bytes.
    pub(crate) fn start(&self, number: usize) -> usize {
        let at = number.checked_sub(1).and_then(|at| self.starts.get(at));
        at.copied().unwrap_or(self.text.len())
    }

    /// Returns the number of the line that holds a byte.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }
}

fn check_line(number: usize, line: &str) -> Result<(), Problem> {
    if line.len() > LINE_BYTES_MAX {
        let what = format!("the line has {} bytes, {LINE_BYTES_MAX} are allowed", line.len());
        return Err(Problem::fault(number, "too-long", what));
    }
    let is_lead = |b: &u8| b" \t>-+*.)".contains(b) || b.is_ascii_digit();
    let lead = line.bytes().take_while(|b| is_lead(b)).count();
    // A rule of hyphens or stars alone nests nothing.
    let is_rule = line.trim().bytes().all(|b| b == b'-') || line.trim().bytes().all(|b| b == b'*');
    if lead > LEAD_BYTES_MAX && !is_rule {
        let what = format!("lists are nested too deep: {lead} bytes before the text");
        return Err(Problem::fault(number, "too-deep", what));
    }
    Ok(())
}
