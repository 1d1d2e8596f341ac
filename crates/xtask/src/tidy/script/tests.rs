//! Which scripts pass.

use super::check;
use crate::tidy::rule::Rule::{self, ScriptHeader, ScriptMode};
use crate::tidy::source::Source;

const GOOD: &str = "#!/usr/bin/env bash\n# Why it is there.\n\nset -euo pipefail\ntrue\n";

fn rules(path: &str, text: &str, executable: bool) -> Vec<Rule> {
    let source = Source { executable, ..Source::plain(path, text) };
    check(&source).iter().map(|breach| breach.rule).collect()
}

#[test]
fn a_strict_script_that_runs_passes() {
    assert_eq!(rules("scripts/a.sh", GOOD, true), []);
    assert_eq!(rules(".ci/run", GOOD, true), []);
}

#[test]
fn the_run_bit_is_needed() {
    assert_eq!(rules("scripts/a.sh", GOOD, false), [ScriptMode]);
}

#[test]
fn the_header_is_needed() {
    for text in [
        "",
        "#!/bin/sh\nset -euo pipefail\n",
        "#!/usr/bin/env bash\n",
        "#!/usr/bin/env bash\nset -eu\n",
        "#!/usr/bin/env bash\ncd x\nset -euo pipefail\n",
    ] {
        assert_eq!(rules("scripts/a.sh", text, true), [ScriptHeader], "{text:?}");
    }
}

#[test]
fn other_files_are_no_scripts() {
    assert_eq!(rules("README.md", "text", false), []);
}
