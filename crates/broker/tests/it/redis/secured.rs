//! TLS, passwords and ACL users: what is needed, and what a refusal says.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use broker::{
    Broker, HealthState, RedisBroker, RedisIdentity, RedisOptions, ReplicaBroker, ReplicaOptions,
    conformance::{Start, broken_promise},
    live::Target,
};
use event::After;
use faults::{Certificates, RedisCluster, RedisServer, SentinelSet, ServerOptions};

use crate::support::{
    clock::FakeClock,
    live::Live,
    logs::golden_stream,
    outage::{assert_complete, attach, publish},
    reader::Attached,
    redis::{WIDE, append, health_says, options, replica},
    replica::healthy,
};

/// The least that works, as `docs/redis.md` has it.
const RULE: &str = include_str!("../../../../../docs/redis-acl.txt");

fn with_authority(url: &str, file: &Path) -> RedisOptions {
    RedisOptions { ca_file: Some(file.to_owned()), ..options(url, WIDE) }
}

async fn works(options: &RedisOptions) {
    let broker = replica(options).await as Arc<dyn Broker>;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let acknowledged = append(&broker, 3).await;
    reader.through(acknowledged[2].id).await;
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
    broker.ledger(&golden_stream()).await.expect("it is read");
}

async fn is_refused(options: RedisOptions, expected: &str) {
    let broker = RedisBroker::start(options).expect("the address is one");
    assert_eq!(health_says(&broker, expected).await, HealthState::Unhealthy);
    let reason = broker.health().reason.unwrap_or_default();
    assert!(!reason.contains("hunter2"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_tls_is_known_by_its_authority() {
    let ours = Arc::new(Certificates::make());
    let tls = Some(Arc::clone(&ours));
    let server = RedisServer::start_with(ServerOptions { tls, ..Default::default() }).await;
    works(&with_authority(&server.url(), &ours.authority())).await;
    let another = Certificates::make();
    is_refused(with_authority(&server.url(), &another.authority()), "certificate").await;
    // The system's authorities know nothing of a test's.
    is_refused(options(&server.url(), WIDE), "certificate").await;
    let plain = server.url().replace("rediss://", "redis://");
    let broker = RedisBroker::start(options(&plain, WIDE)).expect("the address is one");
    health_says(&broker, "broke").await;
    assert_eq!(broker.connections_made(), 0);
}

fn known_by(options: RedisOptions, certificates: &Certificates) -> RedisOptions {
    let (cert_file, key_file) = certificates.client();
    RedisOptions { identity: Some(RedisIdentity { cert_file, key_file }), ..options }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_asks_for_a_certificate_is_shown_ours() {
    let ours = Arc::new(Certificates::make());
    let tls = Some(Arc::clone(&ours));
    let asks = ServerOptions::with_arguments(&["--tls-auth-clients", "yes"]);
    let server = RedisServer::start_with(ServerOptions { tls, ..asks }).await;
    let options = with_authority(&server.url(), &ours.authority());
    works(&known_by(options.clone(), &ours)).await;
    // Without one, and with that of an authority that the server does not know.
    for stranger in [options.clone(), known_by(options, &Certificates::make())] {
        let broker = RedisBroker::start(stranger).expect("the files are good");
        assert_eq!(health_says(&broker, "broke").await, HealthState::Unhealthy);
        assert_eq!(broker.connections_made(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_hold_no_identity_are_refused_at_the_start() {
    let (ours, others) = (Certificates::make(), Certificates::make());
    let ((cert, key), authority) = (ours.client(), ours.authority());
    let missing = ours.authority().with_file_name("missing.pem");
    let tls = with_authority("rediss://:hunter2@127.0.0.1:1/", &authority);
    let plain = options("redis://:hunter2@127.0.0.1:1/", WIDE);
    for (options, cert_file, key_file) in [
        (&tls, &missing, &key),
        (&tls, &cert, &missing),
        (&tls, &cert, &cert),
        (&tls, &key, &key),
        (&tls, &cert, &others.client().1),
        (&plain, &cert, &key),
    ] {
        let (cert_file, key_file) = (cert_file.clone(), key_file.clone());
        let identity = Some(RedisIdentity { cert_file, key_file });
        let refused = RedisBroker::start(RedisOptions { identity, ..options.clone() }).err();
        let refused = refused.expect("it can't be used").to_string();
        assert!(refused.contains("can't be used") && !refused.contains("hunter2"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_hold_no_authority_are_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let missing = folder.path().join("missing.pem");
    let nonsense = folder.path().join("nonsense.pem");
    std::fs::write(&nonsense, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("it is written");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").expect("it is written");
    let tls = "rediss://:hunter2@127.0.0.1:1/";
    let certificates = Certificates::make();
    let good = certificates.authority();
    let plain = "redis://:hunter2@127.0.0.1:1/";
    for (url, file) in [(tls, &missing), (tls, &nonsense), (tls, &empty), (plain, &good)] {
        let refused = RedisBroker::start(with_authority(url, file)).err();
        let refused = refused.expect("it can't be used").to_string();
        assert!(refused.contains("CA file") && !refused.contains("hunter2"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_and_servers_may_speak_tls() {
    let ours = Arc::new(Certificates::make());
    let tls = Some(Arc::clone(&ours));
    let set = SentinelSet::start_with(ServerOptions { tls, ..Default::default() }).await;
    assert!(set.url().starts_with("rediss+sentinel://"));
    works(&with_authority(&set.url(), &ours.authority())).await;
}

/// What is not called by our functions.
const OUTSIDE: &str = "hello auth select ping info function|load fcall fcall_ro script|load evalsha \
                       subscribe unsubscribe ssubscribe sunsubscribe cluster|slots asking set wait \
                       publish spublish scan";

#[test]
fn the_rule_allows_what_is_called_and_no_more() {
    let text = concat!(
        include_str!("../../../src/redis/log.lua"),
        include_str!("../../../src/redis/merge.lua"),
        include_str!("../../../src/redis/heal.lua"),
        include_str!("../../../src/redis/switch.lua"),
    );
    let code = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    let quoted = code.flat_map(|line| line.split('\'').skip(1).step_by(2));
    let called: BTreeSet<String> = quoted
        .filter(|word| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase()))
        .filter(|word| !["COUNT", "MINID", "MAXLEN", "STREAM"].contains(word))
        .map(str::to_lowercase)
        .collect();
    assert!(called.contains("xadd") && called.contains("time"), "{called:?}");
    let outside = OUTSIDE.split_whitespace().map(str::to_owned);
    let needed: BTreeSet<String> = called.into_iter().chain(outside).collect();
    let allowed = RULE.split_whitespace().filter_map(|word| word.strip_prefix('+'));
    let allowed: BTreeSet<String> = allowed.map(str::to_owned).collect();
    assert_eq!(allowed, needed);
}

/// Uses everything once with a user that is allowed what the rule says.
async fn the_rule_is_enough(arguments: &[&str], lacking: &[&str]) {
    let rule = RULE.split_whitespace().filter(|word| !lacking.contains(word));
    let rule = rule.collect::<Vec<_>>().join(" ");
    let acl = Some(format!("user default off\nuser tidegate on >word {rule}"));
    let options = ServerOptions { acl, ..ServerOptions::with_arguments(arguments) };
    let server = RedisServer::start_with(options).await;
    let options = self::options(&server.url_as("tidegate:word@"), WIDE);
    works(&options).await;
    // The server remembers whatever it refused.
    let log: Vec<redis::Value> = server.command(redis::cmd("ACL").arg("LOG")).await;
    assert!(log.is_empty(), "{log:?}");
    let broker = replica(&RedisOptions { prefix: "other".to_owned(), ..options }).await;
    let refused = broker.head(&golden_stream()).await.expect_err("it is another's prefix");
    assert!(refused.to_string().contains("refuses us"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_least_rule_is_enough() {
    the_rule_is_enough(&[], &[]).await;
    let without = ["--rename-command", "FUNCTION", "", "--rename-command", "FCALL", ""];
    the_rule_is_enough(&without, &["+function|load", "+fcall"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_refused_serves_by_itself_and_the_rule_is_enough_for_its_return() {
    let acl = format!("user default off\nuser tidegate on >word {}", RULE.replace("+sadd ", ""));
    let options = ServerOptions { acl: Some(acl), ..Default::default() };
    let server = RedisServer::start_with(options).await;
    let redis = self::options(&server.url_as("tidegate:word@"), WIDE);
    let options = ReplicaOptions::new(redis, Arc::new(FakeClock::new()));
    let replica = Arc::new(ReplicaBroker::start(options).expect("it starts"));
    let broker = Arc::clone(&replica) as Arc<dyn Broker>;
    let acknowledged = publish(&broker, 3).await;
    assert_eq!((broker.health().selected, replica.spool_events()), ("memory", 3));
    let () = server.command(redis::cmd("ACL").arg("SETUSER").arg("tidegate").arg("+sadd")).await;
    let () = server.command(redis::cmd("ACL").arg("LOG").arg("RESET")).await;
    healthy(&replica).await;
    assert_eq!(replica.spool_events(), 0);
    let mut reader = attach(&broker, &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
    let log: Vec<redis::Value> = server.command(redis::cmd("ACL").arg("LOG")).await;
    assert!(log.is_empty(), "{log:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_least_rule_is_enough_for_a_switch() {
    let acl = Some(format!("user default off\nuser tidegate on >word {}", RULE.trim()));
    let server = RedisServer::start_with(ServerOptions { acl, ..Default::default() }).await;
    let live = Live::start(&server.url_as("tidegate:word@"), WIDE, Target::Memory).await;
    let mut acknowledged = publish(&live.broker(), 3).await;
    for to in [Target::Redis, Target::Memory, Target::Redis] {
        live.broker.cutover(to).await.expect("it switches");
        live.broker.finalise().await.expect("it is over");
        acknowledged.extend(publish(&live.broker(), 2).await);
    }
    let mut reader = attach(&live.broker(), &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
    let log: Vec<redis::Value> = server.command(redis::cmd("ACL").arg("LOG")).await;
    assert!(log.is_empty(), "{log:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_may_speak_tls_and_the_least_rule_is_enough_there() {
    let ours = Arc::new(Certificates::make());
    let acl = Some(format!("user default off\nuser tidegate on >word {}", RULE.trim()));
    let tls = Some(Arc::clone(&ours));
    let cluster = RedisCluster::start_with(ServerOptions { acl, tls, ..Default::default() }).await;
    works(&with_authority(&cluster.url_as("tidegate:word@"), &ours.authority())).await;
    for node in &cluster.nodes {
        let log: Vec<redis::Value> = node.command(redis::cmd("ACL").arg("LOG")).await;
        assert!(log.is_empty(), "{log:?}");
    }
    is_refused(options(&cluster.url_as("tidegate:hunter2@"), WIDE), "not trusted").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_its_reason_and_not_the_password() {
    let acl = "user default off\nuser tidegate on >word ~* &* +@all -info".to_owned();
    let server =
        RedisServer::start_with(ServerOptions { acl: Some(acl), ..Default::default() }).await;
    is_refused(options(&server.url_as("tidegate:hunter2@"), WIDE), "refuses us").await;
    is_refused(options(&server.url_as("nobody:hunter2@"), WIDE), "refuses us").await;
    is_refused(options(&server.url_as(""), WIDE), "refuses us").await;
    is_refused(options(&server.url_as("tidegate:word@"), WIDE), "'info'").await;
    let password = Some("right".to_owned());
    let server = RedisServer::start_with(ServerOptions { password, ..Default::default() }).await;
    is_refused(options(&server.url_as(":hunter2@"), WIDE), "refuses us").await;
    works(&options(&server.url(), WIDE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_published_is_stored_and_found() {
    let acl = format!("user default off\nuser tidegate on >word {} -publish", RULE.trim());
    let server =
        RedisServer::start_with(ServerOptions { acl: Some(acl), ..Default::default() }).await;
    let broker = replica(&options(&server.url_as("tidegate:word@"), WIDE)).await;
    let broker = broker as Arc<dyn Broker>;
    let mut reader = Attached::at(&broker, &golden_stream(), &After::Oldest).await;
    let other = replica(&options(&server.url_as("tidegate:word@"), WIDE)).await;
    let acknowledged = append(&(other as Arc<dyn Broker>), 3).await;
    reader.through(acknowledged[2].id).await;
    assert_eq!(broken_promise(&acknowledged, Start::After(0), &reader.items), None);
}
