//! Settings that make a configuration, and such that would make another one.

use super::*;

fn replica(name: &str, address: &str) -> Replica {
    Replica { name: name.to_owned(), address: address.to_owned() }
}

fn settings() -> ConfigSettings {
    ConfigSettings {
        stable: vec![replica("s1", "127.0.0.1:1"), replica("s2", "replica-2:3000")],
        canary: vec![replica("c1", "[::1]:2")],
        ..ConfigSettings::local("127.0.0.1:8080", Path::new("/run/edge"))
    }
}

#[test]
fn everything_is_put_in() {
    let text = config(&settings()).unwrap();
    assert!(!text.contains("{{"), "{text}");
    for line in [
        "    bind 127.0.0.1:8080",
        "    server s2 replica-2:3000",
        "    server c1 [::1]:2",
        "    stats socket /run/edge/haproxy.sock mode 600 level admin expose-fd listeners",
        "    default-server check inter 1000ms fall 2 rise 2 init-addr last,libc,none",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}");
    }
    assert!(text.contains("map_str(/run/edge/traffic.map,0),sub(txn.bucket)"));
}

#[test]
fn what_would_be_more_than_a_word_is_refused() {
    type Change = fn(&mut ConfigSettings);
    let changes: [Change; 7] = [
        |settings| settings.bind = "127.0.0.1:1 ssl crt /x".to_owned(),
        |settings| settings.canary[0].name = "c1\n    acl x".to_owned(),
        |settings| settings.canary[0].address = String::new(),
        |settings| settings.stable[1].name = "s1".to_owned(),
        |settings| settings.stable.clear(),
        |settings| settings.socket = "/run/a b".into(),
        |settings| settings.folder = "/run/a,b".into(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut settings = settings();
        change(&mut settings);
        assert!(config(&settings).is_err(), "change {index}");
    }
}

#[test]
fn files_that_can_not_be_written_are_named() {
    let settings = ConfigSettings { folder: "/nowhere".into(), ..settings() };
    let error = write(&settings).unwrap_err();
    assert!(error.to_string().contains("/nowhere/haproxy.cfg"), "{error}");
}
