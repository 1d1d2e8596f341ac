//! Differences by their places, and secrets by their names.

use super::*;

fn baseline() -> Baseline {
    let settings = BTreeMap::from([("REALTIME_BACKEND".to_owned(), "memory".to_owned())]);
    let record = ReplicaRecord {
        arm: "stable".into(),
        binary: Some(Hash::of(b"binary")),
        state: "running".into(),
        version: Some("0.1.0".into()),
        commit: None,
        realtime: json!({"selected_backend": "memory"}),
        inject: None,
        store: json!({"migration_checksum": "abc", "migrations": 3}),
        channel_prefix: None,
        settings,
    };
    Baseline {
        replicas: BTreeMap::from([("stable-1".to_owned(), record)]),
        router_configuration: Hash::of(b"config"),
        router_version: "HAProxy version 2.6".into(),
        redis_version: None,
        database: "none".into(),
        database_version: None,
    }
}

#[test]
fn what_is_the_same_makes_no_difference() {
    assert_eq!(compare(&baseline(), &baseline()), []);
    let text = serde_json::to_string(&baseline()).unwrap();
    assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), baseline());
}

#[test]
fn each_difference_says_where_it_is() {
    let mut after = baseline();
    let replica = after.replicas.get_mut("stable-1").unwrap();
    replica.version = None;
    replica.realtime = json!({"selected_backend": "redis", "status": "healthy"});
    replica.settings.clear();
    after.replicas.insert("stable-2".into(), baseline().replicas["stable-1"].clone());
    after.router_configuration = Hash::of(b"another");
    let found = compare(&baseline(), &after);
    let places: Vec<_> = found.iter().map(|difference| difference.what.as_str()).collect();
    assert_eq!(
        places,
        [
            "replicas.stable-1.realtime.selected_backend",
            "replicas.stable-1.realtime.status",
            "replicas.stable-1.settings.REALTIME_BACKEND",
            "replicas.stable-1.version",
            "replicas.stable-2",
            "router_configuration",
        ]
    );
    let shown = "replicas.stable-1.realtime.selected_backend: \"memory\" before, \"redis\" now";
    assert_eq!(found[0].to_string(), shown);
}

#[test]
fn secrets_are_named_and_not_shown() {
    let given = [
        ("TIDEGATE_KEYS", "org=key-of-somebody"),
        ("REDIS_URL", "redis://:password@host/"),
        ("SURREAL_PASS", "password"),
        ("TIDEGATE_JWT_HS256_SECRET", "password"),
        ("SOMETHING", "https://user:password@host/"),
    ];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let shown = masked(given.into_iter().chain([("A".into(), "b".into())]).collect());
    assert!(shown.iter().all(|(name, value)| (value == MASK) == (name != "A")), "{shown:?}");
}

/// Two replicas of each arm whose database has the same migrations.
fn deployed() -> Baseline {
    let mut all = baseline();
    all.database = "server".into();
    let mut record = all.replicas["stable-1"].clone();
    record.store = json!({"migration_checksum": Hash::of(b"files").to_string()});
    for name in ["stable-1", "stable-2"] {
        all.replicas.insert(name.into(), record.clone());
    }
    (record.arm, record.binary) = ("canary".into(), Some(Hash::of(b"candidate")));
    for name in ["canary-1", "canary-2"] {
        all.replicas.insert(name.into(), record.clone());
    }
    all
}

#[test]
fn what_was_rehearsed_is_the_candidate() {
    let runbook = Hash::of(b"runbook");
    let rehearsed = deployed().rehearsed(runbook).unwrap();
    assert_eq!(rehearsed.binary, Hash::of(b"candidate"));
    assert_eq!(rehearsed.migrations, Some(Hash::of(b"files")));
    assert_eq!((rehearsed.router_configuration, rehearsed.runbook), (Hash::of(b"config"), runbook));
    let mut stable = baseline();
    stable.replicas.get_mut("stable-1").unwrap().store = json!({"status": "unused"});
    let rehearsed = stable.rehearsed(runbook).unwrap();
    assert_eq!((rehearsed.binary, rehearsed.migrations), (Hash::of(b"binary"), None));
}

#[test]
fn what_differs_or_is_unseen_is_vouched_for_by_nobody() {
    type Change = fn(&mut ReplicaRecord);
    let changes: [(Change, &str); 6] = [
        (
            |it| it.store = json!({"migration_checksum": Hash::of(b"x").to_string()}),
            "different migrations: canary-1 ",
        ),
        (|it| it.store = json!({"migration_checksum": "abc"}), "different migrations"),
        (|it| it.store = json!({"status": "unused"}), "canary-2 did not tell of its migrations"),
        (|it| it.binary = Some(Hash::of(b"x")), "different binaries: canary-1 "),
        (|it| it.binary = None, "canary-2 did not say what it is"),
        (|it| (it.version, it.store) = (None, json!({})), "canary-2 did not say what it is"),
    ];
    for (change, expected) in changes {
        let mut all = deployed();
        change(all.replicas.get_mut("canary-2").unwrap());
        let why = all.rehearsed(Hash::of(b"runbook")).unwrap_err();
        let why: Vec<_> = why.iter().map(ToString::to_string).collect();
        assert!(why.iter().any(|why| why.contains(expected)), "{expected}: {why:?}");
    }
    let mut none = deployed();
    none.replicas.values_mut().for_each(|it| it.store = json!({}));
    let why = none.rehearsed(Hash::of(b"runbook")).unwrap_err();
    assert!(matches!(why[..], [Unvouched::NoMigrations(_)]), "{why:?}");
    none.replicas.clear();
    assert_eq!(none.rehearsed(Hash::of(b"runbook")), Err(vec![Unvouched::NoReplica]));
}

#[test]
fn faults_on_purpose_are_told() {
    let mut all = deployed();
    assert!(all.faults_on_purpose().is_empty());
    // Built to fail, and told not to.
    all.replicas.get_mut("canary-2").unwrap().inject = Some(json!("none"));
    let told = all.faults_on_purpose();
    assert!(
        matches!(&told[..], [one] if one.starts_with("canary-2 was built to fail")),
        "{told:?}"
    );
}
