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
        (Some(true), Some(5))
    );
    assert_eq!(run(tidegate(&words).arg("--json")).json(), json, "one seed, one study");
}

#[test]
fn a_traffic_that_makes_no_sense_is_64() {
    for words in [
        ["--share", "0%"],
        ["--share", "60%"],
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
