//! What clients saw, put into the record of a rehearsal's run: a run's journal knows nothing of clients.
//! Servers write reasons of gaps, so that every text is one of others. Pure.

use ::evidence::Visible;

const TITLE: &str = "What clients saw";

/// Where the record as Markdown goes on behind its summary, and the page behind its figures.
const NEXT_HEADING: &str = "\n## ";
const PLOTS: &str = "<h2>Over time</h2>";

/// Returns a record as Markdown with what clients saw behind its summary, or at its end.
pub(super) fn markdown(record: &str, lines: &[String]) -> String {
    let lines = lines.iter().map(|line| format!("- {}\n", plain(line)));
    let text = format!("\n## {TITLE}\n\n{}", lines.collect::<String>());
    put(record, &text, NEXT_HEADING)
}

/// Returns a page with what clients saw before its plots, or at its end.
pub(super) fn html(page: &str, lines: &[String]) -> String {
    let lines = lines.iter().map(|line| format!("<li>{}</li>\n", escaped(line)));
    let text = format!("<h2>{TITLE}</h2>\n<ul>\n{}</ul>\n", lines.collect::<String>());
    put(page, &text, if page.contains(PLOTS) { PLOTS } else { "</main>" })
}

fn put(whole: &str, text: &str, before: &str) -> String {
    let (first, rest) = whole.split_at(whole.find(before).unwrap_or(whole.len()));
    format!("{first}{text}{rest}")
}

fn escaped(text: &str) -> String {
    let seen = Visible(text).to_string();
    seen.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Markdown shows it as it is.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in escaped(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '#' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_of_gaps_in_words_that_mean_nothing_else() {
        let lines = ["gaps told: 12 <b>made_up".to_owned(), "1 readers lack 3".to_owned()];
        assert_eq!(
            markdown("# Record\n\nIt went.\n\n## Phases\n", &lines),
            "# Record\n\nIt went.\n\n## What clients saw\n\n- gaps told: 12 &lt;b&gt;made\\_up\n\
             - 1 readers lack 3\n\n## Phases\n"
        );
        let page = html("<main><h2>Over time</h2></main>", &lines);
        let list =
            "<ul>\n<li>gaps told: 12 &lt;b&gt;made_up</li>\n<li>1 readers lack 3</li>\n</ul>";
        let expected =
            format!("<main><h2>What clients saw</h2>\n{list}\n<h2>Over time</h2></main>");
        assert_eq!(page, expected);
        assert!(html("<main></main>", &lines).ends_with("</ul>\n</main>"));
    }
}
