//! Secrets never reach a hash or a file.

use evidence::{Recorder, Redactor, secrets};
use proptest::prelude::*;
use serde_json::json;

fn redactor() -> Redactor {
    let redactor = Redactor::default().with("REDIS_URL", "p@ss/w\"rd?x").unwrap();
    redactor.with("LONGER", "p@ss/w\"rd?x and more").unwrap()
}

#[test]
fn secrets_are_found_in_every_form_and_named() {
    let check = |text: &str, expected: &str| {
        let redacted = String::from_utf8(redactor().redact(text.as_bytes())).unwrap();
        assert_eq!(redacted, expected, "{text}");
    };
    check("x p@ss/w\"rd?x y", "x [redacted REDIS_URL] y");
    check("p@ss/w\"rd?x and more", "[redacted LONGER]");
    check("p%40ss%2Fw%22rd%3Fx", "[redacted REDIS_URL]");
    check("p%40ss%2fw%22rd%3fx", "[redacted REDIS_URL]");
    check("cEBzcy93InJkP3g=", "[redacted REDIS_URL]");
    check("{\"a\":\"p@ss/w\\\"rd?x\"}", "{\"a\":\"[redacted REDIS_URL]\"}");
    check("redis://user:hidden@host:6379/0", "redis://user:[redacted password]@host:6379/0");
    check("redis://:hidden@host", "redis://:[redacted password]@host");
    check("http://host:6379/a@b", "http://host:6379/a@b");
    check("Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted token]");
    check("the bearer of news", "the bearer of news");
    check("nothing here", "nothing here");
    check("", "");
}

#[test]
fn short_secrets_are_refused_and_none_is_shown() {
    let refused = Redactor::default().with("PIN", "12345").unwrap_err();
    assert!(refused.to_string().contains("PIN") && !refused.to_string().contains("12345"));
    assert!(!format!("{:?}", redactor()).contains("p@ss"));
}

#[test]
fn what_is_recorded_has_no_secret() {
    let mut log = Recorder::new("example.com/1", redactor()).unwrap();
    let output = log.output("out", b"key p@ss/w\"rd?x\n");
    assert_eq!(output.bytes, 25);
    let data = json!({"url": "redis://u:other@h", "key": "p@ss/w\"rd?x"});
    log.record(super::made::at(0), "step", &data, vec![output]).unwrap();
    let kept: Vec<u8> = log.outputs().values().flatten().copied().collect();
    let all = String::from_utf8([log.lines(), &kept].concat()).unwrap();
    assert!(!all.contains("p@ss") && !all.contains("other@"), "{all}");
    assert!(all.contains("[redacted REDIS_URL]"));
}

/// Pieces of which secrets are made, and what may stand in them.
const PIECES: &[&str] = &[
    "DB_PASS",
    "password",
    "x-api-key",
    "Authorization",
    "--token",
    "-u ",
    "-p",
    "-a ",
    "redis-cli ",
    "mysql ",
    "=",
    ":",
    ": ",
    " = ",
    "://",
    "@",
    "'",
    "\"",
    "\\",
    "\\\"",
    "`",
    " ",
    "\n",
    "\r\n",
    "é",
    "漢",
    "\u{1f600}",
    "<",
    ">",
    "<x>",
    "${",
    "}",
    "$X",
    "%A%",
    "{{",
    "secret:",
    "Bearer ",
    "Basic Zm9vOmh1bnRlcjI=",
    "-H ",
    "pass:",
    "hunter2",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJ9.eyJz.abc",
    "-----BEGIN ",
    "PRIVATE KEY-----",
    "-----END ",
    "?",
    "&",
    ",",
    ";",
    "[redacted x]",
    "0",
    "true",
    "a",
    "\t",
    "\0",
];

proptest! {
    #[test]
    fn no_secret_stays_wherever_it_stands(
        secret in "[!-~]{6,20}",
        before in "[ -~]{0,20}",
        after in "[ -~]{0,20}",
    ) {
        let redactor = Redactor::default().with("S", &secret).unwrap();
        prop_assume!(!"[redacted S][redacted token][redacted password]".contains(&secret));
        let text = format!("{before}{secret}{after}");
        let redacted = String::from_utf8(redactor.redact(text.as_bytes())).unwrap();
        prop_assert!(!redacted.contains(&secret), "{redacted}");
    }

    /// Whatever the text: what is found are parts of it, one behind the other.
    #[test]
    fn what_is_found_lies_in_the_text(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..12)) {
        let text = pieces.concat();
        let mut end = 0;
        for secret in secrets(&text) {
            let range = secret.range;
            prop_assert!(end <= range.start && range.start < range.end, "{range:?} in {text:?}");
            prop_assert!(text.get(range.clone()).is_some(), "{range:?} in {text:?}");
            end = range.end;
        }
        let _redacted = Redactor::default().redact(text.as_bytes());
    }
}
