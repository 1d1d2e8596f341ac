//! What makes a configuration another one, and what does not.

use std::{path::Path, time::Duration};

use super::{super::config, *};
use crate::haproxy::{ConfigSettings, Replica};

fn settings(folder: &str, replicas: usize) -> ConfigSettings {
    let named = |arm: &str| {
        let one = |number| Replica {
            name: format!("{arm}-{number}"),
            address: format!("10.0.0.{number}:3000"),
        };
        (0..replicas).map(one).collect()
    };
    ConfigSettings {
        stable: named("s"),
        canary: named("c"),
        ..ConfigSettings::local("127.0.0.1:8080", Path::new(folder))
    }
}

fn of(settings: &ConfigSettings) -> String {
    essence(&config(settings).unwrap()).unwrap()
}

#[test]
fn a_rehearsals_and_a_deployments_are_the_same() {
    let rehearsed = of(&settings("/tmp/stack/router", 1));
    let mut deployed = settings("/etc/haproxy", 5);
    (deployed.connections_max, deployed.clients_max) = (200_000, 1_000_000);
    deployed.bind = "*:443".into();
    deployed.socket = "/run/haproxy/admin.sock".into();
    assert_eq!(of(&deployed), rehearsed);
    for left_out in ["/tmp", "127.0.0.1", "10.0.0", "maxconn", "s-0", "size", "#", "stats socket"] {
        assert!(!rehearsed.contains(left_out), "{left_out}: {rehearsed}");
    }
    assert!(rehearsed.contains("str(weight),map_str(<file 1>,0)"), "{rehearsed}");
    assert!(rehearsed.contains("map_str(<file 2>,none)"), "{rehearsed}");
    assert!(rehearsed.contains("timeout connect 2000ms"), "{rehearsed}");
}

#[test]
fn a_file_counts_by_which_it_is_and_not_by_where() {
    let listed = |first: &str, second: &str| {
        let acls = format!("  acl a src -f {first}\n  acl b src -i -f {second}\n");
        essence(&format!("frontend f\n{acls}  timeout client 1s\nbackend b\n")).unwrap()
    };
    let same = listed("/etc/haproxy/a.lst", "/etc/haproxy/b.lst");
    assert!(same.contains("acl b src -i -f <file 2>"), "{same}");
    assert_eq!(listed("/tmp/a.lst", "5s"), same);
    assert_ne!(listed("/tmp/a.lst", "/tmp/a.lst"), same);
}

#[test]
fn other_rules_and_times_are_another_one() {
    let same = of(&settings("/r", 1));
    let mut other = settings("/r", 1);
    other.check_every = Duration::from_secs(7);
    assert_ne!(of(&other), same);
    let text = config(&settings("/r", 1)).unwrap();
    let changes = [
        ("acl is_leased var(txn.lease) -m int gt 0", "acl is_leased always_true"),
        ("mod(10000)", "mod(1000)"),
        ("retry-on conn-failure", "retry-on all-retryable-errors"),
        ("map_str(/r/pins.map,none)", "map_str(/r/traffic.map,none)"),
        ("default_backend stable", "default_backend canary"),
        ("timeout connect 2s", "timeout connect 3s"),
    ];
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        assert_ne!(essence(&text.replace(from, to)).unwrap(), same, "{from}");
    }
    let written = [
        ("timeout connect 2s", "timeout   connect 2000ms   # a comment"),
        ("    option redispatch 1", "\toption redispatch 1"),
        ("maxconn 20000", "maxconn 5\n    nbthread 4\n    user haproxy\n    log /dev/log local0"),
    ];
    for (from, to) in written {
        assert!(text.contains(from), "{from}");
        assert_eq!(essence(&text.replace(from, to)).unwrap(), same, "{from}");
    }
}

#[test]
fn what_is_no_configuration_is_refused() {
    let check = |text: &str, expected: EssenceError| assert_eq!(essence(text), Err(expected));
    check("", EssenceError::Lacks("backend"));
    check("# x\nREALTIME_BACKEND=redis\n", EssenceError::NoSection(2));
    check("backend a\n  server s 1\n", EssenceError::Lacks("frontend"));
    check("frontend a\n  log-format \"%ci\n", EssenceError::Quote(2));
}
