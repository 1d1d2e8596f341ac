//! Bounds: what is too large is refused at once, and of many problems the first are named.

use runbook::{Options, Problem, lint, plan};

use super::bad::{SOUND, check, faults};

#[test]
fn ten_megabytes_of_nested_lists_are_refused_at_once() {
    let mut text = String::new();
    for depth in 0..3_000 {
        text.push_str(&format!("{}- item\n", "  ".repeat(depth)));
    }
    assert!(text.len() > 9_000_000);
    let rules = |text: &str| -> Vec<&'static str> {
        lint(text, &Options::default()).iter().map(|problem: &Problem| problem.rule).collect()
    };
    let told = |text: &str| faults(text).concat();
    let whole = format!("line 1: the document has {} bytes, 1048576 are allowed", text.len());
    assert_eq!(told(&text), whole);
    let deep = "line 41: lists are nested too deep: 82 bytes before the text";
    assert_eq!(told(&text[..1 << 20]), deep);
    assert_eq!(rules(&"- ".repeat(5 << 20)), ["too-large"]);
    // As deep and as long as the limits allow, with blank lines, which cost the depth each.
    let deepest = format!("{}x\n", "- ".repeat(39)) + &"\n".repeat(1_000_000);
    assert!(rules(&deepest).contains(&"front-matter"));
    let wide = format!("{SOUND}{}", "- x <!-- run: flag id=A after=B -->\n".repeat(19_000));
    assert!(rules(&wide).contains(&"too-large"));
    let headings = "## gates\n\n- x\n\n".repeat(19_000);
    assert_eq!(runbook::import(&headings).unwrap_err().rule, "too-large");
    let settings = (0..20_000).map(|n| format!("  k{n}: v\n")).collect::<String>();
    assert!(rules(&format!("---\nvalues:\n{settings}---\n")).contains(&"front-matter"));
    let many = vec!["A"; 70].join(",");
    check("after=T-10", &format!("after={many}"), "line 25: `after` names more than 64");
}

#[test]
fn of_many_problems_the_first_are_named() {
    let secrets: String = (0..45_000).map(|n| format!("DB_PASS=hunter{n:06}\n")).collect();
    let problems = lint(&format!("{SOUND}\n{secrets}"), &Options::default());
    let secrets: Vec<_> = problems.iter().filter(|it| it.rule == "secret").collect();
    assert_eq!((secrets.len(), secrets[100].line), (101, 132));
    assert_eq!(secrets[100].text, "and 44900 more of `secret` from here on");
    assert!(secrets[100].is_fault());
    let boxes: String =
        (0..200).map(|n| format!("- [x] a <!-- run: sign-off id=C{n} -->\n")).collect();
    let text = format!("{SOUND}\n## End <!-- run: section checklist -->\n\n{boxes}");
    let told = lint(&text, &Options::default()).last().unwrap().to_string();
    assert_eq!(told, "line 134: and 100 more of `ticked` from here on (warning)");
    // A fault among those that are left out makes a fault of what is said of them.
    let examples = "```text\nmeasure = 1\n```\n".repeat(150);
    let text = format!("{SOUND}\n{examples}\n```\n");
    assert!(faults(&text).contains(&"line 332: and 51 more of `lost` from here on".to_owned()));
    assert!(plan(&text, &Options::default()).plan.is_none());
}

#[test]
fn blocks_of_html_with_marks_are_read_in_one_go() {
    let text = "<div>\n<!-- run: x -->\n".repeat(20_000);
    let problems = lint(&text, &Options::default());
    let marks: Vec<_> = problems.iter().filter(|it| it.rule == "mark").collect();
    assert_eq!((marks[0].line, marks[99].line, marks.len()), (2, 200, 101));
}

#[test]
fn a_carriage_return_ends_a_line_or_nothing() {
    for (text, line) in [("# T\rx\n", 1), ("# T\r\n\r\nx\r\r\n", 3), ("a\n\rb", 2)] {
        let told = format!(
            "line {line}: a carriage return stands within the line, which editors and renderers \
             end there or don't"
        );
        assert_eq!(faults(text), [told.as_str()]);
        assert_eq!(runbook::import(text).unwrap_err().to_string(), told);
        assert_eq!(runbook::format(text).unwrap_err().to_string(), told);
    }
    assert_eq!(faults(&SOUND.replace('\n', "\r\n")), [""; 0]);
    assert_eq!(faults(&format!("{SOUND}\r")), [""; 0]);
}
