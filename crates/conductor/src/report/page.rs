//! From Markdown to the inside of a page: comrak's HTML, in which nothing of a document is markup of its
//! own and nothing is fetched.

use comrak::{Arena, Options, format_html, nodes::NodeValue, parse_document};

/// What begins a comment, as a runbook's marks do.
const COMMENT: &str = "<!--";

/// Verdicts as cells have them.
const VERDICTS: [&str; 4] = ["PASS", "FAIL", "ERROR", "INSUFFICIENT"];

/// The longest text of a cell that is kept on one line: a time is.
const SHORT_CHARS_MAX: usize = 20;

/// Returns Markdown as HTML. Markup in it is shown as text, comments are left out, images become links.
pub(super) fn html(markdown: &str) -> String {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.tasklist = true;
    options.extension.strikethrough = true;
    options.render.escape = true;
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &options);
    let mut comments = Vec::new();
    for node in root.descendants() {
        let mut data = node.data_mut();
        let is_comment = match &data.value {
            NodeValue::HtmlBlock(block) => block.literal.trim_start().starts_with(COMMENT),
            NodeValue::HtmlInline(literal) => literal.starts_with(COMMENT),
            _ => false,
        };
        if is_comment {
            comments.push(node);
        }
        // Nothing that a page fetches by itself.
        if let NodeValue::Image(link) = &mut data.value {
            let link = std::mem::take(link);
            data.value = NodeValue::Link(link);
        }
    }
    for comment in comments {
        comment.detach();
    }
    let mut out = String::new();
    format_html(root, &options, &mut out).expect("a string takes everything");
    coloured(&wrapped(&out))
}

/// Lets tables that are wider than the page be moved.
fn wrapped(html: &str) -> String {
    html.replace("<table>", "<div class=\"wide\"><table>").replace("</table>", "</table></div>")
}

/// Keeps short cells on one line, and gives those that hold a verdict and nothing else their colours.
/// What is not comrak's own is escaped there, so that no text can look like a cell.
fn coloured(html: &str) -> String {
    let mut cells = html.split("<td>");
    let mut out = cells.next().unwrap_or_default().to_owned();
    for rest in cells {
        let text = rest.split_once('<').map_or(rest, |(text, _)| text);
        let is_whole = rest[text.len()..].starts_with("</td>");
        if VERDICTS.contains(&text) && is_whole {
            let (class, rest) = (text.to_lowercase(), &rest[text.len()..]);
            out.push_str(&format!("<td><span class=\"verdict {class}\">{text}</span>{rest}"));
        } else {
            let is_short = is_whole && text.chars().count() <= SHORT_CHARS_MAX;
            out.push_str(if is_short { "<td class=\"short\">" } else { "<td>" });
            out.push_str(rest);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::html;

    #[test]
    fn markup_of_documents_is_text() {
        for (markdown, expected) in [
            ("a <b>c</b> <!-- run: note -->", "<p>a &lt;b&gt;c&lt;/b&gt; </p>\n"),
            ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;\n"),
            ("<!-- run: note -->", ""),
            ("`<host>` <host>", "<p><code>&lt;host&gt;</code> &lt;host&gt;</p>\n"),
            ("![a](http://x.y/i.png)", "<p><a href=\"http://x.y/i.png\">a</a></p>\n"),
            ("[a](javascript:x)", "<p><a href=\"\">a</a></p>\n"),
        ] {
            assert_eq!(html(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn cells_with_a_verdict_alone_have_colours() {
        let shown = html("| a | b |\n|---|---|\n| PASS | PASS, waived |\n");
        assert!(shown.contains("<td><span class=\"verdict pass\">PASS</span></td>"), "{shown}");
        assert!(shown.contains("<td class=\"short\">PASS, waived</td>"), "{shown}");
    }
}
