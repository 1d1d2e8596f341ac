//! A server without a socket over a folder of runs, and runs to put into it.

use std::{fs, path::Path, sync::Arc};

use axum::{Router, body::Body};
use conductor::{Event, Inbox, Journal, RunFolder, RunInfo, State};
use console_api::Console;
use evidence::{Home, Output, Redactor, Signer};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use node_runtime::{Settings, settings::Values};
use runbook::{Mode, Options, plan};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;
use viz_api::{AppState, router};

/// A key that may do everything.
pub(crate) const ADMIN: &str = "console-admin-key";

/// A key that may not.
pub(crate) const READER: &str = "console-reader-key";

/// Returns the key of the person who decides.
pub(crate) fn key() -> Signer {
    Signer::from_seed("example.com/lead".parse().expect("it is a name"), [7; 32])
        .expect("it is one")
}

/// A runbook of one step, whose lead has a key and whose operator has none.
pub(crate) fn document() -> String {
    format!(
        "---\nrunbook:\n  version: 1\n  mode: rehearsal\n  owner: lead\n  rto: 10m\nroles:\n  lead: Bo Lind {}\n  \
         operator: Ana Ruiz\n---\n\n# Small\n\n## Before <!-- run: section gates -->\n\n- The window is open. \
         <!-- run: sign-off id=G1 owner=operator -->\n\n## Steps <!-- run: section steps -->\n\n1. Say so. \
         <!-- run: external id=S1 class=converge undo=R1 -->\n\n## Back <!-- run: section rollback -->\n\n- Take it \
         back. <!-- run: external id=R1 class=converge way=primary within=1m -->\n",
        key().verifier()
    )
}

/// A server, and where its runs are.
pub(crate) struct Server {
    pub(crate) runs: TempDir,
    router: Router,
}

impl Server {
    pub(crate) fn new() -> Self {
        let runs = tempfile::tempdir().expect("it can be made");
        let keys = format!("acme={ADMIN}:admin,acme={READER}:publish+subscribe");
        let values = Values::from_environment([("TIDEGATE_KEYS", keys)]);
        let settings = Settings::parse(&values).expect("they are allowed");
        let state = node_runtime::RuntimeBuilder::new(settings);
        let app = AppState::new(Arc::clone(state.state()));
        let app = app.with_annex(Arc::new(Console::new(runs.path().to_owned())));
        Server { runs, router: router(Arc::new(app)) }
    }

    /// Asks, and returns the status and the body.
    pub(crate) async fn ask(
        &self,
        (method, path): (&str, &str),
        key: Option<&str>,
        body: &str,
    ) -> (StatusCode, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(body.to_owned())).expect("it is a request");
        let answer = self.router.clone().oneshot(request).await.expect("it answers");
        let status = answer.status();
        let bytes = answer.into_body().collect().await.expect("it ends").to_bytes();
        (status, bytes.to_vec())
    }

    /// Gets JSON as an administrator.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, bytes) = self.ask(("GET", path), Some(ADMIN), "").await;
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).expect("it is JSON")
    }

    /// Posts JSON as an administrator.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, bytes) = self.ask(("POST", path), Some(ADMIN), &body.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).expect("it is JSON")
    }
}

/// A run that was begun; as long as its journal is here a process carries it out.
pub(crate) struct Run {
    pub(crate) folder: RunFolder,
    pub(crate) journal: Journal,
}

impl Run {
    /// Begins a run in a folder, with one output of its first gate.
    pub(crate) fn begin(path: &Path) -> Self {
        let text = document();
        let planned = plan(&text, &Options { mode: Some(Mode::Rehearsal), environment: None });
        let plan = planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems));
        let info = RunInfo {
            run: "small-1".to_owned(),
            mode: Mode::Rehearsal,
            environment: None,
            acts_on: None,
            acts_on_file: None,
        };
        let folder = RunFolder::create(path, &text, &plan, &info).expect("it can be made");
        let state = State::new(&plan).expect("it is a plan");
        let mut journal = Journal::start(&folder.journal(), Redactor::default(), state)
            .expect("it can be written");
        let digest = plan.digest().expect("it is JSON");
        let begun = Event::begun("small-1", digest, Mode::Rehearsal);
        journal.append(Timestamp::now(), begun, Vec::new()).expect("it begins");
        let bytes = b"<script>alert(1)</script> \xff";
        let sha256 = folder.keep(bytes).expect("it can be kept");
        let output = Output {
            name: "said.txt".to_owned(),
            sha256,
            bytes: bytes.len() as u64,
            home: Home::Outputs,
        };
        let intent = Event::Intent { step: "G1".to_owned(), attempt: 1 };
        journal.append(Timestamp::now(), intent, vec![output]).expect("it follows");
        Run { folder, journal }
    }

    pub(crate) fn inbox(&self) -> Inbox {
        Inbox::new(self.folder.inbox())
    }

    /// Returns what lies in the inbox.
    pub(crate) fn asked(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.inbox()).expect("it is there");
        let files = entries.flatten().map(|entry| entry.path());
        let asked = files.filter(|file| file.extension().is_some_and(|it| it == "json"));
        asked.map(|file| fs::read_to_string(file).expect("it is text")).collect()
    }
}
