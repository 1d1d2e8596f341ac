//! Runbooks carried out from outside: words that count and that don't, processes that are killed, and
//! what is left of a run.

use std::{fs, path::PathBuf, process::Command};

use super::command::{Ran, Running, run, start, tidegate, wait_until};

const RUNBOOK: &str = "\
---
runbook:
  version: 1
  mode: production
  owner: operator
  rto: 10m
roles:
  operator: Ada Lund {ada}
  lead: Ben Moss {ben}
---

# Change

## Gates <!-- run: section gates -->

- There is a folder: `test -d .`. <!-- run: command id=G1 class=observe within=1m -->
- It may begin. <!-- run: decision id=G2 owner=lead -->

## Steps <!-- run: section steps -->

1. Move on: `sh forward.sh`. <!-- run: command id=S1 class=once undo=R1 within=1m -->
2. It works. <!-- run: sign-off id=S2 owner=lead -->

## Way back <!-- run: section rollback -->

1. Move back: `sh back.sh`. <!-- run: command id=R1 class=once within=1m -->
";

const ENVIRONMENT: &str = "\
lock = \"run.lock\"

[service]
url = \"http://127.0.0.1:9\"

[[replica]]
name = \"a\"
url = \"http://127.0.0.1:9\"

[commands]
folder = \".\"
";

/// A folder with a runbook, what it acts on, and the keys of those who may speak.
struct Desk {
    dir: tempfile::TempDir,
    /// The lines with which evidence is verified.
    keys: String,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let public = |name: &str| {
            let file = dir.path().join(format!("{name}.key"));
            let words = ["keys", "new", "--sign", &format!("example.com/{name}"), "--out"];
            let made = run(tidegate(&words).arg(file));
            made.lines()[0].split_once(' ').unwrap().1.to_owned()
        };
        let (ada, ben, log) = (public("ada"), public("ben"), public("log"));
        public("eve");
        let document = RUNBOOK.replace("{ada}", &ada).replace("{ben}", &ben);
        let keys = format!("log {log}\noperator {ada}\nlead {ben}\n");
        let desk = Desk { dir, keys };
        desk.write("change.run.md", &document);
        desk.write("on.toml", ENVIRONMENT);
        desk.write("forward.sh", "echo forward >> done\n");
        desk.write("back.sh", "echo back >> done\n");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Returns what was done, in its order.
    fn done(&self) -> String {
        fs::read_to_string(self.path("done")).unwrap_or_default()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = tidegate(words);
        command.current_dir(self.dir.path()).env("PATH", "/usr/bin:/bin");
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        run(&mut self.command(words))
    }

    /// Begins the run, and waits until it asks about the gate that people decide on.
    fn begin(&self) -> Running {
        let words = ["runbook", "run", "change.run.md", "--on", "on.toml", "--dir", "run"];
        let running = start(self.command(&words).args(["--log-key", "log.key"]));
        running.wait_for("waits for ATTEST of G2");
        running
    }

    /// Says something in the role of the lead, with her key.
    fn say(&self, words: &[&str]) -> Ran {
        self.say_as(words, "lead", "ben.key")
    }

    fn say_as(&self, words: &[&str], role: &str, key: &str) -> Ran {
        let mut command = self.command(&["runbook", words[0], "run"]);
        command.args(&words[1..]).args(["--role", role, "--key", key, "--reason", "I saw it"]);
        run(&mut command)
    }

    /// Approves of the plan and lets the run begin, up to its first step.
    fn let_begin(&self, running: &Running) {
        for words in [&["approve"][..], &["approve", "--step", "G2"]] {
            let said = self.say(words);
            assert_eq!(said.code, 0, "{words:?}: {said:?}");
        }
        running.wait_for("waits for GO");
        let said = self.say(&["approve", "--go"]);
        assert_eq!(said.code, 0, "{said:?}");
    }

    /// Puts something down for the run, past the command, and returns its answer.
    fn put(&self, text: &str) -> String {
        let inbox = self.path("run/inbox");
        // Behind all that commands put down, which have the time as their name.
        fs::write(inbox.join("99999999999999999999-1.json"), text).unwrap();
        let answer = inbox.join("99999999999999999999-1.answer");
        wait_until("an answer", || fs::read_to_string(&answer).ok())
    }

    /// Waits for what is put down for the run, and returns it.
    fn waiting_word(&self) -> String {
        wait_until("a word", || {
            let files = fs::read_dir(self.path("run/inbox")).unwrap().flatten();
            let mut words = files.map(|file| file.path()).filter(|file| {
                // Under its name it is whole.
                file.extension().is_some_and(|end| end == "json")
            });
            words.find_map(|file| fs::read_to_string(file).ok())
        })
    }

    fn status(&self) -> serde_json::Value {
        self.run(&["runbook", "status", "run", "--json"]).json()["run"].clone()
    }

    fn verify(&self) -> Ran {
        self.write("keys", &self.keys);
        self.run(&["evidence", "verify", "run/evidence", "--keys", "keys"])
    }
}

fn refused(ran: &Ran, part: &str) {
    assert!(ran.code == 1 && ran.out.contains("It does not count"), "{ran:?}");
    assert!(ran.out.contains(part), "{part}: {ran:?}");
}

#[test]
fn a_runbook_is_carried_out_by_signed_words_and_kept() {
    let desk = Desk::new();
    let running = desk.begin();
    desk.let_begin(&running);
    running.wait_for("waits for ATTEST of S2");
    assert_eq!(desk.status()["phase"], "go");
    assert_eq!(desk.say(&["approve", "--step", "S2"]).code, 0);
    let ended = running.finish();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(desk.done(), "forward\n");
    let verified = desk.verify();
    assert!(verified.code == 0 && verified.out.contains("Sound:"), "{verified:?}");
    let shown = desk.run(&["runbook", "status", "run", "--follow"]);
    assert!(shown.code == 0 && shown.out.contains("KEPT"), "{shown:?}");
    let again = desk.run(&["runbook", "resume", "run"]);
    assert!(again.code == 64 && again.err.contains("the run has ended, kept"), "{again:?}");
    let late = desk.say(&["hold"]);
    assert_eq!(late.code, 1, "{late:?}");
}

#[test]
fn a_report_finds_the_evidence_beside_the_run_or_where_it_is_said_to_be() {
    let desk = Desk::new();
    let running = desk.begin();
    assert_eq!(desk.say(&["abort"]).code, 0);
    assert_eq!(running.finish().code, 1);
    let report = |words: &[&str]| desk.run(&[&["runbook", "report", "run"], words].concat());
    let moves = [
        ("run/evidence", "run/evidence", &[][..]),
        ("run/evidence", "evidence", &[]),
        ("evidence", "elsewhere", &["--evidence", "elsewhere"]),
    ];
    for (from, to, words) in moves {
        fs::rename(desk.path(from), desk.path(to)).unwrap();
        let ran = report(words);
        assert!(ran.code == 0 && ran.out.contains("The checkpoint of the evidence:"), "{ran:?}");
    }
    assert!(report(&[]).out.contains("No signed checkpoint was made"));
    // Another run's is none.
    let checkpoint = desk.path("elsewhere/checkpoint");
    let text = fs::read_to_string(&checkpoint).unwrap();
    fs::write(&checkpoint, format!("x{text}")).unwrap();
    let other = report(&["--evidence", "elsewhere"]);
    let is_refused = other.code == 64 && other.err.contains("no signed checkpoint of this run");
    assert!(is_refused, "{other:?}");
}

#[test]
fn a_candidate_that_no_step_starts_is_refused() {
    let desk = Desk::new();
    let runbook = concat!(env!("CARGO_MANIFEST_DIR"), "/../../runbooks/ws3-redis-cutover.run.md");
    for words in [["--candidate", "/etc/passwd"], ["--inject", "errors=20%"]] {
        let ran = desk.run(&[&["rehearse", runbook, "--dir", "played"], &words[..]].concat());
        assert!(ran.code == 64 && ran.err.contains("leave it out"), "{words:?}: {ran:?}");
        assert!(!desk.path("played").exists());
    }
}

#[test]
fn who_ends_a_run_sends_it_back_and_the_report_says_why() {
    let desk = Desk::new();
    let running = desk.begin();
    desk.let_begin(&running);
    running.wait_for("waits for ATTEST of S2");
    assert_eq!(desk.say(&["abort"]).code, 0);
    assert_eq!(running.finish().code, 1);
    assert_eq!(desk.done(), "forward\nback\n");
    let report = desk.run(&["runbook", "report", "run"]);
    for part in ["**ROLLED BACK**", "Ben Moss (lead) decided ROLLBACK: I saw it", "| R1 | PASS |"] {
        assert!(report.code == 0 && report.out.contains(part), "{part}: {report:?}");
    }
    assert_eq!(desk.run(&["runbook", "report", "run", "--html", "page.html"]).code, 0);
    let page = fs::read_to_string(desk.path("page.html")).unwrap();
    assert!(
        page.to_lowercase().starts_with("<!doctype html>") && page.contains("ROLLED BACK"),
        "{page}"
    );
    let words = ["runbook", "report", "run", "--acceptance", "rollback", "--out", "accepted.md"];
    assert_eq!(desk.run(&words).code, 0);
    let accepted = fs::read_to_string(desk.path("accepted.md")).unwrap();
    assert!(accepted.contains("nothing in it was written by hand"), "{accepted}");
    let verified = desk.verify();
    assert!(verified.code == 0 && verified.out.contains("Sound:"), "{verified:?}");
    fs::write(desk.path("run/evidence/entries.jsonl"), "{}\n").unwrap();
    assert_eq!(desk.verify().code, 1);
}

#[test]
fn before_anything_is_changed_ending_it_costs_nothing() {
    let desk = Desk::new();
    let running = desk.begin();
    assert_eq!(desk.say(&["abort"]).code, 0);
    let ended = running.finish();
    assert!(ended.code == 1 && ended.err.contains("ABORTED"), "{ended:?}");
    assert_eq!(desk.done(), "");
}

#[test]
fn words_that_are_forged_do_not_count() {
    let desk = Desk::new();
    let running = desk.begin();
    refused(&desk.say_as(&["approve"], "lead", "eve.key"), "example.com/eve");
    refused(&desk.say_as(&["approve", "--step", "G2"], "lead", "ada.key"), "lead");
    let mut named = desk.command(&["runbook", "approve", "run", "--role", "lead"]);
    refused(&run(named.args(["--person", "Ben Moss", "--reason", "I am he"])), "sign");
    // Nobody has approved yet.
    refused(&desk.say(&["approve", "--go"]), "");
    // What is no word at all is answered, and the run goes on.
    let answer = desk.put("{\"said\": {\"decided\": {\"choice\": \"GO\"");
    assert!(answer.contains("refused"), "{answer}");
    assert_eq!(desk.status()["phase"], "gates");
    assert_eq!(desk.say(&["abort"]).code, 0);
    assert_eq!(running.finish().code, 1);
    assert_eq!(desk.done(), "");
}

#[test]
fn a_word_that_somebody_kept_does_not_count_again() {
    let desk = Desk::new();
    let running = desk.begin();
    assert_eq!(desk.say(&["approve"]).code, 0);
    assert_eq!(desk.say(&["approve", "--step", "G2"]).code, 0);
    running.wait_for("waits for GO");
    // While the run stands still, somebody copies what lies there for it.
    running.signal("STOP");
    let words = ["runbook", "approve", "run", "--go", "--role", "lead", "--key", "ben.key"];
    let saying = start(desk.command(&words).args(["--reason", "I saw it"]));
    let kept = desk.waiting_word();
    running.signal("CONT");
    assert_eq!(saying.finish().code, 0);
    running.wait_for("waits for ATTEST of S2");
    assert_eq!(desk.say(&["hold"]).code, 0);
    running.wait_for("phase HOLD");
    let answer = desk.put(&kept);
    assert!(answer.contains("refused"), "{answer}");
    assert_eq!(desk.status()["phase"], "hold");
    assert_eq!(desk.say(&["abort"]).code, 0);
    assert_eq!(running.finish().code, 1);
    assert_eq!(desk.done(), "forward\nback\n");
}

#[test]
fn one_process_carries_a_run_out() {
    let desk = Desk::new();
    let running = desk.begin();
    for words in [
        &["runbook", "resume", "run"][..],
        &["runbook", "run", "change.run.md", "--on", "on.toml", "--dir", "run"],
        // Another run on what this one acts on.
        &["runbook", "run", "change.run.md", "--on", "on.toml", "--dir", "other"],
    ] {
        let ran = desk.run(words);
        assert!([64, 69].contains(&ran.code), "{words:?}: {ran:?}");
        assert!(!ran.err.contains("make that right"), "{words:?}: {ran:?}");
    }
    assert!(!desk.path("other").exists());
    assert_eq!(desk.say(&["abort"]).code, 0);
    assert_eq!(running.finish().code, 1);
}

#[test]
fn a_killed_run_goes_on_and_does_nothing_twice() {
    let desk = Desk::new();
    desk.write("forward.sh", "echo $$ > pid\necho forward >> done\nread -r line < pipe\n");
    let made = Command::new("mkfifo").arg(desk.path("pipe")).status().unwrap();
    assert!(made.success());
    let running = desk.begin();
    desk.let_begin(&running);
    running.wait_for("step S1 begins");
    wait_until("the step", || Some(()).filter(|()| !desk.done().is_empty()));
    running.signal("KILL");
    running.wait_for_end();
    let said = desk.say(&["hold"]);
    assert!(said.code == 69 && said.out.contains("nobody carries the run out"), "{said:?}");
    changed_is_refused(&desk);
    let resumed = start(&mut desk.command(&["runbook", "resume", "run", "--log-key", "log.key"]));
    resumed.wait_for("phase HOLD");
    // What it had started would go on beside the way back.
    let program = fs::read_to_string(desk.path("pid")).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.trim())).unwrap_or_default();
    // One that has ended may wait to be reaped.
    assert!(stat.is_empty() || stat.contains(") Z "), "the step's program runs: {stat}");
    let journal = fs::read_to_string(desk.path("run/journal")).unwrap();
    assert!(journal.contains("`sh` was still running"), "{journal}");
    assert_eq!(desk.say(&["abort"]).code, 0);
    let ended = resumed.finish();
    assert_eq!(ended.code, 1, "{ended:?}");
    // It was begun, so it is taken back as if it had been done.
    assert_eq!(desk.done(), "forward\nback\n");
    let verified = desk.verify();
    assert!(verified.code == 0 && verified.out.contains("Sound:"), "{verified:?}");
}

/// A document that is not the one that people approved of is no reason to go on.
fn changed_is_refused(desk: &Desk) {
    let before = fs::read_to_string(desk.path("change.run.md")).unwrap();
    desk.write("changed.run.md", &before.replace("It works", "It works well"));
    let resumed = desk.run(&["runbook", "resume", "run", "--runbook", "changed.run.md"]);
    assert!(resumed.code == 64 && resumed.err.contains("was changed"), "{resumed:?}");
    let kept = fs::read_to_string(desk.path("run/runbook.md")).unwrap();
    desk.write("run/runbook.md", &kept.replace("back.sh", "forward.sh"));
    let resumed = desk.run(&["runbook", "resume", "run"]);
    assert!(resumed.code == 64 && resumed.err.contains("runbook.md"), "{resumed:?}");
    desk.write("run/runbook.md", &kept);
}

#[test]
fn what_can_t_be_acted_on_is_refused_before_anything_is_begun() {
    let desk = Desk::new();
    let run_on = |environment: &str| {
        desk.write("other.toml", environment);
        desk.run(&["runbook", "run", "change.run.md", "--on", "other.toml", "--dir", "run"])
    };
    for (environment, part) in [
        ("servce = 1\n".to_owned(), "servce"),
        (
            ENVIRONMENT.replace("127.0.0.1:9\"\n\n[[", "127.0.0.1:9\"\nkey = \"secret:no\"\n\n[["),
            "no",
        ),
        (ENVIRONMENT.replace("[[replica]]", "[[replicas]]"), "replica"),
        ("[service".to_owned(), "other.toml"),
    ] {
        let ran = run_on(&environment);
        assert!(ran.code == 64 && ran.err.contains(part), "{environment}: {ran:?}");
        assert!(!desk.path("run").exists(), "{environment}");
    }
    let missing = desk.run(&["runbook", "run", "change.run.md", "--on", "none.toml"]);
    assert!(missing.code == 64 && missing.err.contains("none.toml"), "{missing:?}");
    for words in [&["status"][..], &["report"], &["resume"]] {
        let ran = desk.run(&[&["runbook"], words, &["run"]].concat());
        assert!(ran.code == 64 && ran.err.contains("no folder of a run"), "{words:?}: {ran:?}");
    }
    assert!(!desk.path("done").exists());
}
