//! Addresses that are read, and those that are refused without being repeated.

use super::{Address, Host, Kind};

fn hosts(address: &Address) -> Vec<String> {
    address.hosts.iter().map(|Host { name, port }| format!("{name} {port}")).collect()
}

fn credentials(address: &Address) -> (Option<&str>, Option<&str>, i64) {
    let settings = address.server.redis_settings();
    (settings.username(), settings.password(), settings.db())
}

#[test]
fn one_server_is_what_the_client_library_reads() {
    let address = Address::parse("rediss://user:pa%2Fss@redis.example:7000/3").unwrap();
    assert_eq!((&address.kind, address.tls), (&Kind::Single, true));
    assert_eq!(credentials(&address), (Some("user"), Some("pa/ss"), 3));
}

#[test]
fn sentinels_a_service_and_a_database_are_read() {
    let url = "redis+sentinel://:p%40ss@s1:1,s2,[::1]:3/main/2?sentinel_password=x%26y";
    let address = Address::parse(url).unwrap();
    assert_eq!(address.kind, Kind::Sentinel { service: "main".to_owned() });
    assert_eq!(hosts(&address), ["s1 1", "s2 26379", "::1 3"]);
    assert_eq!(credentials(&address), (None, Some("p@ss"), 2));
    let of_sentinels = &address.of_sentinels;
    assert_eq!((of_sentinels.username(), of_sentinels.password()), (None, Some("x&y")));
    assert!(!address.tls && Address::parse("rediss+sentinel://a/b").unwrap().tls);
}

#[test]
fn nodes_of_a_cluster_are_read() {
    for end in ["", "/", "/0"] {
        let address = Address::parse(&format!("rediss+cluster://u:p@a:1,b{end}")).unwrap();
        assert_eq!((&address.kind, address.tls), (&Kind::Cluster, true));
        assert_eq!(hosts(&address), ["a 1", "b 6379"]);
        assert_eq!(credentials(&address), (Some("u"), Some("p"), 0));
    }
}

#[test]
fn an_address_that_is_none_is_refused_without_repeating_it() {
    for url in [
        "http://user:hunter2@example.com",
        "user:hunter2@example.com",
        "redis+sentinel://:hunter2@a:1,b:2",
        "redis+sentinel://:hunter2@a:1,b:2/",
        "redis+sentinel://:hunter2@a:x/main",
        "redis+sentinel://:hunter2@a,,b/main",
        "redis+sentinel://:hunter2@a/main/db",
        "redis+sentinel://:hunter2@a/main?password=hunter2",
        "redis+cluster://:hunter2@a/1",
        "redis+cluster://:hunter2@a?x=hunter2",
        "redis+cluster://:hunter2@",
        "redis+cluster://:hunter2@[::1",
        "redis+cluster://:hunter2@a b",
        "redis+ring://:hunter2@a",
        "rediss://:hunter2@a:1,b:2",
    ] {
        match Address::parse(url) {
            Ok(_) => panic!("{url} was taken"),
            Err(error) => assert!(!error.to_string().contains("hunter2"), "{error}"),
        }
    }
}
