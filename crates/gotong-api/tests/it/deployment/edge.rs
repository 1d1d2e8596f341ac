//! `haproxy.cfg`: HAProxy takes it, and what it names is there.

use std::process::Command;

use gotong_api::CHAT_ROUTES;
use viz_api::ROUTES;

use super::{composed, duration, preset, text_of};
use crate::support::edge::in_workspace;

#[test]
fn haproxy_takes_the_file_without_a_warning() {
    let mut haproxy = Command::new("haproxy");
    haproxy.arg("-c").arg("-f").arg(in_workspace("deploy/haproxy.cfg"));
    // Names that only the network of the containers knows.
    for replica in ["REPLICA_1", "REPLICA_2"] {
        haproxy.env(replica, "127.0.0.1:3000");
    }
    let checked = haproxy.output().expect("`cargo xtask setup` installs haproxy");
    let said = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
    assert!(checked.status.success(), "{said}");
    assert!(!said.contains("WARNING") && !said.contains("ALERT"), "{said}");
}

#[test]
fn the_places_that_it_names_are_those_of_the_deployment() {
    let composed = composed();
    let replicas =
        [("REPLICA_1", "replica-1"), ("REPLICA_2", "replica-2"), ("REPLICA_CANARY", "canary")];
    for (name, replica) in replicas {
        let bind = &composed["services"][replica]["environment"]["VIZ_API_BIND"];
        let port = bind.as_str().and_then(|bind| bind.rsplit(':').next()).expect("it has a port");
        assert_eq!(preset(name), format!("{replica}:{port}"));
        let server = format!("server {replica} \"${{{name}}}\"");
        assert!(text_of("deploy/haproxy.cfg").contains(&server), "{server}");
    }
    // A canary has no share before somebody gives it one.
    let canary = "server canary \"${REPLICA_CANARY}\" weight 0 init-addr none\n";
    assert!(text_of("deploy/haproxy.cfg").contains(canary));
    let haproxy = &composed["services"]["haproxy"];
    let grace = haproxy["stop_grace_period"].as_str().map(duration).expect("it has one");
    assert!(grace > duration(&preset("EDGE_HARD_STOP_AFTER")));
    let socket = preset("EDGE_SOCKET");
    let volumes = haproxy["volumes"].to_string();
    let folder = std::path::Path::new(&socket).parent().expect("it lies in a folder");
    assert!(volumes.contains(&format!("haproxy:{}:rw", folder.display())), "{volumes}");
    assert!(volumes.contains("/deploy/haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro"));
    // Two open files for each connection, and some for itself.
    let files = haproxy["ulimits"]["nofile"]["soft"].as_u64().expect("it has a limit");
    let connections: u64 = preset("EDGE_MAXCONN").parse().expect("a number");
    assert!(files > 2 * connections + 1000);
}

#[test]
fn the_paths_that_it_names_are_routes() {
    let text = text_of("deploy/haproxy.cfg");
    let routes: Vec<_> = ROUTES.iter().map(|route| route.path).collect();
    let words = text.split_whitespace().map(|word| word.trim_matches('"'));
    let named: Vec<_> =
        words.filter(|w| w.starts_with("/api/") || *w == "/ready" || *w == "/metrics").collect();
    assert!(named.contains(&"/ready") && named.contains(&"/api/stream"), "{named:?}");
    for path in named {
        assert!(routes.contains(&path), "{path}");
    }
    let pattern = "^/v1/chat/threads/[^/]+/messages/stream$";
    assert!(text.contains(pattern));
    let route = pattern.trim_matches(['^', '$']).replace("[^/]+", "{id}");
    assert!(CHAT_ROUTES.iter().any(|known| known.path == route), "{route}");
}
