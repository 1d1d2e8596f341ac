//! The simulation of guards from outside.

use super::command::{run, tidegate};

#[test]
fn a_traffic_is_simulated_as_a_table_as_json_and_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let svg = dir.path().join("guard.svg");
    let words = ["guard", "simulate", "--minutes", "2", "--runs", "30", "--clients", "100"];
    let shown = run(tidegate(&words).arg("--svg").arg(&svg));
    assert_eq!(shown.code, 0, "{shown:?}");
    for part in ["one client's retry storm", "10x errors", "99 % over 5 min", "No kind of good"] {
        assert!(shown.out.contains(part), "{part} in {shown:?}");
    }
    assert!(std::fs::read_to_string(&svg).unwrap().starts_with("<svg"));
    let json = run(tidegate(&words).arg("--json")).json();
    assert_eq!(
        (json["holds"].as_bool(), json["fair"].as_array().map(Vec::len)),
        (Some(true), Some(6))
    );
    assert_eq!(run(tidegate(&words).arg("--json")).json(), json, "one seed, one study");
}

#[test]
fn a_traffic_that_makes_no_sense_is_64() {
    for words in [
        ["--share", "0%"],
        ["--share", "60%"],
        ["--share", "0.1"],
        ["--error-ratio", "0.005"],
        ["--requests-per-second", "NaN"],
        ["--alpha", "1"],
        ["--runs", "0"],
        ["--minutes", "0"],
        ["--svg", "/nonesuch/guard.svg"],
    ] {
        let small = ["--minutes", "1", "--runs", "1"];
        let small = if words[0] == "--svg" { &small[..] } else { &[] };
        let ran = run(tidegate(&["guard", "simulate"]).args(words).args(small));
        assert_eq!(ran.code, 64, "{words:?}: {ran:?}");
    }
}

#[test]
fn what_could_be_two_shares_is_refused_with_a_hint() {
    let ran = run(&mut tidegate(&["guard", "simulate", "--share", "0.1"]));
    let hint = "`0.1` could mean 0.1 % or 10 %; a share is written with its sign, as 20%";
    assert!(ran.code == 64 && ran.err.contains(hint), "{ran:?}");
}

#[test]
fn small_numbers_are_shown_short() {
    let words = ["--alpha", "1e-300", "--error-ratio", "1e-200%", "--minutes", "1", "--runs", "1"];
    let ran = run(tidegate(&["guard", "simulate"]).args(words));
    assert_eq!(ran.code, 0, "{ran:?}");
    let first = "20 requests/s, 1e-200 % errors, 10 % canary of 1000 clients, 60 s, a look every 1 s; alpha \
                 1e-300,";
    assert!(ran.out.starts_with(first), "{ran:?}");
    assert!(ran.out.lines().all(|line| line.chars().count() < 160), "{ran:?}");
}
