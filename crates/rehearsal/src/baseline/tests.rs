use super::*;

fn baseline() -> Baseline {
    let settings = BTreeMap::from([("REALTIME_BACKEND".to_owned(), "memory".to_owned())]);
    let record = ReplicaRecord {
        arm: "stable".into(),
        binary: Some(Hash::of(b"binary")),
        state: "running".into(),
        version: Some("0.1.0".into()),
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

#[test]
fn a_checksum_is_that_of_all_replicas() {
    let mut all = baseline();
    assert_eq!(all.migration_checksum(), Some("abc"));
    let mut other = all.replicas["stable-1"].clone();
    other.store = json!({"status": "unused"});
    all.replicas.insert("stable-2".into(), other.clone());
    assert_eq!(all.migration_checksum(), Some("abc"));
    other.store = json!({"migration_checksum": "def"});
    all.replicas.insert("stable-3".into(), other);
    assert_eq!(all.migration_checksum(), None);
}
