//! Which links are checked, and where they lead.

use super::check;
use crate::tidy::source::Source;

fn lines(text: &str) -> Vec<usize> {
    let there = ["README.md", "docs", "docs/a.md", "docs/deep", "docs/deep/b.md"];
    let source = Source::plain("docs/a.md", text);
    check(&source, |path| there.contains(&path)).iter().map(|breach| breach.line).collect()
}

#[test]
fn links_that_lead_somewhere_pass() {
    for text in [
        "[b](deep/b.md), [b](./deep/b.md#part) and [top](../README.md \"title\")",
        "[folder](deep/) and [root](/docs/a.md)",
        "[b]: deep/b.md",
        "![picture](deep/b.md)",
    ] {
        assert!(lines(text).is_empty(), "{text}");
    }
}

#[test]
fn links_that_lead_nowhere_are_found() {
    assert_eq!(lines("ok\n[x](b.md)\n[x](../../README.md)\n[x]: c.md"), [2, 3, 4]);
    assert_eq!(lines("[a](deep/b.md) then [`code`](gone.md)"), [1]);
}

#[test]
fn other_places_are_not_ours_to_check() {
    assert!(lines("[x](#part) [y](https://example.net/z) [z](mailto:a@example.net)").is_empty());
}

#[test]
fn code_is_no_link() {
    assert!(lines("```\n[x](gone.md)\n```\nand `[x](gone.md)`").is_empty());
    assert_eq!(lines("```\n```\n[x](gone.md)"), [3]);
}

#[test]
fn other_files_have_no_links() {
    assert!(check(&Source::plain("a.rs", "[x](gone.md)"), |_| false).is_empty());
}
