//! What counts as the server, and what is said of cases that were left out.

use std::path::PathBuf;
use std::process::Command;

use super::{Server, left_out, named, says_version};
use crate::test_count::TestCount;

#[test]
fn only_the_pinned_version_counts() {
    assert!(says_version("3.0.0 for linux on x86_64\n"));
    for other in ["3.0.1 for linux on x86_64", "3.0.0-beta for linux", "surreal 3.0.0", ""] {
        assert!(!says_version(other), "{other}");
    }
}

#[test]
fn a_command_is_told() {
    let told = |server: Server| {
        let mut command = Command::new("cargo");
        server.tell(&mut command);
        format!("{command:?}")
    };
    assert!(told(Server::At(PathBuf::from("bin/surreal"))).contains("SURREAL_BIN=\"bin/surreal\""));
    assert!(told(Server::LeftOut).ends_with("\"--\" \"--skip\" \"surreal_server::\""));
}

#[test]
fn what_was_left_out_is_named_and_counted() {
    let listed = "surreal_server::a: test\nsurreal_server::b: test\n\n2 tests, 0 benchmarks\n";
    let cases = named(listed);
    assert_eq!(cases, ["surreal_server::a", "surreal_server::b"]);
    let tests = TestCount { passed: 7, ..TestCount::default() };
    let said = left_out(&cases, tests);
    let expected = "tests: 7; 2 CASES WERE LEFT OUT, surreal-server: surreal_server::a, \
                    surreal_server::b";
    assert_eq!(said, expected);
}
