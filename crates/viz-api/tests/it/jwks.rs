//! Tokens that a key set verifies: from a file and from a URL, while keys come and go.

use std::{
    fs,
    io::{BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use crate::support::{
    http::{Request, read_head},
    server::{Plan, Server},
    tokens::{Pair, SECRET, claims, hs256, key_set, signed},
    wait::until,
};

fn status(server: &Server, token: &str) -> u16 {
    server.send(&Request::get("/api/events").bearer(token)).status
}

/// Serves a key set over HTTP until it is dropped; it lives as long as the test.
struct Provider {
    url: String,
    set: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
}

impl Provider {
    fn start(set: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let url = format!("http://{}/keys.json", listener.local_addr().expect("it is bound"));
        let set = Arc::new(Mutex::new(set));
        let (asked, fails, hangs) = <(Arc<AtomicUsize>, Arc<_>, Arc<AtomicBool>)>::default();
        let provider = Provider { url, set, asked, fails, hangs };
        let (set, asked) = (Arc::clone(&provider.set), Arc::clone(&provider.asked));
        let (fails, hangs) = (Arc::clone(&provider.fails), Arc::clone(&provider.hangs));
        thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                read_head(&mut reader.by_request());
                asked.fetch_add(1, Ordering::SeqCst);
                if hangs.load(Ordering::SeqCst) {
                    kept.push(reader);
                    continue;
                }
                let set = set.lock().expect("no holder panics").clone();
                let status = if fails.load(Ordering::SeqCst) { "500 No" } else { "200 OK" };
                let length = set.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                let _ = reader.get_mut().write_all(format!("{head}{set}").as_bytes());
            }
        });
        provider
    }

    fn set(&self, pairs: &[&Pair]) {
        *self.set.lock().expect("no holder panics") = key_set(pairs);
    }
}

/// A request's head reads as an answer's does, but for its first line.
trait ByRequest {
    fn by_request(&mut self) -> impl std::io::BufRead + '_;
}

impl<R: std::io::Read> ByRequest for BufReader<R> {
    fn by_request(&mut self) -> impl std::io::BufRead + '_ {
        std::io::Read::chain(&b"x 200 "[..], self)
    }
}

#[test]
fn keys_of_a_file_rotate() {
    let (old, new) = (Pair::ec("old"), Pair::rsa("new"));
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("keys.json");
    fs::write(&file, key_set(&[&old])).expect("it can be written");
    let server = Plan::bare().set("TIDEGATE_JWT_JWKS", file.display().to_string()).start();
    let claims = claims("subscribe");
    assert_eq!(status(&server, &old.token(&claims)), 200);
    assert_eq!(status(&server, &new.token(&claims)), 401);
    fs::write(&file, key_set(&[&old, &new])).expect("it can be written");
    until("an unknown key makes the set be read again", || {
        status(&server, &new.token(&claims)) == 200
    });
    assert_eq!(
        status(&server, &old.token(&claims)),
        200,
        "the old key stays while it is in the set"
    );
    // A set that can't be read leaves the last one in use.
    fs::write(&file, "{").expect("it can be written");
    let unknown = Pair::ec("unknown");
    until("the broken set was read", || {
        // The key may well be in the set as it will be once it is mended.
        status(&server, &unknown.token(&claims)) == 503
            && server.log().has("the key set could not be read; the last one stays")
    });
    assert_eq!(status(&server, &old.token(&claims)), 200);
    fs::write(&file, key_set(&[&new, &unknown])).expect("it can be written");
    until("the mended set was read", || status(&server, &unknown.token(&claims)) == 200);
    assert_eq!(
        status(&server, &old.token(&claims)),
        401,
        "a key that left the set is no longer good"
    );
}

#[test]
fn keys_behind_a_url_rotate() {
    let (old, new) = (Pair::rsa("old"), Pair::ec("new"));
    let provider = Provider::start(key_set(&[&old]));
    let server = Plan::bare().set("TIDEGATE_JWT_JWKS", &provider.url).start();
    let claims = claims("subscribe");
    until("the set was fetched", || status(&server, &old.token(&claims)) == 200);
    let asked = provider.asked.load(Ordering::SeqCst);
    provider.set(&[&old, &new]);
    provider.fails.store(true, Ordering::SeqCst);
    until("the set is asked for again", || {
        let status = status(&server, &new.token(&claims));
        let asked_again = provider.asked.load(Ordering::SeqCst) > asked;
        assert!(status == 503 || !asked_again && status == 401, "{status}");
        asked_again
    });
    assert_eq!(
        status(&server, &old.token(&claims)),
        200,
        "a provider that fails takes nothing away"
    );
    provider.fails.store(false, Ordering::SeqCst);
    until("the new key is known", || status(&server, &new.token(&claims)) == 200);
    // Unknown keys don't turn the server into a load on the provider.
    let asked = provider.asked.load(Ordering::SeqCst);
    let stranger = Pair::ec("stranger").token(&claims);
    (0..20).for_each(|_| assert_eq!(status(&server, &stranger), 401));
    assert!(provider.asked.load(Ordering::SeqCst) <= asked + 1);
}

#[test]
fn a_public_key_is_no_secret() {
    let (rsa, ec) = (Pair::rsa("rsa"), Pair::ec("ec"));
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("keys.json");
    let mut encryption = Pair::ec("encryption");
    encryption.jwk["use"] = json!("enc");
    let oct = json!({"kty": "oct", "kid": "oct", "k": data_encoding::BASE64URL_NOPAD.encode(SECRET.as_bytes())});
    let unheard_of = json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "later", "pub": "AAAA"});
    let set = json!({"keys": [rsa.jwk, ec.jwk, encryption.jwk, oct, unheard_of]});
    fs::write(&file, set.to_string()).expect("it can be written");
    let server = Plan::bare().set("TIDEGATE_JWT_JWKS", file.display().to_string()).start();
    let claims = claims("subscribe");
    assert_eq!(status(&server, &rsa.token(&claims)), 200, "a key of an unknown kind harms nobody");
    assert_eq!(status(&server, &ec.token(&claims)), 200);
    for pair in [&rsa, &ec] {
        let as_secret = EncodingKey::from_secret(&pair.public);
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let forged = signed(algorithm, Some(&pair.kid), &claims, &as_secret);
            assert_eq!(status(&server, &forged), 401, "{algorithm:?}");
        }
    }
    let own = EncodingKey::from_secret(SECRET.as_bytes());
    let bad = [
        ("a secret in a public set", signed(Algorithm::HS256, Some("oct"), &claims, &own)),
        ("a key for encryption", encryption.token(&claims)),
        ("another key's name", signed(Algorithm::ES256, Some("rsa"), &claims, &ec.signing)),
        ("no name among several", signed(Algorithm::ES256, None, &claims, &ec.signing)),
        ("another key", signed(Algorithm::RS256, Some("rsa"), &claims, &Pair::rsa("rsa").signing)),
        ("a shared secret that is not set", hs256(&claims)),
    ];
    for (what, token) in bad {
        assert_eq!(status(&server, &token), 401, "{what}");
    }
}

#[test]
fn both_verifiers_stand_beside_each_other() {
    let pair = Pair::ec("only");
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("keys.json");
    fs::write(&file, key_set(&[&pair])).expect("it can be written");
    let plan = Plan::with_keys().set("TIDEGATE_JWT_HS256_SECRET", SECRET);
    let server = plan.set("TIDEGATE_JWT_JWKS", file.display().to_string()).start();
    let claims = claims("subscribe");
    assert_eq!(status(&server, &hs256(&claims)), 200);
    assert_eq!(status(&server, &pair.token(&claims)), 200);
    let nameless = signed(Algorithm::ES256, None, &claims, &pair.signing);
    assert_eq!(status(&server, &nameless), 200, "a set of one key needs no name for it");
    assert_eq!(server.get("/api/events", crate::support::server::KEY_A).status, 200);
}

#[test]
fn a_key_set_that_is_not_there_refuses_tokens_and_nothing_else() {
    let server = Plan::with_keys()
        .set("TIDEGATE_JWT_JWKS", "http://user:hidden-password@127.0.0.1:9/k")
        .start();
    let token = Pair::ec("a").token(&claims("subscribe"));
    let answer = server.send(&Request::get("/api/events").bearer(&token));
    answer.assert_error(503, "unavailable");
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(server.get("/api/events", crate::support::server::KEY_A).status, 200);
    until("the failure is logged", || {
        server.log().has("the key set could not be read; the last one stays")
    });
    assert!(!server.log().text().contains("hidden-password"), "{}", server.log().text());
}

/// A crowd whose patience is shorter than the provider's must not ask it one after another.
#[test]
fn a_provider_that_hangs_is_asked_once_for_all() {
    let provider = Provider::start(key_set(&[&Pair::ec("old")]));
    let server = Plan::bare().set("TIDEGATE_JWT_JWKS", &provider.url).start();
    let token = Pair::ec("new").token(&claims("subscribe"));
    until("the set was fetched", || status(&server, &token) == 401);
    provider.hangs.store(true, Ordering::SeqCst);
    let asked = provider.asked.load(Ordering::SeqCst);
    let request = Request::get("/api/events").bearer(&token).bytes();
    let mut crowd = Vec::new();
    until("the set is asked for again", || {
        let mut stream = TcpStream::connect(server.address).expect("it listens");
        stream.write_all(&request).expect("it reads");
        crowd.push(stream);
        provider.asked.load(Ordering::SeqCst) > asked
    });
    // All who wait go away; the next one finds the same reading still under way.
    drop(crowd);
    assert_eq!(status(&server, &token), 503, "nobody can say that there is no such key");
    assert_eq!(provider.asked.load(Ordering::SeqCst), asked + 1);
}
