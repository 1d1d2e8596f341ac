//! Order: what comes after another, what takes too long, and columns that would not be read.

use runbook::{Options, lint};

use super::bad::{SOUND, check, faults};

#[test]
fn what_was_refused_is_not_said_to_lack_too() {
    for (from, to, told) in [
        ("| T+10 |", "| T+1h |", &["line 26: `T+1h` is no time"][..]),
        ("<!-- run: http-expect id=S2 -->", "<!-- run: http-expect -->", &[]),
        ("`bun test`", "`bun test;`", &["line 18: a command: `;` is shell syntax"]),
        (
            "| T+10 | operator | Look at `/health`. | Log <!-- run: http-expect id=S2 -->",
            "|  | operator | Look at `/health`. | Log <!-- run: http-expect -->",
            &[
                "line 26: the step has no id",
                "line 26: the step stands in a timeline and has no time",
            ],
        ),
    ] {
        assert_eq!(SOUND.matches(from).count(), 1, "{from}");
        let found = faults(&SOUND.replace(from, to));
        let is_told = found.len() == told.len()
            && found.iter().zip(told).all(|(fault, told)| fault.starts_with(told));
        assert!(is_told, "{to}\n{found:#?}");
    }
    let bad_time = SOUND.replace("| T-10 |", "| T-1h |").replace(" after=T-10", "");
    assert_eq!(faults(&bad_time).len(), 1, "{:?}", faults(&bad_time));
    let row = "| T+10 | lead | Look. | Log <!-- run: sign-off --> |\n";
    let two = SOUND.replace("\n## Back", &format!("{row}{row}\n## Back"));
    let told =
        "line 28: the id T+10 stands on line 27 already; of two rows at one time one needs `id=`";
    assert_eq!(faults(&two), [told]);
}

#[test]
fn what_comes_after_another_is_done_behind_it() {
    for (from, to, told) in [
        (
            "`bun test` | Exit code 0 | `<lead>` <!-- run: command class=observe",
            "`bun test` | Exit code 0 | `<lead>` <!-- run: command class=observe after=S1",
            "line 18: G2 comes after S1, which is done behind it",
        ),
        (
            "http-expect id=S2",
            "http-expect id=S2 after=R1",
            "line 26: S2 comes after R1, which is a step of the way back",
        ),
        (
            "flag id=R1",
            "flag id=R1 after=S1",
            "line 30: R1 comes after S1, which may not be done when the way back begins",
        ),
        ("after=T-10", "after=S2", "line 25: S1 comes after S2, which stands behind it"),
        (
            "run: decision",
            "run: compare with=S2",
            "line 24: T-10 compares with S2, which is done behind it",
        ),
    ] {
        check(from, to, told);
    }
    let more = "\n## Back two <!-- run: section rollback way=fallback -->\n\n\
        1. Set `MODE=older`. <!-- run: flag id=R2 after=R1 -->\n";
    let told = "line 34: R2 comes after R1, which is a step of the other way back";
    assert_eq!(faults(&format!("{SOUND}{more}")), [told]);
    let end = "\n## End <!-- run: section criteria -->\n\n\
        1. Kept. <!-- run: compare id=E1 after=S1,G1 with=S2 -->\n";
    assert_eq!(faults(&format!("{SOUND}{end}")), [""; 0]);
    let gates = SOUND.replace("class=observe --> |\n\n", "class=observe after=G1 --> |\n\n");
    assert_eq!(faults(&gates), [""; 0]);
}

#[test]
fn what_takes_longer_than_until_the_next_step() {
    let warnings = |text: &str| -> Vec<String> {
        lint(text, &Options::default()).iter().map(ToString::to_string).collect()
    };
    let told = "line 25: S1 is at T0, and what comes before it may take 5m longer (warning)";
    let long = SOUND.replace("run: decision", "run: decision within=15m");
    assert_eq!(warnings(&long), [told]);
    let exact = SOUND.replace("run: decision", "run: decision within=10m");
    assert_eq!(warnings(&exact), [""; 0]);
    // What has no time of its own takes its time as well.
    let row = "<!-- run: decision --> |\n";
    let between = "\n## More <!-- run: section steps -->\n\n1. Sign. <!-- run: sign-off id=S0 within=1m -->\n\n\
        ## On <!-- run: section timeline -->\n\n| Time | Owner | Required actions | Evidence output |\n|---|---|---|---|\n";
    let text = SOUND.replace(row, &format!("{row}{between}"));
    let told = "line 34: S1 is at T0, and what comes before it may take 1m longer (warning)";
    assert_eq!(warnings(&text), [told]);
}

#[test]
fn two_columns_that_mean_the_same() {
    let twice = SOUND
        .replace("| Pass condition |", "| command |")
        .replace("| Evidence output |", "| Evidence |")
        .replace("| Required actions |", "| Evidence output |");
    let found = faults(&twice);
    for told in [
        "line 15: the columns `Command / Evidence` and `command` are the same to a run",
        "line 22: the columns `Evidence output` and `Evidence` are the same to a run",
    ] {
        assert!(found.contains(&told.to_owned()), "{found:#?}");
    }
}
