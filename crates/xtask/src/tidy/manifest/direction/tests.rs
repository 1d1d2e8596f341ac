//! The table leads one way.

use super::MAY_KNOW;

#[test]
fn a_crate_may_know_only_those_above_it() {
    for (at, (name, allowed)) in MAY_KNOW.iter().enumerate() {
        for other in *allowed {
            let above = MAY_KNOW[..at].iter().any(|(known, _)| known == other);
            assert!(above, "`{name}` may know `{other}`, which is not above it");
        }
    }
}
