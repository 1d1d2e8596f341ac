//! `docker-compose.yml` and `example.env`: compose takes them, and what they name is there.

use std::collections::BTreeSet;

use node_runtime::{
    Settings,
    settings::{Backend, ChatTransport, DataBackend, Values},
};

use serde_json::json;

use super::{SECRETS, composed, duration, environment, preset, text_of, try_compose};
use crate::support::edge::in_workspace;

const REPLICAS: [&str; 2] = ["replica-1", "replica-2"];

/// With the one that stands beside them without a client, which differs by its image alone.
const WITH_CANARY: [&str; 3] = ["replica-1", "replica-2", "canary"];

#[test]
fn compose_takes_it_with_its_secrets_and_not_without_one_of_them() {
    composed();
    for (missing, _) in SECRETS {
        for given in ["", "absent"] {
            let kept = SECRETS.into_iter().filter(|(name, _)| *name != missing);
            let empty = (given.is_empty()).then_some((missing, ""));
            let variables: Vec<_> = kept.chain(empty).collect();
            let why = try_compose(&variables).expect_err("a secret is missing");
            assert!(why.contains("Missing mandatory value"), "{missing}: {why}");
            assert!(why.contains(&format!("{missing}:?")), "{missing}: {why}");
        }
    }
}

/// Returns the variables that the compose file takes from outside, and whether each must be given.
fn taken() -> BTreeSet<(String, bool)> {
    let text = text_of("deploy/docker-compose.yml");
    let of = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_' && !c.is_ascii_digit());
        let (name, mark) = rest.split_at(end.expect("it is closed"));
        let has_default = mark.starts_with(":-");
        assert!(has_default || mark.starts_with(":?"), "{name} needs a default or a refusal");
        (name.to_owned(), !has_default)
    };
    text.split("${").skip(1).map(of).collect()
}

#[test]
fn the_example_names_what_may_be_given_and_holds_no_secret() {
    let text = text_of("deploy/example.env");
    let mut named = BTreeSet::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        let is_needed = !name.starts_with('#');
        let name = name.trim_start_matches('#');
        if name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && name != "COMPOSE_PROJECT_NAME"
        {
            assert!(!is_needed || value.is_empty(), "{name} holds a secret");
            named.insert((name.to_owned(), is_needed));
        }
    }
    assert_eq!(named, taken());
    let needed: BTreeSet<_> = SECRETS.iter().map(|(name, _)| ((*name).to_owned(), true)).collect();
    assert!(needed.iter().eq(named.iter().filter(|(_, is_needed)| *is_needed)));
    let ignored = text_of(".gitignore");
    assert!(ignored.lines().any(|line| line == "/deploy/.env"), "{ignored}");
}

#[test]
fn every_setting_of_a_replica_is_one_and_they_make_two_replicas() {
    let composed = composed();
    for replica in WITH_CANARY {
        let environment = environment(&composed, replica);
        let values = Values::from_environment(environment.clone());
        for name in environment.keys() {
            assert!(values.get(name).is_some(), "{name} is no setting");
        }
        let settings = Settings::parse(&values).unwrap_or_else(|error| panic!("{error}"));
        let realtime = &settings.realtime;
        assert_eq!(
            (realtime.backend, realtime.chat_transport, settings.data.backend),
            (Backend::Redis, ChatTransport::Redis, DataBackend::Surreal)
        );
        assert!(settings.has_auth() && !settings.bind.ip().is_loopback());
        let service = &composed["services"][replica];
        let grace = service["stop_grace_period"].as_str().map(duration).expect("it has one");
        assert!(grace > 2 * settings.drain, "windows are saved after the drain");
        // A state folder of its own, where the settings say.
        let volume = format!("{replica}:{}:rw", realtime.state_dir.display());
        assert_eq!(service["volumes"], json!([volume]));
        assert!(composed["volumes"][replica].is_object());
        // What it connects to is there, under the port that it has there.
        let url = realtime.redis_url.as_ref().expect("it has one").expose().to_owned();
        assert!(url.ends_with("@redis:6379/0"), "{url}");
        assert_eq!(settings.data.endpoint, "ws://surrealdb:8000");
        for peer in ["redis", "surrealdb"] {
            assert_eq!(service["depends_on"][peer]["condition"], "service_healthy");
        }
    }
    let [first, second, canary] = WITH_CANARY.map(|replica| environment(&composed, replica));
    assert_eq!(first, second, "what replicas must agree on");
    assert_eq!(first, canary, "what a canary must agree on with them");
}

#[test]
fn every_service_starts_again_and_says_whether_it_is_well() {
    let composed = composed();
    let services = composed["services"].as_object().expect("there are some");
    let names: Vec<_> = services.keys().map(String::as_str).collect();
    let expected =
        ["canary", "haproxy", "pd", "redis", "replica-1", "replica-2", "surrealdb", "tikv"];
    assert_eq!(names, expected);
    // Nothing starts a canary but who asks for it.
    for (name, service) in services {
        let wanted = if name == "canary" { json!(["canary"]) } else { json!(null) };
        assert_eq!(service["profiles"], wanted, "{name}");
    }
    for (name, service) in services {
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        // That of a replica is in its image.
        let of_image = text_of("Dockerfile").contains("HEALTHCHECK");
        assert!(
            service["healthcheck"]["test"].is_array() || of_image && service["build"].is_object()
        );
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let volume = volume.as_str().expect("a text");
            let source = volume.split(':').next().expect("it has a source");
            let is_there = match source.strip_prefix('/') {
                Some(_) => std::path::Path::new(source).is_file() && volume.ends_with(":ro"),
                None => composed["volumes"][source].is_object(),
            };
            assert!(is_there, "{name}: {volume}");
        }
    }
    // Nothing but HAProxy is reached from outside, and of the rest replicas alone can go there.
    let ports: Vec<_> =
        services.iter().filter(|(_, service)| !service["ports"].is_null()).collect();
    assert_eq!(ports.len(), 1);
    let port = preset("EDGE_BIND").rsplit(':').next().map(str::to_owned).expect("it has a port");
    assert_eq!(ports[0].0, "haproxy");
    assert_eq!(ports[0].1["ports"][0]["target"].to_string(), port);
    for network in ["edge", "data"] {
        assert_eq!(composed["networks"][network]["internal"], true);
    }
}

#[test]
fn images_are_of_the_versions_that_the_code_and_its_tests_have() {
    let composed = composed();
    let image = |service: &str| composed["services"][service]["image"].as_str().map(str::to_owned);
    let surreal = format!("surrealdb/surrealdb:v{}", store::SURREALDB_VERSION);
    assert_eq!(image("surrealdb"), Some(surreal));
    assert_eq!(image("haproxy"), Some(format!("haproxy:{}", version_of("haproxy", "-v"))));
    assert_eq!(image("redis"), Some(format!("redis:{}", version_of("redis-server", "--version"))));
    let [pd, tikv] = ["pd", "tikv"].map(|service| image(service).expect("it has one"));
    assert_eq!(pd.strip_prefix("pingcap/pd:"), tikv.strip_prefix("pingcap/tikv:"));
    assert_eq!(image("canary").as_deref(), Some("tidegate:canary"));
    for replica in REPLICAS {
        assert_eq!(image(replica).as_deref(), Some("tidegate:local"));
        let build = &composed["services"][replica]["build"];
        let context = build["context"].as_str().expect("it has one");
        let root = in_workspace("").canonicalize().expect("it is there");
        assert_eq!(std::path::Path::new(context).canonicalize().expect("it is there"), root);
        assert!(root.join(build["dockerfile"].as_str().expect("it has one")).is_file());
    }
}

/// Returns the first two parts of the version of a program here: what was tested.
fn version_of(program: &str, flag: &str) -> String {
    let said = std::process::Command::new(program).arg(flag).output().expect("it is here");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let is_version =
        |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    let word = said.split([' ', '=']).find(is_version).expect("it says its version");
    word.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

/// The one password of the file is that of the environment, and it is in no other place.
#[test]
fn secrets_go_where_they_are_needed_and_nowhere_else() {
    let composed = composed();
    for (name, service) in composed["services"].as_object().expect("there are some") {
        let text = service.to_string();
        let mut holds: Vec<_> = SECRETS.iter().filter(|(_, value)| text.contains(value)).collect();
        holds.retain(|(secret, _)| *secret != "SURREAL_USER");
        let holds: Vec<_> = holds.iter().map(|(secret, _)| *secret).collect();
        let expected: &[&str] = match &**name {
            "redis" => &["REDIS_PASSWORD"],
            "surrealdb" => &["SURREAL_PASS"],
            "replica-1" | "replica-2" | "canary" => {
                &["TIDEGATE_KEYS", "REDIS_PASSWORD", "SURREAL_PASS"]
            }
            _ => &[],
        };
        assert_eq!(holds, expected, "{name}");
    }
}
