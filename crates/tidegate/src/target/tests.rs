//! Which server and which key the arguments and the settings stand for.

use node_runtime::settings::{Scope, Scopes, Values};

use super::{Target, base_of};

fn values(pairs: &[(&str, &str)]) -> Values {
    Values::from_environment(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

fn found(
    url: Option<&str>,
    key: Option<&str>,
    pairs: &[(&str, &str)],
    scopes: Scopes,
) -> Option<String> {
    let urls: Vec<_> = url.into_iter().map(ToOwned::to_owned).collect();
    let target = Target::all(&urls, key, &values(pairs), scopes).ok()?.swap_remove(0);
    let (header, value) = target.credential.header();
    Some(format!("{} {header}={value}", target.url("/x")))
}

#[test]
fn arguments_win_over_variables_over_settings() {
    let publish = Scopes::none().with(Scope::Publish);
    let admin = Scopes::none().with(Scope::Admin);
    let check = |url, key, pairs: &[(&str, &str)], scopes, expected: Option<&str>| {
        assert_eq!(found(url, key, pairs, scopes).as_deref(), expected, "{pairs:?}");
    };
    let keys = ("TIDEGATE_KEYS", "acme=publisher-key, ops=admin-key-1:admin@robot");
    let given = [("TIDEGATE_URL", "http://h:1/"), ("TIDEGATE_KEY", "k1")];
    check(None, None, &given, publish, Some("http://h:1/x x-api-key=k1"));
    check(Some("https://a/b"), Some("k2"), &given, publish, Some("https://a/b/x x-api-key=k2"));
    check(None, None, &[keys], publish, Some("http://127.0.0.1:3000/x x-api-key=publisher-key"));
    check(None, None, &[keys], admin, Some("http://127.0.0.1:3000/x x-api-key=admin-key-1"));
    check(None, None, &[keys], Scopes::all(), None);
    let bind = ("VIZ_API_BIND", "[::]:8080");
    check(None, None, &[keys, bind], publish, Some("http://[::1]:8080/x x-api-key=publisher-key"));
    check(None, None, &[keys, ("VIZ_API_BIND", "127.0.0.1:0")], publish, None);
    check(None, None, &[("REALTIME_STATE_DIR", "nonesuch")], publish, None);
}

#[test]
fn a_token_goes_as_bearer() {
    let found = found(Some("http://h"), Some("eyJh.eyJz.c2ln"), &[], Scopes::none());
    assert_eq!(found.as_deref(), Some("http://h/x authorization=Bearer eyJh.eyJz.c2ln"));
}

#[test]
fn malformed_addresses_and_keys_are_refused() {
    for url in ["", "localhost:3000", "ftp://h", "http://h/?a=b", "http://u@h"] {
        assert_eq!(found(Some(url), Some("k"), &[], Scopes::none()), None, "{url}");
    }
    for key in ["", "a b", "a\r\nx: y", "ä"] {
        assert_eq!(found(Some("http://h"), Some(key), &[], Scopes::none()), None, "{key}");
    }
}

#[test]
fn a_password_in_an_address_is_refused_and_not_shown() {
    let check = |url: &str, shown: &str| {
        let failure = base_of(url).expect_err(url);
        assert_eq!(failure.exit, crate::exit::Exit::Usage);
        let text = failure.chain();
        assert!(text.contains(&format!("`{shown}`")) && !text.contains("hidden"), "{url}: {text}");
    };
    check("http://user:hidden@h", "http://…@h");
    check("http://:hidden@h", "http://…@h");
    check("http://hidden@h/p", "http://…@h/p");
    check("http://user:hidden/?#@hidden@h", "http://…@h");
    check("ftp://user:hidden@h", "ftp://…@h");
    check("user:hidden@h:3000", "…@h:3000");
    check("http://user:hidden@h:port", "http://…@h:port");
    check("http://h/?key=hidden", "http://h/?…");
    check("http://h/#hidden", "http://h/#…");
    check("nowhere", "nowhere");
}

#[test]
fn the_key_of_a_server_without_settings_is_found_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    std::fs::write(folder.path().join("local-key"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let found = found(None, None, &[("REALTIME_STATE_DIR", dir)], Scopes::all()).unwrap();
    assert!(found.ends_with("x-api-key=0123456789abcdef0123456789abcdef"), "{found}");
}
