//! Streams as HAProxy 2.6 lists them.

use super::*;

const LIST: &str = "\
0x563c: proto=tcpv4 src=127.0.0.1:5 fe=edge be=canary srv=c1 ts=00 epoch=0 age=3s rq[f=4,i=0] exp=
0x563d: proto=tcpv4 src=127.0.0.1:6 fe=edge be=stable srv=s1 ts=00 epoch=0 age=3s rq[f=4,i=0] exp=
0x563e: proto=tcpv4 src=127.0.0.1:7 fe=edge be=canary srv=<none> ts=00 epoch=0 age=3s exp=
0x563f: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 epoch=0 age=0s exp=";

#[test]
fn the_streams_of_a_backend_are_listed() {
    let stream = |id: &str, from: &str, server: Option<&str>| Stream {
        id: id.to_owned(),
        from: from.to_owned(),
        server: server.map(str::to_owned),
    };
    let expected =
        vec![stream("0x563c", "127.0.0.1:5", Some("c1")), stream("0x563e", "127.0.0.1:7", None)];
    assert_eq!(parse(LIST, "canary"), Ok(expected));
    assert_eq!(parse("", "canary"), Ok(Vec::new()));
}

#[test]
fn what_is_no_list_is_refused() {
    assert!(parse("hello", "canary").is_err());
    assert!(parse("0x1: proto=tcpv4 src=a", "canary").is_err_and(|what| what.contains("`be`")));
}
