//! Secrets are read late and never shown.

use std::{collections::BTreeMap, fs, sync::Arc};

use super::{SecretError, SecretSource, SecretText, Secrets};

fn secrets(folder: &std::path::Path) -> Secrets {
    fs::write(folder.join("key"), "from-a-file\n").unwrap();
    fs::write(folder.join("none"), "\n").unwrap();
    let sources = [
        ("env", SecretSource::Env("KEY".into())),
        ("unset", SecretSource::Env("NOT_THERE".into())),
        ("short", SecretSource::Env("SHORT".into())),
        ("file", SecretSource::File(folder.join("key"))),
        ("none", SecretSource::File(folder.join("none"))),
        ("missing", SecretSource::File(folder.join("missing"))),
        ("folder", SecretSource::File(folder.to_owned())),
    ];
    let sources = sources.map(|(name, source)| (name.to_owned(), source));
    let lookup = |name: &str| match name {
        "KEY" => Some("from-the-environment".to_owned()),
        "SHORT" => Some("abc".to_owned()),
        _ => None,
    };
    Secrets::new(BTreeMap::from(sources), Arc::new(lookup))
}

#[test]
fn a_secret_is_read_where_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = secrets(folder.path());
    let check = |text: &str, expected: &str, shown: &str| {
        let read = secrets.resolve(text).unwrap();
        assert_eq!((read.expose(), read.to_string().as_str()), (expected, shown));
    };
    check("secret:env", "from-the-environment", "secret:env");
    check("secret:file", "from-a-file", "secret:file");
    check("--key=secret:file", "--key=from-a-file", "secret:file");
    check("plain", "plain", "plain");
    check("a=b=secret:file", "a=b=secret:file", "a=b=secret:file");
    fs::write(folder.path().join("key"), "another-one\r\n").unwrap();
    check("secret:file", "another-one", "secret:file");
}

#[test]
fn what_can_t_be_read_is_named_and_said_what_to_do_about() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = secrets(folder.path());
    let unset = SecretError::Unset { name: "unset".into(), variable: "NOT_THERE".into() };
    assert_eq!(secrets.read("unset"), Err(unset));
    assert_eq!(secrets.read("other"), Err(SecretError::Unknown("other".into())));
    assert_eq!(secrets.read("short"), Err(SecretError::Short("short".into())));
    assert_eq!(secrets.read("none"), Err(SecretError::Empty("none".into())));
    for name in ["missing", "folder"] {
        assert!(matches!(secrets.read(name), Err(SecretError::File { .. })), "{name}");
    }
    let errors = secrets.redactor().unwrap_err();
    assert_eq!(errors.len(), 5, "{errors:?}");
}

#[test]
fn no_secret_is_shown() {
    let secrets = Secrets::given([("key", "hunter2hunter2")]);
    let read = secrets.read("key").unwrap();
    let shown = format!("{read} {read:?} {secrets:?} {:?}", secrets.sources);
    assert!(!shown.contains("hunter2"), "{shown}");
    let clean = secrets.redactor().unwrap().redact(b"a hunter2hunter2 b");
    assert_eq!(clean, b"a [redacted key] b");
    assert_eq!(format!("{:?}", SecretText::plain("a")), "a");
}
