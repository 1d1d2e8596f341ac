//! The manuals of operations: every path, metric, route, setting, script and input that they name is
//! there. What they say of `tidegate` itself is checked against the program, in its own tests.

use std::{collections::BTreeSet, process::Command};

use crate::tree::{in_workspace, run, text_of};

const MANUALS: [&str; 2] = [
    "docs/operations/handover-operations-manual.md",
    "docs/operations/incident-and-rollback-playbook.md",
];

/// Returns what stands as code: the lines of fences, and what is between backticks.
fn code(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if is_fenced {
            found.push(line.trim().to_owned());
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    assert!(!is_fenced);
    found
}

fn all_code() -> Vec<(&'static str, String)> {
    let of = |manual| code(&text_of(manual)).into_iter().map(move |code| (manual, code));
    MANUALS.into_iter().flat_map(of).collect()
}

/// Returns the words of all code that begin so, without what is put behind them.
fn words(starts: &str) -> BTreeSet<String> {
    let all = all_code();
    let words = all.iter().flat_map(|(_, code)| code.split(|c: char| " \"'()".contains(c)));
    let trimmed = words.map(|word| word.trim_end_matches([';', ',', ':']));
    trimmed.filter(|word| word.starts_with(starts)).map(str::to_owned).collect()
}

#[test]
fn what_they_name_of_the_tree_is_there() {
    let mut count = 0;
    for start in ["deploy/", "docs/", ".github/", "scripts/", "runbooks/"] {
        for path in words(start) {
            // What a deployment has and a clone has not.
            let is_made = path == "deploy/.env" || path.starts_with("deploy/state");
            assert!(is_made || in_workspace(&path).exists(), "{path}");
            count += 1;
        }
    }
    assert!(count > 4, "{count}");
    let ignored = text_of(".gitignore");
    assert!(["/deploy/.env", "/deploy/state/"].iter().all(|line| ignored.contains(line)));
    for workflow in words("step20-") {
        assert!(in_workspace(".github/workflows").join(&workflow).is_file(), "{workflow}");
    }
}

/// The names under which families are registered, from the code that does so.
fn families() -> BTreeSet<String> {
    let code = ["crates/node-runtime/src/metrics.rs", "crates/delivery/src/metrics.rs"];
    let texts: String = code.map(text_of).concat();
    let literals = texts.split('"').skip(1).step_by(2);
    let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    literals.filter(is_name).map(|name| format!("tidegate_{name}")).collect()
}

#[test]
fn every_metric_is_a_family_with_these_labels() {
    let (families, labels) = (families(), words("tidegate_"));
    assert!(labels.len() > 12, "{labels:?}");
    for word in labels {
        let name = word.split('{').next().unwrap();
        let family = name.strip_suffix("_total").unwrap_or(name);
        assert!(families.contains(family), "{word} is none of {families:?}");
        // What counts ends in `_total`, as it does when it is printed.
        let is_counter = text_of("docs/operating.md").contains(&format!("{family}_total"));
        assert_eq!(name.ends_with("_total"), is_counter, "{word}");
    }
    for (_, code) in all_code() {
        for (value, _) in code.split("=\"").skip(1).filter_map(|rest| rest.split_once("\"}")) {
            let mut grep = Command::new("git");
            grep.args(["grep", "--quiet", &format!("\"{value}\""), "--", "crates/*/src/*.rs"]);
            assert_eq!(run(grep.current_dir(in_workspace(""))).code, Some(0), "{code}");
        }
    }
}

#[test]
fn every_route_is_one() {
    let table = text_of("crates/viz-api/src/router.rs");
    let mut count = 0;
    for (manual, code) in all_code() {
        let of_address = code.split("http://127.0.0.1:8080").skip(1);
        let alone = code.starts_with('/').then_some(&*code);
        for rest in of_address.chain(alone) {
            let path = rest.split([' ', '?']).next().unwrap();
            if path.is_empty() || path.starts_with("/usr") || path.starts_with("/var") {
                continue;
            }
            assert!(table.contains(&format!("path: \"{path}\"")), "{manual}: {path}");
            count += 1;
        }
    }
    assert!(count > 8, "{count}");
    assert!(text_of("deploy/example.env").contains("#EDGE_PORT=8080"));
    assert!(text_of("deploy/haproxy.cfg").contains("EDGE_METRICS_BIND \"*:8404\""));
}

#[test]
fn every_setting_is_one() {
    let is_name = |word: &&String| {
        word.chars().all(|c| c.is_ascii_uppercase() || "_=".contains(c) || c.is_ascii_lowercase())
    };
    for start in ["REALTIME_", "REDIS_", "TIDEGATE_"] {
        for word in words(start).iter().filter(is_name) {
            let name = word.split('=').next().unwrap();
            let known = [
                "docs/settings.md",
                "deploy/example.env",
                ".github/workflows/step20-canary-rollback.yml",
            ];
            assert!(known.iter().any(|file| text_of(file).contains(name)), "{name}");
        }
    }
}

/// Each call of a script of ours with options that it has, and each call of the workflow with inputs
/// that it has.
#[test]
fn every_option_of_a_script_and_every_input_is_one() {
    let mut count = 0;
    for (manual, code) in all_code() {
        let mut words = code.split_whitespace().skip_while(|word| *word == "bash");
        let Some(script) = words.next().filter(|word| word.ends_with(".sh")) else { continue };
        let path = if script.contains('/') {
            script.to_owned()
        } else {
            format!("deploy/scripts/{script}")
        };
        let help = run(Command::new(in_workspace(&path)).arg("--help"));
        assert_eq!(help.code, Some(0), "{manual}: {code}");
        for option in words.filter(|word| word.starts_with("--")) {
            assert!(option == "--help" || help.out.contains(option), "{manual}: {code}");
            count += 1;
        }
    }
    assert!(count > 5, "{count}");
    let workflow = text_of(".github/workflows/step20-canary-rollback.yml");
    for (manual, code) in all_code().iter().filter(|(_, code)| code.starts_with("gh workflow run "))
    {
        for input in code.split(" -f ").skip(1) {
            let name = input.split('=').next().unwrap();
            assert!(workflow.contains(&format!("\n      {name}:\n")), "{manual}: {input}");
        }
    }
}

/// The way by hand is that of the script, with the same names.
#[test]
fn the_way_by_hand_uses_what_the_deployment_has() {
    let (router, compose) = (text_of("deploy/haproxy.cfg"), text_of("deploy/docker-compose.yml"));
    let playbook = text_of(MANUALS[1]);
    for (part, file) in [
        ("/var/lib/haproxy/admin.sock", &router),
        ("replica-1", &compose),
        ("replica-2", &compose),
        ("/usr/local/bin/tidegate", &text_of("Dockerfile")),
        ("IO::Socket::UNIX", &text_of("deploy/scripts/stack.sh")),
    ] {
        assert!(playbook.contains(part) && file.contains(part), "{part}");
    }
    assert!(router.contains("backend tidegate") && router.contains("    server canary "));
    assert!(playbook.contains("tidegate/canary") && compose.contains("profiles: [canary]"));
    // The seed of the way by the workflow.
    let inputs =
        "`action=rollback`, `compose_file=deploy/docker-compose.yml`, `canary_remove_volumes=0`";
    assert!(playbook.contains(inputs));
}
