//! Which path the first bytes of a connection take.

use super::{HEAD_BYTES_MAX, Head, opener, publisher};

fn check(text: &str, expected: Head) {
    assert_eq!(Head::of(text.as_bytes()), expected, "{text:?}");
}

#[test]
fn a_beginning_is_a_part_until_it_is_known_whose_it_is() {
    for begins in opener::BEGINS {
        for bytes in 0..=begins.len() {
            assert_eq!(Head::of(&begins[..bytes]), Head::Part, "{bytes} of {begins:?}");
        }
    }
    let begins = publisher::BEGINS;
    for bytes in 0..begins.len() {
        assert_eq!(Head::of(&begins[..bytes]), Head::Part, "{bytes} of a publish");
        let other = [&begins[..bytes], b"\0"].concat();
        assert_eq!(Head::of(&other), Head::Other, "another byte after {bytes} of a publish");
    }
    assert_eq!(Head::of(begins), Head::Publisher);
}

#[test]
fn a_head_is_whole_with_its_last_byte() {
    for head in [
        "GET /api/stream HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /api/ws HTTP/1.1\r\nhost: a\r\n\r\n",
        // Not ours, as is seen where it is taken apart.
        "GET /api/wsx HTTP/1.1\r\nhost: a\r\n\r\n",
        // Lines may end with a bare LF.
        "GET /api/stream HTTP/1.1\nhost: a\n\n",
        "GET /api/stream HTTP/1.1\r\nhost: a\n\r\n",
    ] {
        for bytes in 0..head.len() {
            check(&head[..bytes], Head::Part);
        }
        check(head, Head::Whole);
        check(&format!("{head}more"), Head::Whole);
    }
}

#[test]
fn everything_else_takes_the_slow_path() {
    for head in [
        "GET /health HTTP/1.1\r\n",
        "GET /api/events HTTP/1.1\r\n",
        "POST /api/events HTTP/1.0\r\n",
        "POST /api/events?a=b HTTP/1.1\r\n",
        "get /api/stream HTTP/1.1\r\n",
        "\r\nGET /api/stream HTTP/1.1\r\n",
    ] {
        check(head, Head::Other);
    }
    let long = format!("GET /api/stream HTTP/1.1\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
    check(&long[..HEAD_BYTES_MAX], Head::Part);
    check(&long[..=HEAD_BYTES_MAX], Head::Other);
    check(&format!("{long}\r\n\r\n"), Head::Other);
}
