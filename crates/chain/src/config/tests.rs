//! Lists of chains, good ones and each way of being wrong; no problem shows an address.

use super::ChainConfig;

fn problems(json: &str) -> Vec<String> {
    let error = ChainConfig::list_from_json(json).expect_err("it is wrong");
    assert!(!error.to_string().contains("k3y"), "{error}");
    error.problems
}

#[test]
fn a_list_is_read() {
    let chains = ChainConfig::list_from_json(
        r#"[
          {"chain_key":"eth-mainnet","chain_id":1,"ws_url":"wss://node.example/k3y",
           "http_url":"https://node.example/k3y","source_id":"rpc-eth-mainnet"},
          {"chain_key":"base","endpoints":[{"http_url":"http://a.example:8545"},
           {"http_url":"http://b.example","ws_url":"ws://b.example:1"}],"final_depth":10}
        ]"#,
    )
    .expect("it is good");
    let [eth, base] = &chains[..] else { panic!("{chains:?}") };
    assert_eq!(
        (eth.chain_id, eth.source_id.as_str(), eth.final_depth),
        (Some(1), "rpc-eth-mainnet", 64)
    );
    assert_eq!(
        (base.source_id.as_str(), base.final_depth, base.endpoints.len()),
        ("rpc-base", 10, 2)
    );
    assert!(!format!("{chains:?}").contains("k3y"));
    assert_eq!(eth.endpoints[0].http.to_string(), "https://node.example");
    assert_eq!(base.endpoints[0].http.to_string(), "http://a.example:8545");
}

#[test]
fn a_file_may_be_toml() {
    let text = "[[chains]]\nchain_key = \"a\"\nhttp_url = \"http://127.0.0.1:1\"\n";
    assert_eq!(ChainConfig::list_from_toml(text).expect("it is good").len(), 1);
    let error = ChainConfig::list_from_toml("[[chains]]\nkey = 1\n").expect_err("it is wrong");
    assert_eq!(error.problems, ["line 2: unknown field `key`"]);
    let error =
        ChainConfig::list_from_toml("[[chains]]\nchain_key = 1\n").expect_err("it is wrong");
    assert_eq!(error.problems, ["line 2: a field has another type than it should"]);
}

#[test]
fn a_pair_of_addresses_is_a_chain() {
    let chain = ChainConfig::from_pair("https://n.example/k3y", Some("wss://n.example/k3y"));
    assert_eq!(chain.expect("it is good").chain_key.as_str(), "eth-mainnet");
    let error = ChainConfig::from_pair("n.example/k3y", None).expect_err("it is wrong");
    assert_eq!(error.problems, ["chain 1 (`eth-mainnet`): `http_url`: it is no URL with a host"]);
}

#[test]
fn what_is_wrong_is_said_without_addresses() {
    let cases = [
        ("{}", "it is no list in JSON"),
        ("[{", "it is no list in JSON"),
        ("[]", "there is no chain in it"),
        (r#"[{"chain_key":"A","http_url":"http://h/k3y"}]"#, "`chain_key`: a chain's key is"),
        (r#"[{"chain_key":".","http_url":"http://h/k3y"}]"#, "but neither . nor .."),
        (r#"[{"chain_key":"..","http_url":"http://h/k3y"}]"#, "but neither . nor .."),
        (r#"[{"chain_key":"a"}]"#, "neither `http_url` nor `endpoints`"),
        (r#"[{"chain_key":"a","ws_url":"ws://h/k3y"}]"#, "`ws_url` needs `http_url`"),
        (
            r#"[{"chain_key":"a","http_url":"http://h","endpoints":[{"http_url":"http://h"}]}]"#,
            "one of them is meant",
        ),
        (r#"[{"chain_key":"a","http_url":"ftp://h/k3y"}]"#, "its scheme is none of"),
        (r#"[{"chain_key":"a","http_url":"ws://h/k3y"}]"#, "allowed schemes are http and https"),
        (
            r#"[{"chain_key":"a","http_url":"http://h","ws_url":"http://h/k3y"}]"#,
            "allowed schemes are ws and wss",
        ),
        (r#"[{"chain_key":"a","http_url":["http://h/k3y"]}]"#, "chain 1: a field has another type"),
        (r#"[{"chain_key":"a","http_uri":"http://h/k3y"}]"#, "unknown field `http_uri`"),
        (r#"[{"http_url":"http://h/k3y"}]"#, "missing field `chain_key`"),
        (
            r#"[{"chain_key":"a","http_url":"http://h","final_depth":0}]"#,
            "`final_depth` is 1 to 200",
        ),
        (
            r#"[{"chain_key":"a","http_url":"http://h","poll_every_ms":1}]"#,
            "`poll_every_ms` is 50 to 600000",
        ),
        (r#"[{"chain_key":"a","http_url":"http://h","source_id":""}]"#, "`source_id` is 1 to 128"),
        (
            r#"[{"chain_key":"a","http_url":"http://h"},{"chain_key":"a","http_url":"http://h"}]"#,
            "`a` stands more than once",
        ),
    ];
    for (json, expected) in cases {
        let found = problems(json);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{json}: {found:?}");
    }
    let both = problems(r#"[{"chain_key":"A"},{"chain_key":"b","http_url":"x"}]"#);
    assert_eq!(both.len(), 3, "all of them together: {both:?}");
}

#[test]
fn one_address_is_enough() {
    let check = |url: &str, http: &str, ws: Option<&str>| {
        let chain = ChainConfig::from_url("demo".parse().expect("a key"), url).expect("it is good");
        assert_eq!((chain.chain_key.as_str(), chain.source_id.as_str()), ("demo", "rpc-demo"));
        let [endpoint] = &chain.endpoints[..] else { panic!("{:?}", chain.endpoints) };
        assert_eq!(endpoint.http.expose().as_str(), http);
        assert_eq!(endpoint.ws.as_ref().map(|ws| ws.expose().as_str()), ws);
    };
    check("ws://127.0.0.1:8545", "http://127.0.0.1:8545/", Some("ws://127.0.0.1:8545/"));
    check(
        "wss://a.example/v2/k?x=1",
        "https://a.example/v2/k?x=1",
        Some("wss://a.example/v2/k?x=1"),
    );
    check("WSS://a.example", "https://a.example/", Some("wss://a.example/"));
    check("http://a.example:1", "http://a.example:1/", None);
    check("https://u:p@a.example/k", "https://u:p@a.example/k", None);
    check("wss://a.example:80/k", "https://a.example:80/k", Some("wss://a.example:80/k"));
    for url in ["ftp://a.example/secret", "a.example", ""] {
        let key = "demo".parse().expect("a key");
        let error = ChainConfig::from_url(key, url).expect_err("it is none").to_string();
        assert!(error.starts_with("the node's address: ") && !error.contains("secret"), "{error}");
    }
}
