//! Tests of the import: nothing but marks and blocks is new, and nothing of it is confirmed.

use proptest::prelude::*;

use super::*;
use crate::{Options, lint};

/// Takes away what an import may put in.
fn without_marks(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" <!-- run? ") {
        out.push_str(&rest[..at]);
        let end = rest[at..].find("-->").unwrap() + at + 3;
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Takes away the blocks that an import puts in; their lines end as the document's do.
fn without_blocks(text: &str, had_front: bool) -> String {
    let is_crlf = text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
    if is_crlf {
        let start = text.find("runbook:\r\n").unwrap();
        let roles = text.find("\r\nroles:\r\n").unwrap() + 10;
        let lines = text[roles..].split_inclusive('\n').take_while(|line| line.starts_with("  "));
        let end = roles + lines.map(str::len).sum::<usize>();
        let inner = format!("{}{}", &text[..start], &text[end..]);
        return inner.strip_prefix("---\r\n---\r\n\r\n").unwrap().to_owned();
    }
    let end = text.find("\nroles:\n").unwrap() + 8;
    let length: usize = text[end..]
        .lines()
        .take_while(|line| line.starts_with("  "))
        .map(|line| line.len() + 1)
        .sum();
    let start = text.find("runbook:\n").unwrap();
    let inner = format!("{}{}", &text[..start], &text[end + length..]);
    if had_front { inner } else { inner.strip_prefix("---\n---\n\n").unwrap().to_owned() }
}

#[test]
fn an_import_is_no_runbook_before_it_is_confirmed() {
    let text = "# T\n\n## Procedure\n\n1. Set `X=1`.\n2. Look at `/health`.\n";
    let imported = import(text).unwrap();
    assert_eq!(imported.inferred, 3);
    assert_eq!(without_blocks(&without_marks(&imported.text), false), text);
    let problems = lint(&imported.text, &Options::default());
    assert_eq!(problems.iter().filter(|problem| problem.rule == "unconfirmed").count(), 3);
    assert_eq!(import(&imported.text).unwrap_err().rule, "front-matter");
}

#[test]
fn what_stands_before_and_how_lines_end_stays() {
    let plain = "---\nowner: Lead\n---\n# T\n\n## Steps\n\n1. Set `X=1`.\n";
    let expected = import(plain).unwrap().text;
    let blocks =
        "runbook:\n  version: 1\n  mode: readiness\n  owner: lead\nroles:\n  lead: <lead>\n";
    assert!(expected.starts_with(&format!("---\nowner: Lead\n{blocks}---\n# T\n")), "{expected}");
    // A byte order mark, spaces behind the delimiters, and other line ends.
    let marked = format!("\u{feff}{plain}");
    assert_eq!(import(&marked).unwrap().text, format!("\u{feff}{expected}"));
    let spaced = plain.replace("---\n", "---   \n");
    assert_eq!(import(&spaced).unwrap().text, expected.replace("---\n", "---   \n"));
    let crlf = plain.replace('\n', "\r\n");
    assert_eq!(import(&crlf).unwrap().text, expected.replace('\n', "\r\n"));
    for text in [&format!("\u{feff}{expected}"), &expected.replace("---\n", "---  \n")] {
        let problems = lint(text, &Options::default());
        assert!(
            problems.iter().all(|it| ["unconfirmed", "placeholder"].contains(&it.rule)),
            "{problems:?}"
        );
        assert_eq!(crate::format(text).unwrap(), *text);
        assert_eq!(import(text).unwrap_err().rule, "front-matter");
    }
}

#[test]
fn roles_of_the_document_get_those_beside_them_that_it_lacks() {
    let plain = "---\nroles:\n  lead: Bo\nowner: Lead\n---\n# T\n\n## Gates\n\n\
        | Gate ID | Check | Command / Evidence | Pass condition | Owner |\n|---|---|---|---|---|\n\
        | G1 | x | y | z | `<qa>` |\n";
    let text = import(plain).unwrap().text;
    let front = "---\nroles:\n  qa: <qa>\n  lead: Bo\nowner: Lead\nrunbook:\n  version: 1\n  mode: readiness\n  owner: lead\n---\n";
    assert!(text.starts_with(front), "{text}");
    let problems = lint(&text, &Options::default());
    assert!(problems.iter().all(|it| it.rule != "front-matter"), "{problems:?}");
    // What is no list of roles is not guessed at.
    let refused = import("---\nroles: [a, b]\n---\n# T\n").unwrap_err();
    assert_eq!((refused.line, refused.rule), (2, "front-matter"));
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "# Title\n",
        "## Rollback Plan\n",
        "## Steps ##\n",
        "Gates\n-----\n",
        "1. ",
        "- ",
        "  - ",
        "- [ ] ",
        "set `A=1`",
        "`/x`",
        "a:\n",
        "\n",
        "\n\n",
        "> ",
        "| Gate ID | Owner |\n|---|---|\n",
        "| G | `<x>` |\n",
        "```\n",
        "text ",
        "é ",
        "<!-- c -->",
        "\\",
        "**b** ",
        "`bash x.sh` ",
        "\t",
        "\r\n",
        "    ",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_else_is_touched(text in pieces()) {
        let imported = import(&text).unwrap();
        prop_assert_eq!(without_blocks(&without_marks(&imported.text), false), text);
    }

    #[test]
    fn nothing_that_was_inferred_can_be_carried_out(text in pieces()) {
        let imported = import(&text).unwrap();
        let planned = crate::plan(&imported.text, &Options::default());
        prop_assert!(planned.plan.is_none());
    }
}
