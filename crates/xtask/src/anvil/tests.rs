//! What is taken for the pinned version.

use super::says_version;

#[test]
fn only_the_pinned_version_is_right() {
    assert!(says_version("anvil Version: 1.7.1\nCommit SHA: 4072e48\n"));
    assert!(says_version("anvil Version: 1.7.1-stable\n"));
    assert!(!says_version("anvil Version: 1.7.10\n"));
    assert!(!says_version("anvil 0.2.0\n"));
    assert!(!says_version(""));
}
