//! Answers as HAProxy 2.6 gives them, and broken ones.

use super::*;

#[test]
fn answers_are_parted() {
    for (text, count, expected) in [
        ("\n", 1, Some(vec![""])),
        ("a\nb\n\n", 1, Some(vec!["a\nb"])),
        ("a\n\n\nb\n\n", 3, Some(vec!["a", "", "b"])),
        ("", 1, None),
        ("a\n", 1, None),
        ("a\nb", 1, None),
        ("a\n\n", 2, None),
        ("a\n\nb\n\n", 1, None),
    ] {
        assert_eq!(part(text, count), expected, "{text:?}");
    }
}

#[test]
fn what_says_no_has_advice() {
    let refused = |answer| refusal(answer).map(|(said, _)| said);
    assert_eq!(refused("Permission denied"), Some("Permission denied".to_owned()));
    let denied = "# table: canary, type: string, size:102400, used:8\n\
                  # contents not dumped due to insufficient privileges";
    assert!(refusal(denied).is_some_and(|(_, advice)| advice.contains("level admin")));
    assert!(refused("Unknown command, but maybe one of the following").is_some());
    assert_eq!(refused("0x563cc1660920 weight 2000"), None);
    assert_eq!(refused(""), None);
}
