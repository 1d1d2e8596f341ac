//! What is found, and what is not, form by form.

use super::*;

/// The secrets of every row of the first table.
const HIDE: [&str; 3] = ["hunter2", "s3cr3t-Value", "Zm9vOmh1bnRlcjI="];

fn found(text: &str) -> Vec<String> {
    secrets(text).into_iter().map(|secret| secret.what.to_string()).collect()
}

/// Returns a text without what was found in it.
fn redacted(text: &str) -> String {
    String::from_utf8(crate::Redactor::default().redact(text.as_bytes())).unwrap()
}

#[test]
fn secrets_are_found_wherever_they_stand() {
    for (text, name) in [
        ("DB_PASS=hunter2 make", "DB_PASS"),
        ("env DB_PASS=hunter2 A=1 make", "DB_PASS"),
        ("export API_KEY=hunter2", "API_KEY"),
        ("export API_KEY = hunter2", "API_KEY"),
        ("docker run -e DB_PASS=hunter2 app", "DB_PASS"),
        ("docker run --env=DB_PASS=hunter2 app", "DB_PASS"),
        ("db_password=hunter2 psql", "db_password"),
        ("password=hunter2", "password"),
        ("run --password=hunter2", "password"),
        ("run --password hunter2", "password"),
        ("`run --token hunter2`", "token"),
        ("keytool -storepass hunter2", "storepass"),
        ("java -Dspring.datasource.password=hunter2", "Dspring.datasource.password"),
        ("helm --set db.adminPassword=hunter2", "db.adminPassword"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD"),
        ("MYSQL_PWD=hunter2 mysql", "MYSQL_PWD"),
        ("REDISCLI_AUTH=hunter2 redis-cli", "REDISCLI_AUTH"),
        ("redis-cli -a hunter2 ping", "-a"),
        ("/usr/bin/redis-cli -h x -a 'hunter2'", "-a"),
        ("curl -u user:hunter2 http://h", "-u"),
        ("curl --user=user:hunter2 http://h", "--user"),
        ("mysql -uroot -phunter2 db", "-p"),
        ("docker login -u x -p hunter2", "-p"),
        ("sshpass -p hunter2 ssh h", "-p"),
        ("openssl rsa -passin pass:hunter2", "-pass"),
        ("curl -H 'x-api-key: hunter2' http://h", "x-api-key"),
        ("curl -H \"X-Auth-Token: s3cr3t-Value\"", "X-Auth-Token"),
        ("curl -H 'Cookie: session=hunter2; a=b'", "Cookie"),
        ("curl -H 'Authorization: Token hunter2'", "Authorization"),
        ("Authorization: s3cr3t-Value", "Authorization"),
        ("curl 'http://h/x?api_key=hunter2&a=1'", "api_key"),
        ("http://h/x?a=1&access_token=hunter2", "access_token"),
        ("commands = [[\"docker\", \"-e\", \"DB_PASS=hunter2\"]]", "DB_PASS"),
        ("flags = [\"db_password=hunter2\"]", "db_password"),
        ("password = \"hunter2\"", "password"),
        ("  db_password: hunter2", "db_password"),
        ("PASSWORD: hunter2", "PASSWORD"),
        ("adminPassword: hunter2", "adminPassword"),
        ("- Password: hunter2", "Password"),
        ("kubectl create secret generic x --from-literal=password=hunter2", "password"),
        ("aws_secret_access_key = hunter2", "aws_secret_access_key"),
        ("  db_password: 'hunter2' # why", "db_password"),
        ("{\"clientSecret\": \"hunter2\"}", "clientSecret"),
        ("{\"text\":\"{\\\"password\\\":\\\"hunter2\\\"}\"}", "password"),
        ("DB_PASS=hunter2<suffix>", "DB_PASS"),
        ("DB_PASS=${X}hunter2", "DB_PASS"),
        ("DB_PASS=<a> API_KEY=hunter2", "API_KEY"),
        ("é=1 DB_PASS=hunter2é", "DB_PASS"),
        ("DB_PASS=\"hunter2 and more\"", "DB_PASS"),
        ("token=s3cr3t-Value", "token"),
        ("APIKey=hunter2", "APIKey"),
        ("PASSWORD_2=hunter2", "PASSWORD_2"),
        ("SECRET_KEY_BASE=hunter2", "SECRET_KEY_BASE"),
        ("SENTRY_DSN=hunter2", "SENTRY_DSN"),
    ] {
        check(text, name);
    }
}

/// Expects one secret of that name, and nothing of it in what is kept.
#[track_caller]
fn check(text: &str, name: &str) {
    assert_eq!(found(text), [format!("the secret of {name}")], "{text}");
    let redacted = redacted(text);
    assert!(!HIDE.iter().any(|secret| redacted.contains(secret)), "{redacted}");
    assert!(redacted.contains(&format!("[redacted {name}]")), "{redacted}");
}

#[test]
fn secrets_are_found_by_their_place_and_as_people_write_them() {
    for (text, name) in [
        ("tidegate tail --key hunter2", "key"),
        ("`tidegate publish --url http://h --key=hunter2 x '{}'`", "key"),
        ("TIDEGATE_KEY=hunter2 tidegate tail", "TIDEGATE_KEY"),
        ("aws configure set aws_secret_access_key hunter2", "aws_secret_access_key"),
        ("vault login hunter2", "vault login"),
        ("http --auth a:hunter2 http://h", "auth"),
        ("http -a a:hunter2 http://h", "-a"),
        ("openssl enc -aes-256-cbc -k hunter2", "-k"),
        ("htpasswd -b users ana hunter2", "htpasswd"),
        ("rabbitmqctl change_password ana hunter2", "rabbitmqctl"),
        ("rabbitmqctl add_user ana hunter2", "rabbitmqctl"),
        ("smbclient -U ana%hunter2 //h/s", "-U"),
        ("`password: hunter2`", "password"),
        ("Use `DB password: hunter2` there.", "password"),
        ("**Password:** hunter2", "Password"),
        ("- **Password**: hunter2", "Password"),
        ("DB password: hunter2", "password"),
        ("- API key: hunter2", "API key"),
        ("- API key: `hunter2`", "API key"),
        ("API Key: hunter2", "API Key"),
        ("| password | hunter2 |", "password"),
        ("| API key | `hunter2` | all |", "API key"),
        ("| DB password | hunter2 |", "password"),
    ] {
        check(text, name);
    }
}

#[test]
fn what_has_a_form_of_its_own_is_found_without_a_name() {
    let long = "a1B2c3D4e5F6g7H8i9J0".repeat(3);
    for (text, what) in [
        ("redis://u:hunter2@host/0", "a password in an address"),
        ("redis://:hunter2@host/0", "a password in an address"),
        ("URL=postgres://u:hunter2@h/db?x=1", "a password in an address"),
        ("postgres://u:hun/ter2@h", "a password in an address"),
        ("X_DSN=postgres://u:hunter2<x>@h", "a password in an address"),
        ("Authorization: Bearer abcdefghijklmnop1", "a bearer token"),
        ("Authorization: Basic Zm9vOmh1bnRlcjI=", "a password"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n",
            "a private key",
        ),
        ("AKIAIOSFODNN7EXAMPLE", "an access key"),
        ("the key ASIAIOSFODNN7EXAMPLE.", "an access key"),
        ("Key `PRIVATE+KEY+a+00000000+AAAAAAAAAAAA`", "a private key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc", "a signed token"),
        (&format!("ghp_{long}"), "an access token"),
        (&format!("github_pat_{long}"), "an access token"),
        (&format!("glpat-{long}"), "an access token"),
        (&format!("xoxb-{long}"), "an access token"),
        (&format!("sk_live_{long}"), "an access key"),
        (&format!("AIza{long}"), "an access key"),
        (&format!("npm_{long}"), "an access token"),
        (&format!("hvs.{long}"), "an access token"),
        (&format!("https://{long}@github.com/o/r"), "a token in an address"),
        ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXa1B2c3D4e5F6", "a web hook"),
        (&format!("sk-{long}"), "an access key"),
    ] {
        assert_eq!(found(text), [what], "{text}");
        assert!(redacted(text).contains("[redacted "), "{text}");
    }
    let pem = "a\n-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----\nz";
    assert_eq!(redacted(pem), "a\n[redacted key]\nz");
}

#[test]
fn what_is_none_is_not_taken_for_one() {
    for text in [
        "DB_PASS=${X} make",
        "DB_PASS=$X make",
        "DB_PASS=\"$X\"",
        "DB_PASS=${{ secrets.X }}",
        "DB_PASS={{ x }}",
        "DB_PASS=$(pass show x)",
        "DB_PASS=%X%",
        "DB_PASS=<password>",
        "DB_PASS=<your password>",
        "DB_PASS=<a>-<b>",
        "DB_PASS=secret:db",
        "DB_PASS=, API_KEY=... X_TOKEN=***",
        "`DB_PASS=`",
        "DB_PASS_FILE=/run/secrets/db",
        "run --password-file /run/secrets/db",
        "run --password-file=x",
        "docker login --password-stdin",
        "run --password <password>",
        "run --password ${X}",
        "run --token $X",
        "`--token` is needed",
        "give --token to it",
        "curl -u user:<password> http://h",
        "curl -u user:$PW http://h",
        "curl -u user http://h",
        "docker run -u 1000:1000 app",
        "docker run -u app:app x",
        "redis-cli -a $PW",
        "cargo test -p crate -a",
        "mkdir -p x && ssh -p 22 h",
        "curl -H 'x-api-key: <key>'",
        "curl -H \"Authorization: Bearer $TOKEN\"",
        "Authorization: Bearer <token>",
        "Authorization: see below",
        "the `Authorization` header: present",
        "basic authentication, the bearer of news, bearer certificates",
        "redis://u:<password>@host/0",
        "redis://u:***@host/0",
        "redis://u:${PW}@host/0",
        "redis://<user>:<password>@<host>/0",
        "redis://host/0 mail a:b@c",
        "http://host:6379/a@b",
        "connected.token=there and token=present",
        "max_tokens=4096 next_token=abc TOKEN_TTL=60s",
        "PRIMARY_KEY=id sort_key=n PUBLIC_KEY=abc",
        "TLS_KEY=/etc/tls/server.key",
        "COMPASS=x BYPASS=1 TESTS_PASSED=3 PWD=/tmp",
        "MODE=new a = b == c =",
        "- Token: the sign of it",
        "Password: see the vault",
        "- Secret: Vault",
        "`<!-- run: flag id=S1 owner=token-keeper -->`",
        "password == hunter",
        "ghp_short evt_01J... AKIASHORT eyJhbGciOiJIUzI1NiJ9",
        "-----BEGIN CERTIFICATE-----",
        "{\"payload\":\"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEi\",\"keyid\":\"a+b\"}",
        "{\"tokens\": 5, \"password\": null}",
        "[redacted DB_PASS] DB_PASS=[redacted x]",
        "",
    ] {
        assert_eq!(found(text), [""; 0], "{text}");
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn what_is_none_stays_so_in_prose_and_by_its_place() {
    for text in [
        "tidegate tail --key secret:key",
        "tidegate tail --key $TIDEGATE_KEY",
        "tidegate tail --key <key>",
        "sort --key 2 file && jq --key name",
        "tidegate evidence verify DIR --keys run.keys",
        "vault login -method=oidc",
        "vault login <token>",
        "rabbitmqctl change_password ana <password>",
        "smbclient -U ana //h/s",
        "http --auth <user>:<password> http://h",
        "| password | the one of the vault |",
        "| password | required |",
        "| password | string | what the user types |",
        "| Password | Rotated |",
        "| DB password | <password> |",
        "|---|---|",
        "| API key | yes |",
        "API key: see the vault",
        "- API key: rotated",
        "The API key: which one is used follows from the host",
        "Password: rotated",
        "**Password:** rotated",
        "`password: <password>`",
        "https://github.com/o/r@v1",
        "https://ana@github.com/o/r",
        "ssh://git@github.com/o/r",
        "sk-short sk-learn-contrib-packages",
    ] {
        assert_eq!(found(text), [""; 0], "{text}");
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn json_stays_json() {
    for text in
        ["DB_PASS=a\"b\\c", "password: \"x y\"", "-----BEGIN PRIVATE KEY-----\nA\n", "a://b:c\"d@e"]
    {
        let json = serde_json::json!({"password": text, "text": text, "n": [text]}).to_string();
        let redacted = redacted(&json);
        assert!(serde_json::from_str::<serde_json::Value>(&redacted).is_ok(), "{redacted}");
    }
}

/// What stands before and behind a sign is looked at as far as a value or a command goes, and no
/// further: else this would take hours.
#[test]
fn long_lines_are_read_in_one_go() {
    for piece in [
        "a_key='",
        "htpasswd ",
        "| password ",
        "password: `",
        "sk-",
        "a_key: **",
        "eyJ",
        "--token ",
        "a://b:",
        "x: ",
        "-p ",
        "\"pass\":\"",
        "-----BEGIN ",
    ] {
        let _found = secrets(&piece.repeat((1 << 17) / piece.len()));
    }
}
