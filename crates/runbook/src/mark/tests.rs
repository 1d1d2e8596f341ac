//! Tests of marks.

use super::*;

#[test]
fn marks_are_read_and_written() {
    let text = "<!-- run: http-expect id=S2 owner=\"oncall ops\" within=5m -->";
    let mark = read(text).unwrap().unwrap();
    assert!(mark.is_confirmed);
    assert_eq!(
        (mark.words.as_slice(), mark.get("owner")),
        (&["http-expect".into()][..], Some("oncall ops"))
    );
    assert_eq!(mark.to_string(), text);
    let mark = read("<!--run?flag   within=1m   id=S1-->").unwrap().unwrap();
    assert_eq!(mark.to_string(), "<!-- run? flag id=S1 within=1m -->");
}

#[test]
fn other_comments_are_no_marks_and_broken_marks_are_faults() {
    for comment in
        ["<!-- TODO -->", "<!-- running late -->", "<!-- run by hand -->", "<!---->", "<b>"]
    {
        assert!(read(comment).is_none(), "{comment}");
    }
    for (comment, error) in [
        ("<!-- Run: flag -->", MarkError::Start),
        ("<!-- run! flag -->", MarkError::Start),
        ("<!-- run: flag id= -->", MarkError::Part("id=".into())),
        ("<!-- run: id=A flag -->", MarkError::Part("flag".into())),
        ("<!-- run: flag id=\"A -->", MarkError::Quote),
        ("<!-- run: flag id=A id=B -->", MarkError::Twice("id".into())),
    ] {
        assert_eq!(read(comment), Some(Err(error)), "{comment}");
    }
}
