//! Records of runs as people read them: Markdown, a page, and acceptance reports.

use std::collections::BTreeMap;

use conductor::{
    Ending, Entry, Event, JournalRead, JournalView, Pace, Sample, State, Tip, TrafficShare, encode,
    report::{Acceptance, Material, Report, ReportError},
};
use evidence::{Choice, Hash, Home, Output};
use guard::{At, Judgement, Verdict, Window};
use jiff::{SignedDuration, Timestamp};
use runbook::{Options, Plan, plan};

use super::cast::{Running, document, judged, key, planned};

const REHEARSAL: &str = include_str!("../../../../runbooks/rollback-rehearsal.run.md");
const CUTOVER: &str = include_str!("../../../../runbooks/step22-production-cutover.run.md");
const CLOCKS: &[u8] =
    br#"{"new_traffic_ms":412,"residual_ms":10400,"open_at_stop":60,"evicted":12,"came_again":0}"#;

/// A run of a whole runbook without keys, of which every second is told.
struct Told {
    document: String,
    plan: Plan,
    journal: JournalRead,
    outputs: BTreeMap<Hash, Vec<u8>>,
    samples: Vec<Sample>,
}

fn time(second: i64) -> Timestamp {
    let start: Timestamp = "2026-02-16T10:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(second)
}

struct Teller {
    state: State,
    bytes: Vec<u8>,
    tip: Tip,
    second: i64,
}

impl Teller {
    #[track_caller]
    fn say(&mut self, event: Event, outputs: Vec<Output>) {
        let tree = conductor::read(&self.bytes).unwrap().tree;
        self.state.apply(&event, JournalView::whole(&tree)).unwrap();
        let entry = Entry { at: time(self.second).to_string(), event, outputs };
        let (line, tip) = encode(self.tip, &entry).unwrap();
        self.bytes.extend(line);
        self.tip = tip;
        self.second += 1;
    }

    #[track_caller]
    fn step(&mut self, step: &str, verdict: Verdict, text: &str, outputs: Vec<Output>) {
        self.say(Event::Intent { step: step.into(), attempt: 1 }, Vec::new());
        let (step, text) = (step.into(), text.into());
        self.say(Event::Outcome { step, attempt: 1, verdict, text }, outputs);
    }

    #[track_caller]
    fn decide(&mut self, choice: Choice, role: &str, about: Option<&str>, reason: &str) {
        let (role, person, reason) = (role.into(), "Ana Ruiz".into(), reason.into());
        let about = about.map(ToOwned::to_owned);
        self.say(Event::Decided { choice, role, person, reason, about }, Vec::new());
    }
}

fn teller(plan: &Plan, role: &str, run: &str) -> Teller {
    let (state, tip) = (State::new(plan).unwrap(), Tip::default());
    let mut teller = Teller { state, bytes: Vec::new(), tip, second: 0 };
    let (digest, mode) = (plan.digest().unwrap(), plan.mode);
    let (run, t0, pace) = (run.into(), None, Pace::new(60.0).unwrap());
    teller.say(Event::Begun { run, plan: digest, mode, t0, pace, acts_on: None }, Vec::new());
    let (role, person) = (role.into(), "Ana Ruiz".into());
    teller.say(Event::Approved { role, person, plan: digest }, Vec::new());
    teller
}

/// The rehearsal: its canary has too many errors, and is taken back. `said` is what a gate says.
fn rehearsal(said: &str) -> Told {
    let document = REHEARSAL.replace("<operator>", "Ana Ruiz");
    let plan = plan(&document, &Options::default()).plan.unwrap();
    let mut teller = teller(&plan, "operator", "example.com/runs/rehearsal-1");
    for gate in &plan.gates {
        teller.step(&gate.id, Verdict::Pass, said, Vec::new());
    }
    teller.decide(Choice::Go, "operator", None, "every gate passed");
    let log = b"128 of 128 gates\n".to_vec();
    for step in ["S1", "S1a", "S1b", "S2", "S3"] {
        teller.step(
            step,
            Verdict::Pass,
            "All is well.",
            match step {
                "S1a" => vec![Output::new("stdout.txt", &log, Home::Outputs)],
                _ => Vec::new(),
            },
        );
    }
    teller.say(Event::Intent { step: "S3t".into(), attempt: 1 }, Vec::new());
    let canary_at = teller.second;
    teller.second += 60;
    let failed_at = teller.second;
    teller.say(Event::Judged(errors(failed_at)), Vec::new());
    let steps = plan.rollback.primary.iter().chain(&plan.rollback.after);
    for step in steps.filter(|step| step.carried_out && step.undoes.is_none()) {
        let outputs = match step.id.as_str() {
            "R1" => vec![Output::new("withdrawal.json", CLOCKS, Home::Outputs)],
            _ => Vec::new(),
        };
        teller.step(&step.id, Verdict::Pass, "It was taken back.", outputs);
    }
    let (verdict, text) = (Verdict::Error, "It was given up as the run went back.".into());
    teller.say(Event::Outcome { step: "S3t".into(), attempt: 1, verdict, text }, Vec::new());
    let how = Ending::RolledBack;
    teller.say(Event::Ended { how }, Vec::new());
    let journal = conductor::read(&teller.bytes).unwrap();
    let outputs = [log, CLOCKS.to_vec()].map(|bytes| (Hash::of(&bytes), bytes));
    let samples = samples(canary_at, failed_at);
    Told { document, plan, journal, outputs: outputs.into(), samples }
}

fn errors(second: i64) -> Judgement {
    let ms = |second| At(time(second).as_millisecond().unsigned_abs());
    Judgement {
        guard: "errors".into(),
        verdict: Verdict::Fail,
        unit: "errors per request".into(),
        value: Some(0.025),
        baseline: Some(0.005),
        bound: Some(0.02),
        n: 1234.0,
        left_out: None,
        refused: 0,
        window: Window { from_ms: ms(second - 60), to_ms: ms(second) },
        source: "tidegate_http_requests_total".into(),
        sentence: "The canary fails in 2.5 % of 1234 requests, 2 % is the bound.".into(),
    }
}

/// A look ten times a second: errors rise from the middle on.
fn samples(from: i64, until: i64) -> Vec<Sample> {
    let mut samples = Vec::new();
    let looks = (until + 12 - from) * 10;
    for look in 0..looks {
        let at = time(from) + SignedDuration::from_millis(look * 100);
        let share = look as f64 / looks as f64;
        let value = (0.004 + 0.001 * (look % 7) as f64 + 0.06 * (share - 0.5).max(0.0)).min(0.028);
        let is_back = at > time(until);
        let verdict = match share {
            _ if value >= 0.02 || is_back => Verdict::Fail,
            ..0.2 => Verdict::Insufficient,
            _ => Verdict::Pass,
        };
        let (guard, baseline, bound) = ("errors".into(), Some(0.005), Some(0.02));
        let n = look as f64;
        let value = Some(value);
        samples.push(Sample::Guard { at, guard, verdict, value, baseline, bound, n });
        let canary_open =
            if is_back { 60_u64.saturating_sub((look - 600).unsigned_abs()) } else { 60 };
        let share = TrafficShare {
            canary_percent: if is_back { 0.0 } else { 15.0 },
            given_percent: None,
            canary_open,
            stable_open: 400 - canary_open,
            canary_requests: look.unsigned_abs(),
            stable_requests: look.unsigned_abs() * 6,
        };
        samples.push(Sample::Traffic { at, share });
    }
    samples
}

/// The cutover in readiness: gates alone, of which one is waived.
fn readiness() -> Told {
    let mut document = CUTOVER.to_owned();
    for role in [
        "oncall-ops",
        "ops-lead",
        "project-owner",
        "qa-owner",
        "release-manager",
        "release-operator",
    ] {
        document = document.replace(&format!("{role}: <{role}>"), &format!("{role}: Ana Ruiz"));
    }
    let plan = plan(&document, &Options::default()).plan.unwrap();
    let mut teller = teller(&plan, "release-manager", "example.com/runs/step22");
    for gate in &plan.gates {
        let verdict = if gate.id == "G2" { Verdict::Insufficient } else { Verdict::Pass };
        teller.say(Event::Intent { step: gate.id.clone(), attempt: 1 }, Vec::new());
        if gate.id == "G4" {
            teller.decide(Choice::Attest, "ops-lead", Some("G4"), "L1, L2 and L3 acknowledged");
        }
        let (step, text) = (gate.id.clone(), "It was looked at.".into());
        teller.say(Event::Outcome { step, attempt: 1, verdict, text }, Vec::new());
    }
    let journal = conductor::read(&teller.bytes).unwrap();
    let (outputs, samples) = (BTreeMap::new(), Vec::new());
    Told { document, plan, journal, outputs, samples }
}

impl Told {
    fn material(&self) -> Material<'_> {
        Material {
            document: &self.document,
            plan: &self.plan,
            journal: &self.journal,
            outputs: &self.outputs,
            samples: &self.samples,
            checkpoint: None,
        }
    }

    fn report(&self) -> Report<'_> {
        Report::new(self.material()).unwrap()
    }
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// Checks that every element that is opened is closed, in order.
#[track_caller]
fn balanced(html: &str) {
    const VOID: [&str; 6] = ["meta", "br", "hr", "input", "!doctype", "img"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let (tag, behind) = rest.split_once('>').unwrap();
        rest = behind;
        let name = tag.split([' ', '\n', '/']).find(|word| !word.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "before {:.80}", rest);
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
            // What a style sheet holds is no markup.
            rest = if name == "style" { &rest[rest.find("</style").unwrap()..] } else { rest };
        }
    }
    assert_eq!(open, [""; 0]);
}

fn small() -> (Running, String) {
    let mut run = Running::begin(planned(runbook::Mode::Rehearsal));
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    let output = Output::new("g1.log", b"ok\n", Home::Outputs);
    run.step("G1", Verdict::Pass, vec![output]);
    run.follow(run.by_lead(Choice::Go), Vec::new());
    run.step("S1", Verdict::Pass, Vec::new());
    run.follow(judged(Verdict::Fail, "Health was away for 11 minutes."), Vec::new());
    run.step("R1", Verdict::Pass, Vec::new());
    run.follow(Event::Ended { how: Ending::RolledBack }, Vec::new());
    (run, document())
}

#[test]
fn a_small_run_has_a_record_for_ever() {
    let (run, document) = small();
    let journal = conductor::read(&run.bytes).unwrap();
    let (plan, outputs) = (&run.plan, &BTreeMap::from([(Hash::of(b"ok\n"), b"ok\n".to_vec())]));
    let (samples, checkpoint) = (&[][..], None);
    let document = document.as_str();
    let material = Material { document, plan, journal: &journal, outputs, samples, checkpoint };
    let shown = Report::new(material).unwrap().markdown();
    // The digest changes with the form of plans, and with it what was signed over it.
    let (digest, root) = (plan.digest().unwrap().to_string(), journal.tree.root().to_string());
    let shown = shown.replace(&digest, "PLAN").replace(&root, "ROOT");
    let shown = shown.replace(&key("bo").verifier().key_id(), "BO");
    let expected = include_str!("../golden/small.report.md");
    assert!(shown == expected, "<<<small.report.md\n{shown}>>>");
}

#[test]
fn a_rehearsal_says_why_it_went_back_and_when() {
    let told = rehearsal("It is so.");
    let shown = told.report().markdown();
    has(
        &shown,
        &[
            "| Outcome | **ROLLED BACK** |",
            "All was taken back. The guard errors said FAIL: The canary fails in 2.5 %",
            "waiting times passed 60 times as fast",
            "| First evidence | 2026-02-16T10:01:",
            "| Decision | 2026-02-16T10:01:26Z |",
            "| Action | 2026-02-16T10:01:27Z |",
            "| No new traffic on the canary | 412 ms |",
            "| No connection left on the canary | 10 s |",
            "| Connections that had to be closed | 12 |",
            "| Promised for the whole way back | 10 min |",
            "stdout.txt `",
            "| S3t | ERROR |",
            "| S4 | not begun |",
        ],
    );
    // The prose is as it was: without what was put in, the document is left.
    let mut rest = shown.lines();
    let body = told.document.split("---\n").nth(2).unwrap();
    for line in body.lines() {
        assert!(rest.any(|shown| shown == line), "{line:?} is missing or elsewhere");
    }
}

#[test]
fn every_end_says_why_in_one_sentence() {
    let why = |run: &Running| {
        let journal = conductor::read(&run.bytes).unwrap();
        let (plan, outputs, document) = (&run.plan, &BTreeMap::new(), &document());
        let (samples, checkpoint) = (&[][..], None);
        let journal = &journal;
        let material = Material { document, plan, journal, outputs, samples, checkpoint };
        let report = Report::new(material).unwrap();
        (report.why().to_owned(), report.markdown())
    };
    let mut run = Running::begin(planned(runbook::Mode::Rehearsal));
    assert_eq!(why(&run).0, "It has not ended.");
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    run.step("G1", Verdict::Fail, Vec::new());
    assert_eq!(why(&run).0, "It stands still. G1 ended with FAIL: It was looked at.");
    let mut given_up = run;
    given_up.follow(given_up.by_lead(Choice::Abort), Vec::new());
    let (said, shown) = why(&given_up);
    let expected =
        "It was given up before anything was changed. Bo Lind (lead) gave it up: all is well";
    assert_eq!(said, expected);
    has(
        &shown,
        &["| First evidence | 2026-02-07T10:03:00Z | + 0 s | G1 ended with FAIL", "| ABORTED |"],
    );
    let mut run = Running::begin(planned(runbook::Mode::Rehearsal));
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    run.step("G1", Verdict::Pass, Vec::new());
    run.follow(run.by_lead(Choice::Go), Vec::new());
    run.step("S1", Verdict::Pass, Vec::new());
    run.follow(run.by_lead(Choice::Rollback), Vec::new());
    assert_eq!(why(&run).0, "It goes back. Bo Lind (lead) decided ROLLBACK: all is well");
    run.step("R1", Verdict::Error, Vec::new());
    run.follow(Event::Ended { how: Ending::RollbackFailed }, Vec::new());
    let (said, shown) = why(&run);
    assert_eq!(
        said,
        "Not all could be taken back; a person is needed. R1: It was looked at. It was sent back \
         because: Bo Lind (lead) decided ROLLBACK: all is well"
    );
    has(&shown, &["the decision itself; nothing was recorded before it"]);
}

#[test]
fn the_first_evidence_lies_before_the_decision() {
    let told = rehearsal("It is so.");
    let shown = told.report().markdown();
    let row = shown.lines().find(|line| line.starts_with("| Decision |")).unwrap();
    assert!(!row.contains("+ 0 s"), "{row}");
    let without = Told { samples: Vec::new(), ..rehearsal("It is so.") };
    has(&without.report().markdown(), &["the judgement of errors itself"]);
}

#[test]
fn a_page_stands_alone_and_is_small() {
    let told = rehearsal("It is so.");
    let page = told.report().html();
    balanced(&page);
    has(
        &page,
        &[
            "default-src 'none'; style-src 'unsafe-inline'",
            "prefers-color-scheme: dark",
            "<p class=\"badge warn\">ROLLED BACK</p>",
            "Guard errors (errors per request)",
            "Open connections by arm",
            "<span class=\"verdict pass\">PASS</span>",
            "<strong>412 ms</strong>",
        ],
    );
    for fetched in ["<script", "<link", "<img", "src=", "@import", "url(", "<iframe", "onload"] {
        assert!(!page.contains(fetched), "{fetched}");
    }
    assert!(page.len() < 200_000, "{} bytes", page.len());
    for line in page.lines().filter(|line| line.starts_with("<polyline")) {
        assert!(line.matches(',').count() <= 600, "too many points");
    }
}

#[test]
fn hostile_texts_are_shown_and_do_nothing() {
    let said = "</script><script>alert(1)</script> | a | `b` **c** [d](http://x.y) <!-- e \
                \u{202e}f\u{1b}[2J\n# g ![h](http://x.y/i.png) www.x.y a@x.y ~~~";
    let told = rehearsal(said);
    let (shown, page) = (told.report().markdown(), told.report().html());
    balanced(&page);
    for bad in ["<script>alert", "\u{202e}", "\u{1b}", "\n# g", "<img", "href=\"http://x.y"] {
        assert!(!page.contains(bad), "{bad:?} in the page");
        assert!(bad.starts_with('<') && !bad.starts_with("<s") || !shown.contains(bad), "{bad:?}");
    }
    has(&page, &["&lt;/script&gt;&lt;script&gt;alert(1)", "| a | `b` **c** [d](http"]);
    has(&page, &["\\u{202e}f\\u{1b}[2J\\u{a}# g"]);
    let row = shown.lines().find(|line| line.starts_with("| G1 |")).unwrap();
    let bars = row.replace("\\|", "").matches('|').count();
    assert_eq!(bars, 9, "{row}");
}

#[test]
fn a_template_of_keys_is_filled() {
    let told = readiness();
    let shown = told.report().markdown();
    has(
        &shown,
        &[
            "Filled in from this run:",
            "Cutover ticket ID: nobody gave one",
            "Environment: none is named",
            "Gate results (G1-G5): G1 PASS; G2 INSUFFICIENT; G3 PASS; G4 PASS; G5 PASS",
            "T-60 evidence: not begun",
            "T0 execution reference: withheld",
            "Rollback trigger (if any): none",
        ],
    );
    // The document's own block stays empty.
    has(&shown, &["Cutover ticket ID:\nEnvironment:\nOperator:\n"]);
}

#[test]
fn acceptance_reports_say_what_is_lacking() {
    let checkpoint = "example.com/runs/step22\n14\ncm9vdA==\n\n— example.com/log c2ln\n";
    let told = readiness();
    let material = Material { checkpoint: Some(checkpoint), ..told.material() };
    let report = Report::new(material).unwrap();
    let closeout = report.acceptance(Acceptance::Closeout);
    has(
        &closeout,
        &[
            "# Step 22: production cutover closeout",
            "    — example.com/log c2ln",
            "tidegate evidence verify evidence --keys run.keys",
            "| G2 | INSUFFICIENT | It was looked at. |",
            "| the run | HOLD | It has not ended. |",
            "This run did not go back",
        ],
    );
    has(
        &report.acceptance(Acceptance::Handover),
        &["Ana Ruiz (ops-lead) ATTEST at", "L1, L2 and L3 acknowledged", "nobody yet"],
    );
    let rehearsed = rehearsal("It is so.");
    let rollback = rehearsed.report().acceptance(Acceptance::ReleaseRollback);
    has(&rollback, &["### Both clocks", "412 ms", "| S3t | ERROR |", "No signed checkpoint"]);
    // What the way back cut short is nothing that somebody has to mend.
    let blockers = rollback.split("## Blockers").nth(1).unwrap();
    let blockers = blockers.split("\n## ").next().unwrap();
    assert!(!blockers.contains("S3t"), "{blockers}");
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let told = rehearsal("It is so.");
    let other = told.document.replace("Ana Ruiz", "Bo Lind");
    let refused = Report::new(Material { document: &other, ..told.material() }).unwrap_err();
    assert!(matches!(refused, ReportError::Document { .. }), "{refused}");
    let (run, _) = small();
    let journal = conductor::read(&run.bytes).unwrap();
    let refused = Report::new(Material { journal: &journal, ..told.material() }).unwrap_err();
    assert!(matches!(refused, ReportError::Refused { line: 1, .. }), "{refused}");
    let journal = conductor::read(b"").unwrap();
    let refused = Report::new(Material { journal: &journal, ..told.material() }).unwrap_err();
    assert!(matches!(refused, ReportError::Empty), "{refused}");
}
