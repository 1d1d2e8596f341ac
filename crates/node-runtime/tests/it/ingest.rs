//! Which chains are followed: from one place, checked before anything starts, and shown without keys.

use std::fs;

use node_runtime::settings::{IngestMode, Problem, Settings};

use crate::support::{parsed, problems};

const LIST: &str = r#"[{"chain_key":"a","http_url":"http://127.0.0.1:1/k3y"}]"#;

fn keys(settings: &Settings) -> Vec<String> {
    match &settings.ingest.mode {
        IngestMode::Rpc(chains) => chains.iter().map(|c| c.chain_key.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn says(problems: &[Problem], setting: &str, part: &str) {
    let named = problems.iter().filter(|problem| problem.setting == setting);
    let texts: Vec<_> = named.map(ToString::to_string).collect();
    assert!(texts.iter().any(|text| text.contains(part)), "{part:?} is not in {problems:?}");
    assert!(!format!("{problems:?}").contains("k3y"), "{problems:?}");
}

#[test]
fn chains_come_from_a_list_a_file_or_a_pair() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("chains.json");
    fs::write(&json, LIST).unwrap();
    let toml = folder.path().join("chains.toml");
    fs::write(&toml, "[[chains]]\nchain_key = \"b\"\nhttp_url = \"http://127.0.0.1:1\"\n").unwrap();
    let rpc = ("VIZ_API_INGEST_MODE", "rpc");
    assert_eq!(keys(&parsed(&[rpc, ("VIZ_API_CHAINS", LIST)])), ["a"]);
    let file = |path: &std::path::Path| {
        keys(&parsed(&[rpc, ("VIZ_API_CHAIN_CONFIG_PATH", path.to_str().unwrap())]))
    };
    assert_eq!((file(&json), file(&toml)), (vec!["a".to_owned()], vec!["b".to_owned()]));
    let pair = [rpc, ("VIZ_API_ETH_HTTP_URL", "http://h"), ("VIZ_API_ETH_WS_URL", "ws://h")];
    let settings = parsed(&pair);
    assert_eq!(keys(&settings), ["eth-mainnet"]);
    assert_eq!(settings.ingest.mode.as_str(), "rpc");
}

#[test]
fn what_is_wrong_with_chains_is_said_before_anything_starts() {
    let rpc = ("VIZ_API_INGEST_MODE", "rpc");
    says(&problems(&[rpc]), "VIZ_API_INGEST_MODE", "needs chains: VIZ_API_CHAINS");
    let two = [rpc, ("VIZ_API_CHAINS", LIST), ("VIZ_API_ETH_HTTP_URL", "http://h/k3y")];
    says(&problems(&two), "VIZ_API_ETH_HTTP_URL", "are in VIZ_API_CHAINS already");
    says(
        &problems(&[rpc, ("VIZ_API_ETH_WS_URL", "ws://h/k3y")]),
        "VIZ_API_ETH_HTTP_URL",
        "needs it",
    );
    let bad = r#"[{"chain_key":"A","http_url":"h/k3y"},{"chain_key":"b"}]"#;
    let found = problems(&[("VIZ_API_CHAINS", bad)]);
    assert_eq!(found.len(), 3, "each problem: {found:?}");
    says(&found, "VIZ_API_CHAINS", "chain 2 (`b`): it has neither `http_url` nor `endpoints`");
    let missing = [rpc, ("VIZ_API_CHAIN_CONFIG_PATH", "/nowhere/chains.json")];
    says(&problems(&missing), "VIZ_API_CHAIN_CONFIG_PATH", "can't be read");
    let clickhouse = [("VIZ_API_CLICKHOUSE_URL", "tcp://u:k3y@h")];
    says(&problems(&clickhouse), "VIZ_API_CLICKHOUSE_URL", "allowed is http(s)://");
}

#[test]
fn contracts_come_from_a_file_beside_those_that_the_program_brings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.toml");
    fs::write(&file, "[[chain]]\nchain_id = 31337\nhardfork = \"prague\"\n").unwrap();
    let settings = parsed(&[("VIZ_API_REGISTRY_PATH", file.to_str().unwrap())]);
    let registry = &settings.ingest.analysis.registry;
    assert_eq!(registry.chain(31_337).unwrap().hardfork(), Some("prague"));
    assert!(registry.chain(1).is_some());
    fs::write(&file, "[[chain]]\nchain_id = 1\ncolour = 7\n").unwrap();
    let found = problems(&[("VIZ_API_REGISTRY_PATH", file.to_str().unwrap())]);
    says(&found, "VIZ_API_REGISTRY_PATH", "unknown field `colour`");
    let found = problems(&[("VIZ_API_REGISTRY_PATH", "/nowhere/registry.toml")]);
    says(&found, "VIZ_API_REGISTRY_PATH", "the file can't be read");
}
