//! Texts of others inside Markdown and HTML, where they mean nothing but themselves.

use std::fmt::{Display, Write};

use evidence::{Hash, Output, Visible};

/// Returns a text that Markdown shows as it is, on one line, in a cell of a table too.
pub(super) fn plain(text: impl Display) -> String {
    let seen = Visible(text).to_string();
    let mut out = String::with_capacity(seen.len());
    let mut rest = seen.trim().chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Mail addresses and names would become links.
            '@' => out.push_str("&#64;"),
            ':' if rest.peek() == Some(&'/') => out.push_str("&#58;"),
            // `www.` would become one too.
            '.' if out.to_ascii_lowercase().ends_with("www") => out.push_str("&#46;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    if out.is_empty() { "–".to_owned() } else { out }
}

/// Returns a row of a table; the cells are Markdown.
pub(super) fn row<T: AsRef<str>>(cells: &[T]) -> String {
    let mut out = String::from("|");
    for cell in cells {
        let cell = if cell.as_ref().is_empty() { "–" } else { cell.as_ref() };
        write!(out, " {cell} |").expect("a string takes everything");
    }
    out + "\n"
}

/// Returns a table; none where there are no rows. The cells are Markdown.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let rule = format!("|{}\n", "---|".repeat(N));
    let rows: String = rows.iter().map(|cells| row(cells)).collect();
    format!("| {} |\n{rule}{rows}", head.join(" | "))
}

/// Returns the beginning of a digest, by which people tell it from others.
pub(super) fn short(digest: Hash) -> String {
    digest.to_string().chars().take(12).collect()
}

/// Returns outputs with their digests, as Markdown.
pub(super) fn outputs<'o>(outputs: impl IntoIterator<Item = &'o Output>) -> String {
    let named = outputs.into_iter().map(|output| {
        let (name, digest) = (plain(&output.name), short(output.sha256));
        format!("{name} `{digest}…`")
    });
    named.collect::<Vec<_>>().join(", ")
}

/// Returns a text that HTML shows as it is, in attributes too.
pub(super) fn escaped(text: impl Display) -> String {
    let mut out = String::new();
    for c in Visible(text).to_string().chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
