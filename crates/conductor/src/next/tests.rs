//! What is due in each situation.

use super::*;
use crate::{
    Effect, Event,
    kit::{self, GONE, about, follow, intent, outcome, planned, read_back},
};
use evidence::Choice;

const RUNBOOK: &str = "---
runbook:
  version: 1
  mode: rehearsal
  owner: operator
roles:
  operator: Ana
  lead: Bo
---
# T

## Gates <!-- run: section gates -->

- `/health` <!-- run: http-expect id=G1 -->
- Ready? <!-- run: sign-off id=G2 -->

## Timeline <!-- run: section timeline -->

| Time | Owner | Required actions | Evidence output |
|---|---|---|---|
| T+10 | operator | Set `A=1`. <!-- run: flag id=S1 --> | log |
| T+20 | operator | `deploy it` <!-- run: command class=once id=S2 --> | log |
| T+30 | lead | Is it well? <!-- run: sign-off id=S3 --> | log |
| T+40 | lead | Move it. <!-- run: external class=once id=S4 --> | log |

```toml guard
id = \"lost\"
measure = \"zero\"
source = \"ledger\"
what = \"lost event\"
```

## Rollback <!-- run: section rollback -->

1. Set `A=0`. <!-- run: flag id=R1 -->
2. `deploy last` <!-- run: command class=once id=R2 -->
3. Set `A=2`. <!-- run: flag id=F1 way=fallback -->
4. Clean up. <!-- run: cleanup id=A1 class=converge way=after -->

## At the end <!-- run: section checklist -->

- [ ] `/health` <!-- run: http-expect id=C1 -->
";

/// A run of which nothing is under way in this process.
struct Run {
    plan: Plan,
    state: State,
    times: Times,
}

impl Run {
    fn of(text: &str) -> Self {
        let plan = planned(text);
        let state = State::new(&plan).unwrap();
        let times = Times {
            now: "2026-02-07T12:00:00Z".parse().unwrap(),
            t0: None,
            pace: Pace::AS_PLANNED,
            grace: Duration::from_secs(60),
            unclear: BTreeSet::new(),
            acted: BTreeSet::new(),
        };
        let mut run = Run { plan, state, times };
        let (digest, mode) = (run.plan.digest().unwrap(), run.plan.mode);
        run.follow(&[Event::begun("r", digest, mode)]);
        run
    }

    /// A run that people let go on.
    fn gone() -> Self {
        let mut run = Run::of(RUNBOOK);
        run.pass(&["G1", "G2"]);
        run.approve();
        run.follow(&[decided(Choice::Go)]);
        run
    }

    /// A run that goes back, of which the first two steps were done.
    fn going_back() -> Self {
        let mut run = Run::gone();
        run.pass(&["S1", "S2"]);
        run.follow(&[decided(Choice::Rollback)]);
        run
    }

    fn approve(&mut self) {
        self.follow(&[kit::approved(self.plan.digest().unwrap())]);
    }

    #[track_caller]
    fn follow(&mut self, events: &[Event]) {
        follow(&mut self.state, events);
    }

    #[track_caller]
    fn pass(&mut self, steps: &[&str]) {
        for step in steps {
            self.end(step, 1, Verdict::Pass);
        }
    }

    #[track_caller]
    fn end(&mut self, step: &str, attempt: u32, verdict: Verdict) {
        self.follow(&[intent(step, attempt), outcome(step, attempt, verdict)]);
    }

    /// What is due, in short.
    fn next(&self) -> String {
        match next(&self.plan, &self.state, &self.times) {
            Next::ReadBack { step, attempt } => format!("read back {} {attempt}", step.id),
            Next::Conclude { step, attempt } => format!("conclude {} {attempt}", step.id),
            Next::Begin { step, attempt } => format!("begin {} {attempt}", step.id),
            Next::Late { step, late } => format!("late {} {}", step.id, late.as_secs()),
            Next::Await(wait) => match wait {
                Wait::Time { step, at } => format!("wait for {} until {at}", step.id),
                Wait::Word { step, attempt } => format!("word on {} {attempt}", step.id),
                Wait::End { step } => format!("end {}", step.id),
                other => format!("{other:?}"),
            },
            Next::End(how) => format!("{how:?}"),
            Next::Over => "over".into(),
        }
    }

    #[track_caller]
    fn is(&self, expected: &str) {
        assert_eq!(self.next(), expected);
    }
}

fn judged(verdict: Verdict) -> Event {
    kit::judged(("lost", "ledger"), verdict)
}

fn decided(choice: Choice) -> Event {
    about(choice, None)
}

#[test]
fn gates_then_an_approval_then_go() {
    let mut run = Run::of(RUNBOOK);
    run.is("begin G1 1");
    run.pass(&["G1"]);
    run.is("begin G2 1");
    run.pass(&["G2"]);
    run.is("Approval");
    run.approve();
    run.is("Go");
    run.follow(&[decided(Choice::Go)]);
    run.is("begin S1 1");
}

#[test]
fn a_gate_that_did_not_pass_is_for_people_and_the_others_are_looked_at() {
    let mut run = Run::of(RUNBOOK);
    run.end("G1", 1, Verdict::Fail);
    run.is("begin G2 1");
    run.follow(&[intent("G2", 1), GONE]);
    run.is("read back G2 1");
    run.follow(&[read_back("G2", 1, Effect::No)]);
    run.is("begin G2 2");
    run.end("G2", 2, Verdict::Pass);
    run.is("Hold");
    run.end("G1", 2, Verdict::Pass);
    run.is("Approval");
    run.approve();
    run.is("Hold");
}

#[test]
fn a_hold_waits_for_people() {
    let mut run = Run::gone();
    run.pass(&["S1"]);
    run.follow(&[decided(Choice::Hold)]);
    run.is("Hold");
    run.follow(&[decided(Choice::Go)]);
    run.is("begin S2 1");
}

#[test]
fn times_are_kept_and_a_late_step_is_for_people_once() {
    let at = |now: &str, pace: f64| {
        let mut run = Run::gone();
        run.times.t0 = Some("2026-02-07T12:00:00Z".parse().unwrap());
        run.times.now = now.parse().unwrap();
        run.times.pace = Pace::new(pace).unwrap();
        run
    };
    at("2026-02-07T12:09:59Z", 1.0).is("wait for S1 until 2026-02-07T12:10:00Z");
    at("2026-02-07T12:10:00Z", 1.0).is("begin S1 1");
    at("2026-02-07T12:11:00Z", 1.0).is("begin S1 1");
    at("2026-02-07T12:11:01Z", 1.0).is("late S1 61");
    // At a pace times come sooner, and what is late is so sooner; a few seconds never are.
    at("2026-02-07T12:00:00Z", 10.0).is("wait for S1 until 2026-02-07T12:01:00Z");
    at("2026-02-07T12:01:06Z", 10.0).is("begin S1 1");
    at("2026-02-07T12:01:07Z", 10.0).is("late S1 7");
    at("2026-02-07T12:00:05Z", 600.0).is("begin S1 1");
    let mut late = at("2026-02-07T13:00:00Z", 1.0);
    late.follow(&[Event::Late { step: "S1".into(), late_s: 3000 }]);
    late.is("Hold");
    late.follow(&[decided(Choice::Go)]);
    late.is("begin S1 1");
    // A step that was begun once has no time any more.
    late.end("S1", 1, Verdict::Fail);
    late.follow(&[decided(Choice::Go)]);
    late.is("begin S1 2");
}

#[test]
fn what_the_mode_withholds_is_left_out() {
    let mut run = Run::of(&RUNBOOK.replace("mode: rehearsal", "mode: readiness"));
    run.pass(&["G1", "G2"]);
    run.approve();
    run.follow(&[decided(Choice::Go)]);
    run.is("begin S3 1");
    run.pass(&["S3"]);
    run.is("begin C1 1");
    run.pass(&["C1"]);
    // The guard's step was never begun.
    run.is("Kept");
}

#[test]
fn what_a_gone_process_left_is_settled_by_its_kind() {
    // What may be done again is read back, and done again where it was not done.
    let mut run = Run::gone();
    run.follow(&[intent("S1", 1), GONE]);
    run.is("read back S1 1");
    let mut done = Run::gone();
    done.follow(&[intent("S1", 1), GONE, read_back("S1", 1, Effect::Yes)]);
    done.is("conclude S1 1");
    run.follow(&[read_back("S1", 1, Effect::No)]);
    run.is("begin S1 2");
    // What must not be done twice stands until people decide, where it can't be told.
    let mut run = Run::gone();
    run.pass(&["S1"]);
    run.follow(&[intent("S2", 1), GONE, read_back("S2", 1, Effect::Unclear)]);
    run.times.unclear.insert("S2".into());
    run.is("Hold");
    run.times.unclear.clear();
    run.follow(&[decided(Choice::Go)]);
    run.is("read back S2 1");
    // People are asked what they were doing, and their word is the outcome.
    let mut run = Run::gone();
    run.pass(&["S1", "S2", "S3"]);
    run.follow(&[intent("S4", 1), GONE]);
    run.is("word on S4 1");
    let mut back = Run::gone();
    back.pass(&["S1", "S2", "S3"]);
    back.follow(&[intent("S4", 1), GONE, decided(Choice::Rollback)]);
    back.is("read back S4 1");
    run.follow(&[about(Choice::Attest, Some("S4"))]);
    run.is("conclude S4 1");
    // What they only looked at they look at again.
    let mut run = Run::gone();
    run.pass(&["S1", "S2"]);
    run.follow(&[intent("S3", 1), GONE]);
    run.is("read back S3 1");
}

#[test]
fn a_grave_step_that_did_not_pass_is_read_back_first() {
    let mut run = Run::gone();
    run.pass(&["S1"]);
    run.end("S2", 1, Verdict::Error);
    run.is("Hold");
    run.follow(&[decided(Choice::Go)]);
    run.is("read back S2 1");
    run.follow(&[read_back("S2", 1, Effect::No)]);
    run.is("begin S2 2");
}

#[test]
fn the_way_back_has_its_order_and_its_end() {
    let mut run = Run::going_back();
    for step in ["R1", "R2", "A1", "C1"] {
        run.is(&format!("begin {step} 1"));
        run.pass(&[step]);
    }
    run.is("RolledBack");
    run.follow(&[Event::Ended { how: Ending::RolledBack }]);
    run.is("over");
}

#[test]
fn a_step_of_the_way_back_is_tried_twice_and_then_the_other_way_is_taken() {
    let mut run = Run::going_back();
    run.end("R1", 1, Verdict::Fail);
    run.is("begin R1 2");
    run.end("R1", 2, Verdict::Fail);
    run.is("begin F1 1");
    let mut stuck = Run::going_back();
    stuck.end("R1", 1, Verdict::Fail);
    stuck.end("R1", 2, Verdict::Fail);
    stuck.end("F1", 1, Verdict::Fail);
    stuck.end("F1", 2, Verdict::Fail);
    stuck.is("RollbackFailed");
    run.pass(&["F1"]);
    run.is("begin A1 1");
    run.pass(&["A1", "C1"]);
    run.is("RolledBack");
}

#[test]
fn a_process_that_is_killed_again_and_again_is_no_failed_try() {
    let mut run = Run::going_back();
    for attempt in 1..=5 {
        run.is(&format!("begin R1 {attempt}"));
        run.follow(&[intent("R1", attempt), GONE]);
        run.is(&format!("read back R1 {attempt}"));
        run.follow(&[read_back("R1", attempt, Effect::No)]);
    }
    run.is("begin R1 6");
}

#[test]
fn a_grave_step_of_the_way_back_is_not_done_twice() {
    let mut run = Run::going_back();
    run.pass(&["R1"]);
    run.end("R2", 1, Verdict::Fail);
    run.is("begin F1 1");
    // Nor where nobody knows what became of it: then the way is stuck.
    let mut run = Run::going_back();
    run.pass(&["R1"]);
    run.follow(&[intent("R2", 1), GONE]);
    run.is("read back R2 1");
    run.follow(&[read_back("R2", 1, Effect::Unclear)]);
    run.times.unclear.insert("R2".into());
    run.is("RollbackFailed");
}

#[test]
fn what_comes_behind_is_done_again_behind_the_way_back() {
    let mut run = Run::gone();
    run.pass(&["S1", "S2", "S3", "S4"]);
    run.is("begin A1 1");
    run.pass(&["A1"]);
    run.is("begin C1 1");
    run.pass(&["C1"]);
    run.follow(&[decided(Choice::Rollback)]);
    run.pass(&["R1", "R2"]);
    run.is("begin A1 2");
    run.end("A1", 2, Verdict::Pass);
    // What was looked at before the run went back is looked at once more, and keeps nothing from it.
    run.is("begin C1 2");
    run.end("C1", 2, Verdict::Fail);
    run.is("RolledBack");
}

#[test]
fn what_has_to_hold_at_the_end_and_does_not_is_for_people() {
    let mut run = Run::gone();
    run.pass(&["S1", "S2", "S3", "S4", "A1"]);
    run.end("C1", 1, Verdict::Fail);
    run.is("end C1");
    run.end("C1", 2, Verdict::Pass);
    run.is("Guards([\"lost\"])");
    run.follow(&[judged(Verdict::Insufficient)]);
    run.is("Guards([\"lost\"])");
    run.follow(&[judged(Verdict::Pass)]);
    run.is("Kept");
}

#[test]
fn what_takes_one_step_back_is_for_one_that_was_begun() {
    let undo = "\n   ```toml undo\n   what = \"put it back\"\n   flags = [\"B=0\"]\n   ```\n";
    let steps = format!(
        "## Steps <!-- run: section steps -->\n\n1. Set `B=1`. <!-- run: flag id=S1 -->\n{undo}\n\
         2. Set `B=2`. <!-- run: flag id=S2 -->\n{undo}"
    );
    let (head, rest) = RUNBOOK.split_once("## Timeline").unwrap();
    let (_, guards) = rest.split_once("```toml guard").unwrap();
    let (guards, _) = guards.split_once("## Rollback").unwrap();
    let mut run = Run::of(&format!("{head}{steps}\n```toml guard{guards}"));
    run.pass(&["G1", "G2"]);
    run.approve();
    run.follow(&[decided(Choice::Go)]);
    run.pass(&["S1"]);
    run.follow(&[decided(Choice::Rollback)]);
    run.is("begin undo:S1 1");
    run.pass(&["undo:S1"]);
    run.is("RolledBack");
}
