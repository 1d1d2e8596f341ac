//! Tests of the formatter: it says the same twice, and keeps every byte of prose.

use proptest::prelude::*;

use super::format;

#[test]
fn marks_and_settings_get_one_form() {
    let text = "---\nowner:   Mine\nrunbook:\n    version:   1   \n    mode :readiness # why\nroles:\n  a:  B  C\n---\n# T  <!--run:section   steps-->\n\n1. x   <!-- run?  flag  within=1m id=\"S1\" -->  \n";
    let expected = "---\nowner:   Mine\nrunbook:\n  version: 1\n  mode: readiness # why\nroles:\n  a: B  C\n---\n# T  <!-- run: section steps -->\n\n1. x   <!-- run? flag id=S1 within=1m -->  \n";
    assert_eq!(format(text).unwrap(), expected);
}

#[test]
fn a_block_of_html_keeps_every_byte() {
    let text = "# T\n\n<div>\n<!--run:flag   id=S1-->\n</div>\n\n<!--run?flag-->\n\n- <p>x\n  <!--run:  flag-->\n  </p>\n";
    assert_eq!(format(text).unwrap(), text);
    let ends = "\u{feff}# T <!--run:section   steps-->\r\n";
    assert_eq!(format(ends).unwrap(), "\u{feff}# T <!-- run: section steps -->\r\n");
}

/// What a formatter may touch, taken away: marks, and in the front matter spaces.
fn prose(text: &str) -> String {
    let (front, rest) = match text.strip_prefix("---\n").and_then(|text| text.split_once("\n---\n"))
    {
        Some((front, rest)) => (front, rest),
        None => ("", text),
    };
    let mut out: String = front.chars().filter(|c| *c != ' ').collect();
    let mut rest = rest;
    while let Some(at) = rest.find("<!--") {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find("-->") else { break };
        let comment = &rest[at..at + end + 3];
        if !comment.replace(' ', "").starts_with("<!--run") {
            out.push_str(comment);
        }
        rest = &rest[at + end + 3..];
    }
    out + rest
}

fn document() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "# T ",
        "## H ",
        "1. ",
        "- ",
        "  - ",
        "text ",
        "`code` ",
        "\n",
        "\n\n",
        "| a | b |\n|---|---|\n",
        "| x ",
        "<!-- run: flag  id=A -->",
        "<!--run?command within=1m   id=B-->",
        "<!-- run: section gates -->",
        "<!-- other   -->",
        "<!-- run:  x",
        "-->",
        "```toml guard\n",
        "```\n",
        "  trailing  \n",
        "é",
        "> ",
        "**",
        "\r\n",
        "`<!-- run:  flag -->`",
        "    ",
    ]);
    let front = prop::sample::select(vec![
        "",
        "---\nrunbook:\n    version:   1\n  mode:x\n---\n",
        "---\na:   b\nroles:\n   r :  P\n---\n",
    ]);
    (front, prop::collection::vec(piece, 0..40))
        .prop_map(|(front, pieces)| front.to_owned() + &pieces.concat())
}

proptest! {
    #[test]
    fn it_is_idempotent_and_keeps_prose(text in document()) {
        let once = format(&text).unwrap();
        prop_assert_eq!(prose(&once), prose(&text));
        prop_assert_eq!(format(&once).unwrap(), once);
    }
}
