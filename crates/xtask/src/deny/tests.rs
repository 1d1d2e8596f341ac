//! Which cargo-deny is the right one.

use std::path::Path;

use super::{VERSION, is_right, says_version};

#[test]
fn only_the_pinned_version_is_right() {
    assert!(says_version(&format!("cargo-deny {VERSION}\n")));
    assert!(!says_version(&format!("cargo-deny {VERSION}1\n")));
    assert!(!says_version(""));
}

#[test]
fn a_missing_tool_is_not_right() {
    assert!(!is_right(Path::new("/nonexistent/cargo-deny")));
}
