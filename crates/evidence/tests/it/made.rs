//! Evidence of a small run, for the other tests: keys, entries of each kind, outputs.

use evidence::{
    Choice, Contents, Decision, Envelope, Keyring, LogState, Outcome, Predicate, Recorder,
    Redactor, Report, Request, Resource, Rollback, Signer, Switch, TestResult, verify,
};
use jiff::Timestamp;
use serde_json::json;

pub(crate) const ORIGIN: &str = "example.com/runs/42";

/// Who takes part.
pub(crate) struct Cast {
    pub(crate) log: Signer,
    pub(crate) alice: Signer,
    pub(crate) bob: Signer,
    /// A key that nobody trusts.
    pub(crate) mallory: Signer,
}

impl Cast {
    pub(crate) fn new() -> Self {
        let signer = |name: &str, seed: u8| {
            Signer::from_seed(format!("example.com/{name}").parse().unwrap(), [seed; 32]).unwrap()
        };
        Cast {
            log: signer("log", 1),
            alice: signer("alice", 2),
            bob: signer("bob", 3),
            mallory: signer("mallory", 4),
        }
    }

    /// The log's key speaks as the conductor, alice as release manager, bob as operator.
    pub(crate) fn keyring(&self) -> Keyring {
        let text = format!(
            "# who may sign what\norigin {ORIGIN}\nlog,conductor {}\nrelease-manager {}\noperator {}\n",
            self.log.verifier(),
            self.alice.verifier(),
            self.bob.verifier()
        );
        text.parse().unwrap()
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(crate) fn sign(predicate: &Predicate, subject: Vec<Resource>, signer: &Signer) -> Envelope {
    predicate.about(subject).unwrap().signed(signer).unwrap()
}

pub(crate) fn decision(choice: Choice, log: LogState, role: &str) -> (Predicate, Vec<Resource>) {
    let subject = vec![Resource::of_sha256("log", log.root)];
    let (role, reason) = (role.to_owned(), "all gates passed".to_owned());
    let plan = Some(Resource::of_sha256("plan", evidence::Hash::of(b"the plan")));
    let decision = Decision { role, decision: choice, reason, about: None, plan, log };
    (Predicate::Decision(decision), subject)
}

pub(crate) fn gate(passed: bool) -> Predicate {
    let name = vec!["G2".to_owned()];
    let (passed_tests, failed_tests) = if passed { (name, Vec::new()) } else { (Vec::new(), name) };
    Predicate::TestResult(TestResult {
        result: if passed { Outcome::Passed } else { Outcome::Failed },
        configuration: vec![Resource::of_sha256("plan", evidence::Hash::of(b"the plan"))],
        url: None,
        passed_tests,
        warned_tests: Vec::new(),
        failed_tests,
    })
}

pub(crate) fn image() -> Vec<Resource> {
    vec![Resource::of_sha256("image", evidence::Hash::of(b"the image"))]
}

/// Records a run up to its end, which is left to the caller.
pub(crate) fn run(cast: &Cast) -> Recorder {
    let redactor = Redactor::default().with("REDIS_URL", "s3cret-of-redis").unwrap();
    let mut log = Recorder::new(ORIGIN, redactor).unwrap();
    let first = log.output("preflight.log", b"connecting with s3cret-of-redis\nok\n");
    log.record(at(0), "preflight", &json!({"exit": 0}), vec![first]).unwrap();
    let second = log.output("gate-g2.log", b"128 of 128 gates\n");
    let statement = sign(&gate(true), image(), &cast.log);
    log.statement(at(1), "conductor", statement, vec![second]).unwrap();
    let (predicate, subject) = decision(Choice::Go, log.state(), "release-manager");
    let statement = sign(&predicate, subject, &cast.alice);
    log.statement(at(2), "release-manager", statement, Vec::new()).unwrap();
    let switch = Predicate::Switch(Switch {
        role: "conductor".to_owned(),
        from: "memory".to_owned(),
        to: "redis".to_owned(),
        state: "switched".to_owned(),
        ledgers_equal: Some(true),
        streams: 12,
        held_ms: Some(7),
        detail: serde_json::Map::new(),
    });
    log.statement(at(3), "conductor", sign(&switch, image(), &cast.log), Vec::new()).unwrap();
    let rollback = Predicate::Rollback(Rollback {
        role: "operator".to_owned(),
        complete: true,
        new_traffic_ms: Some(40),
        residual_connections_ms: Some(9000),
        events_lost: 0,
        detail: serde_json::Map::new(),
    });
    log.statement(at(4), "operator", sign(&rollback, image(), &cast.bob), Vec::new()).unwrap();
    log
}

/// A whole run.
pub(crate) fn closed(cast: &Cast) -> Recorder {
    let mut log = run(cast);
    log.close(at(9)).unwrap();
    log
}

pub(crate) fn contents(cast: &Cast, log: &Recorder) -> Contents {
    log.contents(&cast.log).unwrap()
}

pub(crate) fn check(cast: &Cast, contents: &Contents) -> Report {
    let keyring = cast.keyring();
    verify(&Request { contents, keyring: Some(&keyring), seen: None, may_be_open: false })
}
