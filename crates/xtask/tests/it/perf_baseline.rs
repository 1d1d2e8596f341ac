//! `scripts/perf_tx_pipeline_baseline.sh` with servers that take as much time as the test wants.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tree::{Ran, code_of, in_workspace, run, until};

const SCRIPTS: [&str; 3] =
    ["perf_tx_pipeline_baseline.sh", "perf_tx_pipeline.py", "perf_verdict.py"];

/// A feed of two transactions; the last one's hash is all ones.
const LAST: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";
const FIRST: &str = "0x2222222222222222222222222222222222222222222222222222222222222222";

/// Answers as a server does, once it has taken `BURN` seconds of CPU time, `runs` being its runs so far.
const SERVER: &str = r#"#!/usr/bin/env python3
import http.server, os, pathlib, sys, time
mark = pathlib.Path(__file__).with_suffix(".runs")
runs = len(mark.read_text()) if mark.exists() else 0
mark.write_text("." * (runs + 1))
assert os.environ["VIZ_API_INGEST_MODE"] == "replay" and os.environ["VIZ_API_REPLAY_SPEED"] == "max"
assert os.path.isfile(os.environ["VIZ_API_REPLAY_FILE"]) and os.environ["REALTIME_STATE_DIR"]
BEFORE
while time.process_time() < BURN:
    pass
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = 'tidegate_ingest_drops_total{reason="any"} DROPPED\n'
        if self.path.startswith("/transactions/"):
            text = '{"lifecycle_status":"included"}' if self.path.endswith("1" * 64) else "{}"
        self.send_response(200 if self.path.startswith("/transactions/") else METRICS)
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *_):
        pass
host, port = os.environ["VIZ_API_BIND"].split(":")
http.server.HTTPServer((host, int(port)), Answers).serve_forever()
"#;

/// A server that takes a fifth of a second.
const STEADY: Stand = Stand { before: "", burn: "0.2", dropped: 0, metrics_status: 200 };

/// What a server is like.
#[derive(Clone, Copy)]
struct Stand {
    before: &'static str,
    /// CPU-seconds, an expression over `runs`.
    burn: &'static str,
    dropped: u32,
    metrics_status: u16,
}

/// A copy of the scripts in a repository of their own, with a cargo that builds stand-ins.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Bench {
        let bench = Bench { folder: tempfile::tempdir().unwrap() };
        for part in ["repository/scripts", "repository/perf", "tmp"] {
            fs::create_dir_all(bench.path(part)).unwrap();
        }
        for name in SCRIPTS {
            let there = bench.path("repository/scripts").join(name);
            fs::copy(in_workspace("scripts").join(name), there).unwrap();
        }
        let feed = format!(
            "{{\"format\":\"tidegate-feed\"}}\n{{\"pending\":{{}}}}\n{{\"pending\":{{}}}}\n\
             {{\"block\":{{\"header\":{{}},\"transactions\":[\"{FIRST}\",\"{LAST}\"]}}}}\n"
        );
        fs::write(bench.path("feed"), feed).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn server(&self, name: &str, stand: Stand) -> PathBuf {
        let text = SERVER
            .replace("BEFORE", stand.before)
            .replace("BURN", stand.burn)
            .replace("DROPPED", &stand.dropped.to_string())
            .replace("METRICS", &stand.metrics_status.to_string());
        let _no_runs_yet = fs::remove_file(self.path(name).with_extension("runs"));
        self.program(name, &text)
    }

    fn script(&self, words: &[&str]) -> Ran {
        let mut command = Command::new(self.path("repository/scripts").join(SCRIPTS[0]));
        command.args(words).env("TMPDIR", self.path("tmp")).env("CARGO", self.path("cargo"));
        run(command.env("CARGO_TARGET_DIR", self.path("target")))
    }

    /// Runs two servers in turn.
    fn compare(&self, candidate: Stand, words: &[&str]) -> Ran {
        let [a, b] = [self.server("one", STEADY), self.server("other", candidate)].map(text);
        let feed = text(self.path("feed"));
        let fixed = ["--baseline", &a, "--candidate", &b, "--feed", &feed];
        let ran = self.script(&[&fixed[..], words].concat());
        let left: Vec<_> = fs::read_dir(self.path("tmp")).unwrap().collect();
        assert!(left.is_empty(), "temporary folders go: {left:?}");
        ran
    }

    fn result(&self) -> Value {
        let text = fs::read(self.path("target/perf/tx_pipeline.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    fn git(&self, words: &[&str]) -> String {
        let who = ["-c", "user.name=A Test", "-c", "user.email=test@example.org"];
        let mut command = Command::new("git");
        command.args(who).args(words).current_dir(self.path("repository"));
        let ran = run(command.env("GIT_CONFIG_GLOBAL", "/dev/null"));
        ran.check(0, &[]);
        ran.out.trim().to_owned()
    }

    /// Commits the scripts, and names the commit as the baseline; the cargo builds steady servers.
    fn commit(&self) -> String {
        let server = text(self.server("viz-api", STEADY));
        let body = format!(
            "#!/bin/sh\necho \"$PWD $*\" >>{calls}\ncase $1 in\nbuild) echo '{{\"executable\":null}}'\n\
             echo '{{\"executable\":\"{server}\",\"fresh\":true}}' ;;\n\
             run) while [ $# -gt 2 ]; do shift; done; cp {feed} \"$1\" ;;\nesac\n",
            calls = text(self.path("calls")),
            feed = text(self.path("feed")),
        );
        self.program("cargo", &body);
        self.git(&["init", "--quiet"]);
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message", "Measure"]);
        let first = self.git(&["rev-parse", "HEAD"]);
        self.name_baseline(&first);
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message", "Name the first"]);
        first
    }

    fn name_baseline(&self, commit: &str) {
        let document = json!({"format": 1, "commit": commit}).to_string();
        fs::write(self.path("repository/perf/tx_pipeline_baseline.json"), document).unwrap();
    }
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_str().unwrap().to_owned()
}

#[test]
fn what_is_no_slower_passes() {
    let bench = Bench::new();
    let ran = bench.compare(STEADY, &["--runs", "10", "--limit", "30"]);
    ran.check(0, &["run 10 of 10, candidate", "to warm up"]);
    assert!(ran.out.contains("\nPASS  the loss is "), "{ran:?}");
    let result = bench.result();
    assert_eq!((&result["verdict"], &result["runs_of_each"]), (&json!("PASS"), &json!(10)));
    assert_eq!(result["transactions"], 2);
}

#[test]
fn what_is_slower_fails() {
    let bench = Bench::new();
    let slow = Stand { burn: "0.4", ..STEADY };
    let ran = bench.compare(slow, &["--runs", "10", "--json"]);
    ran.check(1, &["run 10 of 10, baseline"]);
    let told = ran.json();
    assert_eq!(told, bench.result(), "the same in the file");
    assert_eq!((&told["verdict"], &told["limit_percent"]), (&json!("FAIL"), &json!(5.0)));
    let loss = told["transactions_per_cpu_second"]["loss_percent"].as_f64().unwrap();
    assert!((30.0..70.0).contains(&loss), "half: {told}");
}

#[test]
fn what_scatters_tells_nothing() {
    let bench = Bench::new();
    let wild = Stand { burn: "(0.1, 0.4)[runs % 2]", ..STEADY };
    let ran = bench.compare(wild, &["--runs", "10"]);
    ran.check(2, &[]);
    assert!(ran.out.contains("INSUFFICIENT  the loss is between -"), "{ran:?}");
    let few = bench.compare(STEADY, &["--runs", "2"]);
    few.check(2, &[]);
    assert!(few.out.contains("INSUFFICIENT  2 runs of each are fewer than the 10"), "{few:?}");
    let slow = Stand { burn: "1.2", ..STEADY };
    let late = bench.compare(slow, &["--runs", "50", "--within", "2"]);
    late.check(2, &["2 s are over: "]);
}

#[test]
fn a_server_that_can_not_be_measured_is_shown() {
    let bench = Bench::new();
    let dies = Stand { before: "sys.exit('the disk is on fire')", ..STEADY };
    bench.compare(dies, &[]).check(69, &["the server ended with 1 before", "the disk is on fire"]);
    let dies_later = Stand { before: "if runs == 2: sys.exit('enough')", ..STEADY };
    bench.compare(dies_later, &[]).check(69, &["run 1 of 30, candidate", "enough"]);
    bench.compare(Stand { dropped: 3, ..STEADY }, &[]).check(69, &["3 records were dropped"]);
    let mute = Stand { metrics_status: 403, ..STEADY };
    bench.compare(mute, &[]).check(69, &["/metrics answered 403"]);
    fs::write(bench.path("feed"), "{}\n").unwrap();
    bench.compare(STEADY, &[]).check(69, &["has no transaction that waits"]);
    assert!(!bench.path("target/perf/tx_pipeline.json").exists(), "no result of nothing");
}

#[test]
fn what_is_interrupted_leaves_nothing() {
    let bench = Bench::new();
    let before = "open(__file__ + '.pid', 'w').write(str(os.getpid()))";
    let server = text(bench.server("one", Stand { before, burn: "600", ..STEADY }));
    let mut script = Command::new(bench.path("repository/scripts").join(SCRIPTS[0]));
    script.args(["--baseline", &server, "--candidate", &server, "--feed"]).arg(bench.path("feed"));
    script.env("TMPDIR", bench.path("tmp")).stdout(Stdio::null()).stderr(Stdio::null());
    let script = script.spawn().unwrap();
    let pid = || fs::read_to_string(bench.path("one.pid")).unwrap_or_default();
    until("the server runs", || !pid().is_empty());
    run(Command::new("kill").args(["-TERM", &script.id().to_string()])).check(0, &[]);
    assert_eq!(code_of(script), Some(143));
    assert!(!Path::new("/proc").join(pid()).exists(), "its server ended");
    assert_eq!(fs::read_dir(bench.path("tmp")).unwrap().count(), 0);
}

#[test]
fn the_committed_baseline_is_built_beside_this_tree_and_can_be_moved() {
    let bench = Bench::new();
    let first = bench.commit();
    let words = ["--runs", "10", "--limit", "30"];
    let ran = bench.script(&[&words[..], &["--accept"]].concat());
    ran.check(0, &[&format!("builds viz-api of {first}"), "builds viz-api of this tree"]);
    let head = bench.git(&["rev-parse", "HEAD"]);
    let result = bench.result();
    assert_eq!(result["baseline"]["name"], first);
    assert_eq!(result["candidate"]["name"], head);
    let file = bench.path("repository/perf/tx_pipeline_baseline.json");
    let moved: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(moved["commit"], head);
    assert_eq!(
        (&moved["measured"]["against"], &moved["measured"]["runs_of_each"]),
        (&json!(first), &json!(10))
    );
    let mut verdict = Command::new("python3");
    verdict.arg(in_workspace("scripts/perf_verdict.py")).arg(&file);
    assert!(run(&mut verdict).out.starts_with("PASS  "), "it can be judged again: {moved}");
    assert_eq!(bench.git(&["worktree", "list"]).lines().count(), 1, "the worktree is gone");
    assert_eq!(fs::read_dir(bench.path("tmp")).unwrap().count(), 0);
    bench.script(&["--accept"]).check(64, &["this one has changes"]);
    bench.name_baseline(&first);
    let again = bench.script(&["--build-only"]);
    again.check(0, &[&format!("viz-api of {first} is built"), "all is built"]);
    let calls = fs::read_to_string(bench.path("calls")).unwrap();
    let builds = calls.lines().filter(|line| line.contains("build --release --locked -p viz-api"));
    let folders: Vec<_> = builds.filter_map(|line| line.split(' ').next()).collect();
    let root = text(bench.path("repository"));
    assert!(folders[0].ends_with("/tree") && folders[1..] == [&root, &root], "{folders:?}");
}

#[test]
fn a_baseline_that_is_not_there_is_named() {
    let bench = Bench::new();
    bench.commit();
    let missing = "5555555555555555555555555555555555555555";
    bench.name_baseline(missing);
    bench.script(&[]).check(69, &[missing, "is not in this clone", "git fetch --unshallow"]);
    bench.script(&["--against", "nowhere"]).check(69, &["commit nowhere is not in this clone"]);
    fs::remove_file(bench.path("repository/perf/tx_pipeline_baseline.json")).unwrap();
    bench.script(&[]).check(69, &["name a commit with --against"]);
    bench.program("cargo", "#!/bin/sh\nexit 101\n");
    bench.script(&["--against", "HEAD"]).check(69, &["viz-api of ", "can't be built"]);
    assert_eq!(bench.git(&["worktree", "list"]).lines().count(), 1, "the worktree is gone");
}

#[test]
fn words_that_make_no_sense_are_refused() {
    let bench = Bench::new();
    bench.program("cargo", "#!/bin/sh\n");
    let server = text(bench.server("one", STEADY));
    let feed = text(bench.path("feed"));
    for (words, said) in [
        (&["--fast"][..], "there is no argument --fast"),
        (&["--runs"], "--runs needs a value"),
        (&["--runs", "0"], "--runs takes a number from 1"),
        (&["--within", "1m"], "--within takes a number from 1"),
        (&["--limit", "-5"], "--limit takes a percentage"),
        (&["--feed", "/nowhere"], "there is no file /nowhere"),
        (&["--baseline", &server], "--baseline and --candidate go together"),
        (&["--baseline", &server, "--candidate", &feed], "feed can't be run"),
        (&["--baseline", &server, "--candidate", &server, "--accept"], "--accept takes a commit"),
        (&["--baseline", &server, "--candidate", &server, "--against", "a"], "--against names"),
    ] {
        bench.script(words).check(64, &[said, "see --help"]);
    }
    let help = bench.script(&["--help"]);
    help.check(0, &[]);
    assert!(help.out.contains("Example: scripts/perf_tx_pipeline_baseline.sh "), "{help:?}");
}

/// The bounds of ten pairs are the 11th of their 55 Walsh averages from either end: the tables of
/// Wilcoxon's signed-rank test have 10 as the most that is below 5 %.
#[test]
fn the_verdict_follows_from_the_runs() {
    let bench = Bench::new();
    let judge = |ratios: &[f64], limit: &str| {
        let runs =
            |of: &dyn Fn(&f64) -> f64| json!({"runs": ratios.iter().map(of).collect::<Vec<_>>()});
        let told = json!({"baseline": runs(&|_| 1000.0), "candidate": runs(&|it| 1000.0 * it)});
        let result = json!({"transactions_per_cpu_second": told, "limit_percent": 99}).to_string();
        fs::write(bench.path("result"), result).unwrap();
        let mut command = Command::new("python3");
        command.arg(in_workspace("scripts/perf_verdict.py")).arg(bench.path("result")).arg(limit);
        let ran = run(&mut command);
        (ran.code, ran.out)
    };
    let rising: Vec<f64> = (0..10).map(|n| (-0.01 * f64::from(n)).exp()).collect();
    // Walsh averages are multiples of half a hundredth: the 11th from the top, and from the end.
    let said = "is between 2.47 % and 6.29 %, and 5 % are allowed";
    let (code, out) = judge(&rising, "5");
    assert!(code == Some(2) && out.contains(said), "{code:?} {out}");
    assert_eq!(judge(&rising, "6.3").0, Some(0));
    assert_eq!(judge(&rising, "2.4").0, Some(1));
    assert_eq!(judge(&[1.0; 10], "0").0, Some(0));
    assert_eq!(judge(&[0.5; 9], "5").0, Some(2), "too few");
    assert_eq!(judge(&[0.95; 12], "5").0, Some(0), "what is allowed");
}
