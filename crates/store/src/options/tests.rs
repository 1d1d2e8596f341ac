//! Which addresses are taken, and what is never shown.

use super::{Endpoint, EndpointError, Password, Place, PlaceError};

#[track_caller]
fn check(text: &str, expected: Result<&str, EndpointError>) {
    assert_eq!(Endpoint::parse(text).as_ref().map(Endpoint::as_str), expected.as_ref().copied());
}

#[test]
fn addresses() {
    check("ws://127.0.0.1:8000", Ok("ws://127.0.0.1:8000"));
    check("ws://surreal-0.db_net:8000/", Ok("ws://surreal-0.db_net:8000"));
    check("ws://[::1]:8000", Ok("ws://[::1]:8000"));
    check("wss://db:8000", Err(EndpointError::Tls));
    check("ws://root:secret@db:8000", Err(EndpointError::Credentials));
    for malformed in [
        "",
        "db:8000",
        "http://db:8000",
        "ws://",
        "ws://db",
        "ws://db:0",
        "ws://db:99999",
        "ws://:8000",
        "ws://d b:8000",
        "ws://db:8000/rpc",
        "ws://db:8000?x",
        "ws://[::1:8000",
    ] {
        check(malformed, Err(EndpointError::Malformed));
    }
}

#[test]
fn a_password_is_not_shown() {
    let shown = format!("{:?}", Password::new("hunter2-hunter2"));
    assert_eq!(shown, "Password(…)");
    let error = Endpoint::parse("ws://root:hunter2@db:8000").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn names_of_databases() {
    let long = "a".repeat(64);
    assert_eq!(Place::new("gotong", &long).unwrap().database(), long);
    for bad in ["", "a b", "a`b", "ä", &"a".repeat(65)] {
        assert_eq!(Place::new("gotong", bad), Err(PlaceError), "{bad}");
        assert_eq!(Place::new(bad, "chat"), Err(PlaceError), "{bad}");
    }
}
