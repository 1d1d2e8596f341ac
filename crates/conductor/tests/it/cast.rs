//! A small plan whose people have keys, and a journal in memory, for the other tests.

use conductor::{Entry, Event, JournalView, Refused, State, Tip, encode};
use evidence::{Choice, Decision, LogState, Output, Resource, Signer, Tree};
use guard::{At, Judgement, Verdict, Window};
use runbook::{Mode, Options, Plan, plan};

/// Returns the key of somebody; the same name gives the same key.
pub(crate) fn key(name: &str) -> Signer {
    let mut seed = [7; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    Signer::from_seed(format!("example.com/{name}").parse().unwrap(), seed).unwrap()
}

/// The small runbook, in which the lead and the operator have keys.
pub(crate) fn document() -> String {
    include_str!("../golden/small.run.md")
        .replace("operator: Ana Ruiz", &format!("operator: Ana Ruiz {}", key("ana").verifier()))
        .replace("lead: Bo Lind", &format!("lead: Bo Lind {}", key("bo").verifier()))
}

pub(crate) fn planned(mode: Mode) -> Plan {
    let options = Options { mode: Some(mode), environment: None };
    let planned = plan(&document(), &options);
    planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems))
}

/// What a guard of the small runbook says.
pub(crate) fn judged(verdict: Verdict, sentence: &str) -> Event {
    judged_by("health", verdict, sentence)
}

/// What a guard says.
pub(crate) fn judged_by(guard: &str, verdict: Verdict, sentence: &str) -> Event {
    Event::Judged(Judgement {
        guard: guard.into(),
        verdict,
        unit: String::new(),
        value: Some(660.0),
        baseline: None,
        bound: Some(600.0),
        n: 132.0,
        left_out: None,
        refused: 0,
        window: Window { from_ms: At(1_770_458_400_000), to_ms: At(1_770_459_060_000) },
        source: "/api/health".into(),
        sentence: sentence.into(),
    })
}

/// A run whose journal is in memory.
pub(crate) struct Running {
    pub(crate) plan: Plan,
    pub(crate) state: State,
    pub(crate) bytes: Vec<u8>,
    tip: Tip,
    tree: Tree,
}

impl Running {
    /// Begins a run.
    pub(crate) fn begin(plan: Plan) -> Self {
        let state = State::new(&plan).unwrap();
        let (digest, mode) = (plan.digest().unwrap(), plan.mode);
        let (tip, tree) = (Tip::default(), Tree::default());
        let mut running = Running { plan, state, bytes: Vec::new(), tip, tree };
        let run = "example.com/runs/7";
        running.follow(Event::begun(run, digest, mode), Vec::new());
        running
    }

    /// Adds what may follow.
    #[track_caller]
    pub(crate) fn follow(&mut self, event: Event, outputs: Vec<Output>) {
        self.state.apply(&event, JournalView::whole(&self.tree)).unwrap();
        let at = format!("2026-02-07T10:{:02}:00Z", self.tip.entries);
        let entry = Entry { at, event, outputs };
        let (line, tip) = encode(self.tip, &entry).unwrap();
        self.bytes.extend(line);
        self.tip = tip;
        self.tree = conductor::read(&self.bytes).unwrap().tree;
    }

    /// Expects that an event is refused.
    #[track_caller]
    pub(crate) fn refused(&self, event: &Event) -> Refused {
        self.state.clone().apply(event, JournalView::whole(&self.tree)).unwrap_err()
    }

    /// The journal as somebody sees it now.
    pub(crate) fn seen(&self) -> LogState {
        let origin = self.state.run().unwrap().to_owned();
        LogState { origin, size: self.tree.len(), root: self.tree.root() }
    }

    /// A decision over the journal as it is now.
    pub(crate) fn decision(&self, choice: Choice) -> Decision {
        Decision {
            role: "lead".into(),
            decision: choice,
            reason: "all is well".into(),
            about: matches!(choice, Choice::Waive | Choice::Attest).then(|| "G1".into()),
            plan: Some(self.plan.resource().unwrap()),
            log: self.seen(),
        }
    }

    /// That the lead vouches for a step, signed by a key.
    pub(crate) fn attested(&self, step: &str, name: &str) -> Event {
        let about = Some(step.to_owned());
        let decision = Decision { about, ..self.decision(Choice::Attest) };
        Event::signed(decision, &key(name)).unwrap()
    }

    /// What the lead decides, signed.
    pub(crate) fn by_lead(&self, choice: Choice) -> Event {
        Event::signed(self.decision(choice), &key("bo")).unwrap()
    }

    /// Carries a step out that passes by the lead's word, whose key this is.
    pub(crate) fn vouched(&mut self, step: &str, name: &str) {
        self.follow(Event::Intent { step: step.into(), attempt: 1 }, Vec::new());
        self.follow(self.attested(step, name), Vec::new());
        let (verdict, text) = (Verdict::Pass, "It was looked at.".into());
        self.follow(Event::Outcome { step: step.into(), attempt: 1, verdict, text }, Vec::new());
    }

    /// Carries a step out, with this verdict.
    pub(crate) fn step(&mut self, step: &str, verdict: Verdict, outputs: Vec<Output>) {
        self.follow(Event::Intent { step: step.into(), attempt: 1 }, Vec::new());
        let text = "It was looked at.".into();
        self.follow(Event::Outcome { step: step.into(), attempt: 1, verdict, text }, outputs);
    }

    /// Names another plan.
    pub(crate) fn other_plan() -> Resource {
        Resource::of_sha256("plan", evidence::Hash::of(b"another"))
    }
}
