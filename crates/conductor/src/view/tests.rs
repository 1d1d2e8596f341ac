//! What people see in several situations, as snapshots in `tests/golden/view`.

use guard::Verdict;
use jiff::Timestamp;
use unicode_width::UnicodeWidthStr;

use super::{Paint, Size, lines, screen, summary};
use crate::{
    Live, LiveChoice, LiveClocks, LiveGuard, LiveNext, LiveStep, LiveWait, Pace, Phase,
    TrafficShare,
};

const WIDE: Size = Size { columns: 80, rows: 24 };
const SMALL: Size = Size { columns: 40, rows: 12 };

fn at(time: &str) -> Timestamp {
    format!("2026-02-07T{time}Z").parse().unwrap()
}

fn step(id: &str, place: &str, text: &str) -> LiveStep {
    LiveStep {
        id: id.into(),
        kind: "command".into(),
        place: place.into(),
        text: text.into(),
        owners: vec!["operator".into()],
        due: None,
        status: None,
        verdict: None,
        said: None,
        begun_at: None,
        ended_at: None,
    }
}

fn ended(step: LiveStep, verdict: Verdict, [from, to]: [&str; 2], said: &str) -> LiveStep {
    let (status, said) = (Some("done".into()), Some(said.into()));
    let (begun_at, ended_at) = (Some(at(from)), Some(at(to)));
    LiveStep { status, verdict: Some(verdict), said, begun_at, ended_at, ..step }
}

fn open(step: LiveStep, from: &str) -> LiveStep {
    LiveStep { status: Some("open".into()), begun_at: Some(at(from)), ..step }
}

fn guard(id: &str, verdict: Option<Verdict>, value: Option<f64>) -> LiveGuard {
    LiveGuard {
        id: id.into(),
        is_armed: verdict.is_some(),
        verdict,
        value,
        baseline: value.map(|_| 0.005),
        bound: Some(0.02),
        margin: None,
        unit: "errors per request".into(),
        n: 1234.0,
        sentence: "The canary fails in 2.5 % of 1234 requests, 2 % is the bound.".into(),
    }
}

/// A run at its gates.
fn gates() -> Live {
    let steps = vec![
        ended(
            step("G1", "gate", "Tooling/path preflight"),
            Verdict::Pass,
            ["10:00:00", "10:00:02"],
            "It ended with 0.",
        ),
        open(step("G2", "gate", "Command gates"), "10:00:02"),
        step("G3", "gate", "Canary rollback path is callable"),
        LiveStep { due: Some(at("11:00:00")), ..step("T0", "step", "Execute the cutover 漢字") },
        step("R1", "back", "Repoint all traffic to the last stable image"),
    ];
    Live {
        run: "example.com/runs/7".into(),
        runbook: "Step 22 Production Cutover Runbook".into(),
        mode: "rehearsal".into(),
        pid: 4711,
        at: at("10:03:20"),
        begun_at: at("10:00:00"),
        t0: Some(at("11:00:00")),
        pace: Pace::AS_PLANNED,
        entries: 12,
        has_changed: false,
        phase: Phase::Gates,
        why: None,
        now: "Carrying out G2, for 30 min at most.".into(),
        steps,
        next: Some(LiveNext { step: "G3".into(), text: "Canary rollback path".into(), at: None }),
        waiting: Vec::new(),
        guards: vec![guard("errors", None, None)],
        traffic: None,
        clocks: None,
        troubles: Vec::new(),
    }
}

fn waiting() -> Live {
    let mut live = gates();
    live.steps[1] = ended(
        live.steps[1].clone(),
        Verdict::Pass,
        ["10:00:02", "10:02:00"],
        "All 128 tests passed.",
    );
    live.now = "Waiting for people.".into();
    live.waiting = vec![LiveWait {
        choice: "GO".into(),
        about: None,
        roles: vec!["release-manager".into()],
        who: vec!["release-manager (Bo Lind)".into()],
        text: "All gates passed.".into(),
        command: "tidegate runbook approve --dir tidegate-runs/step22 --decision GO \
                  --role release-manager --key bo.key --reason 'why'"
            .into(),
        others: vec![LiveChoice {
            choice: "give it up".into(),
            command: "tidegate runbook abort tidegate-runs/step22 --role release-manager".into(),
        }],
    }];
    live.next = Some(LiveNext {
        step: "T0".into(),
        text: "Execute the cutover".into(),
        at: Some(at("10:06:20")),
    });
    live
}

fn canary() -> Live {
    let mut live = waiting();
    live.waiting = Vec::new();
    live.phase = Phase::Go;
    live.pace = Pace::new(60.0).unwrap();
    live.now = "The canary has 15 % of the traffic.".into();
    live.steps[3] = open(live.steps[3].clone(), "10:03:00");
    live.next = None;
    live.t0 = Some(at("10:03:00"));
    live.guards = vec![
        guard("errors", Some(Verdict::Pass), Some(0.008)),
        LiveGuard {
            margin: Some(1.1),
            bound: Some(1.05),
            baseline: Some(40.0),
            unit: "ms".into(),
            ..guard("latency", Some(Verdict::Insufficient), Some(41.2))
        },
    ];
    live.traffic = Some(TrafficShare {
        canary_percent: 15.0,
        given_percent: None,
        canary_open: 60,
        stable_open: 340,
        canary_requests: 1500,
        stable_requests: 8500,
    });
    live.troubles = vec!["The webhook did not answer within 5 s.".into()];
    live
}

fn going_back() -> Live {
    let mut live = canary();
    live.phase = Phase::RollingBack;
    live.why = Some("errors failed: 2.5 % of 1234 requests, 2 % is the bound.".into());
    live.now = "Waiting for 12 connections to leave the canary.".into();
    live.guards[0] = guard("errors", Some(Verdict::Fail), Some(0.025));
    live.steps[3] = ended(
        live.steps[3].clone(),
        Verdict::Error,
        ["10:03:00", "10:03:10"],
        "It was given up as the run goes back.",
    );
    live.steps[4] = open(live.steps[4].clone(), "10:03:10");
    live.clocks = Some(LiveClocks {
        since_ms: 10_400,
        new_traffic_ms: Some(412),
        residual_ms: None,
        promised_ms: Some(600_000),
    });
    live
}

fn failed_back() -> Live {
    let mut live = going_back();
    live.phase = Phase::RollbackFailed;
    live.why = Some("R1 did not pass: the router does not answer.".into());
    live.now = "The run has ended; a person is needed.".into();
    let said = "The router does not answer.";
    live.steps[4] = ended(live.steps[4].clone(), Verdict::Error, ["10:03:10", "10:03:20"], said);
    live
}

fn kept() -> Live {
    let mut live = canary();
    live.phase = Phase::Kept;
    live.why = Some("Every step passed.".into());
    live.now = "The run has ended.".into();
    live.steps[3] =
        ended(live.steps[3].clone(), Verdict::Pass, ["10:03:00", "10:03:10"], "It is done.");
    live
}

fn check(name: &str, live: &Live, size: Size, expected: &str) {
    let shown = screen(live, at("10:03:20"), size, Paint::Plain);
    assert!(shown.len() <= size.rows, "{name}");
    for line in &shown {
        assert!(line.width() <= size.columns, "{name}: {line}");
    }
    let shown = shown.join("\n") + "\n";
    assert!(shown == expected, "{name} is shown otherwise:\n<<<{name}\n{shown}>>>");
}

#[test]
fn screens_show_what_matters_now() {
    macro_rules! golden {
        ($($name:literal, $live:expr, $size:expr;)+) => {
            $(check($name, &$live, $size, include_str!(concat!("../../tests/golden/view/", $name)));)+
        };
    }
    golden! {
        "gates.txt", gates(), WIDE;
        "waiting.txt", waiting(), WIDE;
        "waiting-small.txt", waiting(), SMALL;
        "canary.txt", canary(), WIDE;
        "canary-small.txt", canary(), SMALL;
        "going-back.txt", going_back(), WIDE;
        "going-back-small.txt", going_back(), SMALL;
        "rollback-failed.txt", failed_back(), WIDE;
        "kept.txt", kept(), WIDE;
    }
}

#[test]
fn no_size_is_too_small_and_no_text_too_wild() {
    let mut live = going_back();
    live.now = "漢字\u{1b}[2J\u{202e}".repeat(40);
    live.runbook = "⚠\u{fe0f}é\u{301}".repeat(60);
    live.waiting = waiting().waiting;
    for live in [live, canary(), failed_back()] {
        for columns in [0, 1, 2, 7, 20, 40, 133] {
            for rows in [0, 1, 3, 12, 60] {
                let size = Size { columns, rows };
                let shown = screen(&live, at("10:03:20"), size, Paint::Plain);
                assert!(shown.len() <= rows);
                for line in shown {
                    assert!(line.width() <= columns, "{columns}: {line}");
                    assert!(line.chars().all(evidence::is_visible), "{line:?}");
                }
            }
        }
    }
}

#[test]
fn the_current_step_is_seen_in_a_long_list() {
    let mut live = gates();
    live.steps = (0..200).map(|n| step(&format!("S{n}"), "step", "Do something")).collect();
    live.steps[120] = open(live.steps[120].clone(), "10:00:02");
    for size in [WIDE, SMALL] {
        let shown = screen(&live, at("10:03:20"), size, Paint::Plain).join("\n");
        assert!(shown.contains("▶ S120"), "{shown}");
    }
    let shown = screen(&live, at("10:03:20"), WIDE, Paint::Plain).join("\n");
    assert!(shown.contains("S119") && shown.contains("S121"), "{shown}");
}

#[test]
fn who_stopped_writing_is_named_while_the_run_goes_on() {
    let old = "the conductor (pid 4711) last wrote 12 s ago";
    let shown = |live: &Live, now| screen(live, at(now), WIDE, Paint::Plain).join("\n");
    assert!(shown(&canary(), "10:03:32").contains(old));
    assert!(!shown(&canary(), "10:03:23").contains("last wrote"));
    assert!(!shown(&kept(), "10:03:32").contains("last wrote"));
}

#[test]
fn colours_change_nothing_else() {
    for live in [gates(), waiting(), canary(), going_back(), failed_back()] {
        let plain = screen(&live, at("10:03:20"), WIDE, Paint::Plain);
        let coloured = screen(&live, at("10:03:20"), WIDE, Paint::Colour);
        assert_ne!(plain, coloured);
        let uncoloured = coloured.iter().map(|line| {
            let mut parts = line.split('\u{1b}');
            let first = parts.next().unwrap().to_owned();
            let rest = parts.map(|part| part.split_once('m').unwrap().1);
            (first + &rest.collect::<String>()).trim_end().to_owned()
        });
        assert_eq!(uncoloured.collect::<Vec<_>>(), plain);
    }
}

#[test]
fn each_change_is_a_line() {
    assert_eq!(
        lines(None, &gates()),
        [
            "2026-02-07T10:00:00Z run example.com/runs/7 of \"Step 22 Production Cutover \
             Runbook\", rehearsal",
            "2026-02-07T10:00:00Z step G1 begins: Tooling/path preflight",
            "2026-02-07T10:00:02Z step G1 PASS: It ended with 0.",
            "2026-02-07T10:00:02Z step G2 begins: Command gates",
            "2026-02-07T10:03:20Z phase GATES",
        ]
    );
    assert_eq!(lines(Some(&gates()), &gates()), [""; 0]);
    let later = Live { at: at("10:03:21"), ..canary() };
    assert_eq!(lines(Some(&canary()), &later), [""; 0]);
    assert_eq!(
        lines(Some(&gates()), &waiting()),
        [
            "2026-02-07T10:02:00Z step G2 PASS: All 128 tests passed.",
            "2026-02-07T10:03:20Z waits for GO by release-manager (Bo Lind): tidegate runbook \
             approve --dir tidegate-runs/step22 --decision GO --role release-manager --key bo.key \
             --reason 'why'",
            "2026-02-07T10:03:20Z     or give it up: tidegate runbook abort tidegate-runs/step22 --role \
             release-manager",
        ]
    );
    assert_eq!(
        lines(Some(&canary()), &going_back()),
        [
            "2026-02-07T10:03:10Z step T0 ERROR: It was given up as the run goes back.",
            "2026-02-07T10:03:10Z step R1 begins: Repoint all traffic to the last stable image",
            "2026-02-07T10:03:20Z guard errors FAIL: The canary fails in 2.5 % of 1234 requests, \
             2 % is the bound. (0.025 of 0.02, stable 0.005, n 1234 (errors per request))",
            "2026-02-07T10:03:20Z phase ROLLING BACK: errors failed: 2.5 % of 1234 requests, 2 % is \
             the bound.",
            "2026-02-07T10:03:20Z clocks: new traffic 412 ms, residual connections not yet, \
             promised 10 min",
        ]
    );
}

#[test]
fn a_summary_names_what_is_waited_for() {
    let shown = summary(&waiting()).join("\n");
    let expected = include_str!("../../tests/golden/view/summary.txt");
    assert!(shown + "\n" == expected, "<<<summary.txt\n{}\n>>>", summary(&waiting()).join("\n"));
    let shown = summary(&going_back());
    for line in [
        "phase: ROLLING BACK",
        "pace: waiting times pass 60 times as fast",
        "clocks: new traffic 412 ms, residual connections not yet, promised 10 min",
        "trouble: The webhook did not answer within 5 s.",
    ] {
        assert!(shown.iter().any(|shown| shown == line), "{line}: {shown:#?}");
    }
    let mut live = going_back();
    live.traffic = None;
    live.clocks.as_mut().unwrap().new_traffic_ms = None;
    let line = "clocks: not measured, since no router is known, promised 10 min";
    assert!(summary(&live).iter().any(|shown| shown == line), "{:#?}", summary(&live));
}
