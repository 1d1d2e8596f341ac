//! Tests of the outline: places, families, and what is no mark.

use super::*;

fn outline(text: &str) -> Outline {
    read(&Source::new(text).unwrap()).unwrap()
}

#[test]
fn items_rows_and_headings_have_their_places() {
    let text = "---\na: b\n---\n# T <!-- run: section steps -->\n\n1. one `X=1`\n   more <!-- run: flag id=A -->\n   - in `y=2`\n2. [ ] no\n\n| A | B |\n|---|---|\n| x | `c` <!-- run: command id=G --> |\n";
    let outline = outline(text);
    assert_eq!(&text[outline.front.clone().unwrap()], "---\na: b\n---");
    let heading = &outline.headings[0];
    assert_eq!((heading.line, heading.text.as_str()), (4, "T"));
    assert_eq!(&text[heading.marks[0].range.clone()], "<!-- run: section steps -->");
    let lines: Vec<_> = outline.items.iter().map(|item| (item.line, item.text.as_str())).collect();
    assert_eq!(lines, [(6, "one `X=1` more"), (8, "in `y=2`"), (9, "no"), (13, "")]);
    for item in &outline.items {
        for mark in &item.marks {
            assert_eq!(&text[mark.range.clone()], mark.mark.as_ref().unwrap().to_string());
        }
    }
    assert_eq!((outline.items[0].marks[0].line, outline.family(0)), (7, vec![0, 1]));
    assert!(matches!(outline.items[2].shape, Shape::Task(false)));
    let Shape::Row(row) = &outline.items[3].shape else { panic!() };
    assert_eq!((row.cells.as_slice(), row.cells_written), (&["x".into(), "`c`".into()][..], 2));
    assert_eq!(outline.items[3].codes[0].cell, Some(1));
    assert!(text[..outline.items[3].end].ends_with("id=G -->"));
}

#[test]
fn marks_that_mark_nothing_are_stray() {
    let text = "<!-- run: flag -->\n\nprose <!-- run: flag --> more\n\n`<!-- run: code -->`\n\n```\n<!-- run: fence -->\n```\n";
    let lines: Vec<_> = outline(text).stray.iter().map(|mark| mark.line).collect();
    assert_eq!(lines, [1, 3]);
}

#[test]
fn limits_are_kept_before_anything_is_parsed() {
    let deep = "- ".repeat(5 << 20);
    assert_eq!(Source::new(&deep).unwrap_err().rule, "too-large");
    let deep: String = (0..700).map(|depth| format!("{}- x\n", " ".repeat(2 * depth))).collect();
    assert_eq!(Source::new(&deep).unwrap_err().rule, "too-deep");
    assert_eq!(Source::new(&"x".repeat(20_000)).unwrap_err().rule, "too-long");
    assert_eq!(Source::new("a\0").unwrap_err().rule, "not-text");
    assert!(Source::new(&format!("{}\n", "-".repeat(200))).is_ok());
    let many = "- x\n".repeat(30_000);
    assert_eq!(read(&Source::new(&many).unwrap()).unwrap_err().rule, "too-large");
}
