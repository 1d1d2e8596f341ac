//! Tests of commands, those of known runbooks among them.

use super::*;

#[test]
fn commands_become_argument_lists() {
    for (text, expected) in [
        ("just release-gates-surreal", vec![vec!["just", "release-gates-surreal"]]),
        (
            "cargo test -p gotong-api --test '*'",
            vec![vec!["cargo", "test", "-p", "gotong-api", "--test", "*"]],
        ),
        (
            "curl -fsS http://127.0.0.1:3000/health",
            vec![vec!["curl", "-fsS", "http://127.0.0.1:3000/health"]],
        ),
        (
            "bun run build && bun test && bun run test",
            vec![vec!["bun", "run", "build"], vec!["bun", "test"], vec!["bun", "run", "test"]],
        ),
        ("echo \"a  b\" '' c'd'e", vec![vec!["echo", "a  b", "", "cde"]]),
    ] {
        assert_eq!(split(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_needs_a_shell_is_refused() {
    for (text, at) in [
        ("a | b", '|'),
        ("a; b", ';'),
        ("a & b", '&'),
        ("a > b", '>'),
        ("a $(b)", '$'),
        ("a `b`", '`'),
        ("a \"$HOME\"", '$'),
        ("ls *.md", '*'),
        ("cd ~/x", '~'),
        ("a || b", '|'),
        ("a\nb", '\n'),
        ("a {b,c}", '{'),
        ("a \\; b", '\\'),
        ("(a)", '('),
    ] {
        assert_eq!(split(text), Err(CommandError::Shell(at)), "{text}");
    }
    assert_eq!(split("a 'b"), Err(CommandError::Quote));
    for text in ["", "  ", "&& a", "a && ", "a && && b", "''"] {
        assert_eq!(split(text), Err(CommandError::Empty), "{text}");
    }
    assert_eq!(split("A=b c"), Err(CommandError::Setting("A".into())));
}
