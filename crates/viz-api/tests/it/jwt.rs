//! Tokens that a shared secret signs: which are good, and every way not to be.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{
    http::{Answer, Request},
    server::{Plan, Server},
    tokens::{SECRET, claims, hs256, now_s, signed},
};

fn server() -> Server {
    Plan::bare().set("TIDEGATE_JWT_HS256_SECRET", SECRET).start()
}

fn ask(server: &Server, token: &str) -> Answer {
    server.send(&Request::get("/api/events").bearer(token))
}

/// Returns good claims with one of them set, or without it where the value is null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims("publish subscribe");
    let fields = claims.as_object_mut().expect("claims are an object");
    if value.is_null() {
        fields.remove(name)
    } else {
        fields.insert(name.to_owned(), value)
    };
    claims
}

#[test]
fn a_good_token_is_its_organisation() {
    let server = server();
    assert_eq!(ask(&server, &hs256(&claims("subscribe"))).status, 200);
    let token = hs256(&with("org_id", json!("org_of_nobody_else")));
    let publish = Request::post("/api/events").bearer(&token).json(r#"{"event":"a"}"#);
    assert_eq!(server.send(&publish).json()["org_id"], "org_of_nobody_else");
    assert_eq!(ask(&server, &hs256(&claims("subscribe"))).json()["events"], json!([]));
    let lower = Request::get("/api/events").header("authorization", format!("bearer {token}"));
    assert_eq!(server.send(&lower).status, 200, "a scheme's case does not matter");
}

#[test]
fn a_tokens_scopes_are_what_it_may() {
    let server = server();
    let status = |scope: Value| ask(&server, &hs256(&with("scope", scope))).status;
    assert_eq!(status(json!("subscribe")), 200);
    assert_eq!(status(json!("openid subscribe  profile")), 200, "others' scopes are left alone");
    for scope in
        [json!("publish"), json!(""), json!("SUBSCRIBE"), json!("subscribe,publish"), Value::Null]
    {
        assert_eq!(status(scope.clone()), 403, "{scope}");
    }
    assert_eq!(status(json!(["subscribe"])), 401, "scope is a text");
    let ops = Request::get("/api/events?stream=ops");
    let admin = hs256(&claims("subscribe admin"));
    assert_eq!(server.send(&ops.clone().bearer(&admin)).status, 200);
    server.send(&ops.bearer(&hs256(&claims("subscribe")))).assert_error(403, "forbidden");
}

#[test]
fn time_and_claims_are_checked() {
    let server = server();
    let now = now_s();
    let bad = [
        ("exp", Value::Null),
        ("exp", json!(now - 1)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!("9999999999")),
        ("exp", json!(null)),
        ("nbf", json!(now + 60)),
        ("nbf", json!("never")),
        ("org_id", Value::Null),
        ("org_id", json!("")),
        ("org_id", json!(7)),
        ("org_id", json!("org b")),
        ("org_id", json!("org:b")),
        ("org_id", json!("{org}")),
        ("org_id", json!("o".repeat(65))),
        ("org_id", json!("../org_a")),
    ];
    for (name, value) in bad {
        let answer = ask(&server, &hs256(&with(name, value.clone())));
        answer.assert_error(401, "unauthorized");
    }
    let good = [
        ("nbf", json!(now - 60)),
        ("exp", json!(now as f64 + 60.5)),
        ("exp", json!(u64::MAX)),
        ("aud", json!("anybody")),
        ("sub", Value::Null),
        ("iat", json!(now)),
    ];
    for (name, value) in good {
        let answer = ask(&server, &hs256(&with(name, value.clone())));
        assert_eq!(answer.status, 200, "{name} {value}: {}", answer.text());
    }
}

#[test]
fn a_stream_lives_as_long_as_the_longest_token() {
    let server = server();
    for exp in [json!(u64::MAX), json!(u64::MAX / 1000), json!(9_999_999_999.5)] {
        let token = format!("Bearer {}", hs256(&with("exp", exp)));
        let mut stream = server.stream("/api/stream", &[("authorization", &token)]);
        stream.connected();
        let publish = Request::post("/api/events").header("authorization", &token);
        server.send(&publish.json(r#"{"event":"a","payload":{"n":1}}"#));
        assert_eq!(stream.numbers(1), [1]);
    }
}

#[test]
fn a_signature_is_checked() {
    let server = server();
    let claims = claims("subscribe");
    let good = hs256(&claims);
    let (body, signature) = good.rsplit_once('.').expect("three parts");
    let (header, _) = body.split_once('.').expect("three parts");
    let other = EncodingKey::from_secret(b"another secret of at least 32 bytes!");
    let own = EncodingKey::from_secret(SECRET.as_bytes());
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let admin = part(with("scope", json!("admin")));
    let none = part(json!({"alg": "none", "typ": "JWT"}));
    let bad = [
        signed(Algorithm::HS256, None, &claims, &other),
        signed(Algorithm::HS384, None, &claims, &own),
        signed(Algorithm::HS512, None, &claims, &own),
        format!("{header}.{admin}.{signature}"),
        format!("{body}."),
        body.to_owned(),
        format!("{body}.{signature}x"),
        format!("{good}.x"),
        format!("{none}.{}.", part(claims.clone())),
        format!("{none}.{}.{signature}", part(claims.clone())),
        format!("{}.{}.", part(json!({"alg": "NONE"})), part(claims.clone())),
        format!("{}.{}.", part(json!({"typ": "JWT"})), part(claims)),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(7000),
    ];
    for token in bad {
        ask(&server, &token).assert_error(401, "unauthorized");
    }
    let long = hs256(&with("filler", json!("x".repeat(8 << 10))));
    ask(&server, &long).assert_error(401, "unauthorized");
    assert_eq!(ask(&server, &good).status, 200);
}

/// RFC 7515, 4.1.11: what a token says must be understood, and we understand no extension.
#[test]
fn a_critical_extension_is_refused() {
    let server = server();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    for critical in [vec![], vec!["b64".to_owned()], vec!["exp".to_owned()]] {
        let header = Header { crit: Some(critical), ..Header::new(Algorithm::HS256) };
        let token = encode(&header, &claims("subscribe"), &key).expect("the key is for it");
        ask(&server, &token).assert_error(401, "unauthorized");
    }
}

#[test]
fn a_secret_has_at_least_32_bytes() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let (code, text) =
        Plan::bare().set("TIDEGATE_JWT_HS256_SECRET", &SECRET[1..]).run_in(folder.path());
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("TIDEGATE_JWT_HS256_SECRET") && !text.contains(&SECRET[1..]), "{text}");
}
