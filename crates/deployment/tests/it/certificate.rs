//! A gate that asks for the certificate of a rehearsal, from the file that describes the environment to
//! the verdict.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use conductor::{Done, Pace, Work, World as _};
use deployment::{
    Certificate, Certificates, Environment, Migrations, Rehearsed, Release, router_configuration,
};
use evidence::{Hash, LOG_ROLE, Outcome, Recorder, Redactor, Signer, folder};
use guard::Verdict;
use jiff::{SignedDuration, Timestamp};
use runbook::{Mode, Options, Plan};
use traffic::haproxy::{ConfigSettings, Replica, config};

use crate::support::{server::Fake, stage::Stage};

const GATED: &str = "---
runbook:
  version: 1
  mode: readiness
  owner: op
roles:
  op: Ana
---
# Cutover

## Gates <!-- run: section gates -->

| Gate ID | Check | Command / Evidence | Pass condition | Owner |
|---|---|---|---|---|
| G3 | The way back is callable | rehearsed | confirmed | `op` <!-- run: sign-off certificate=rollback-rehearsal --> |
";

fn planned(mode: Mode) -> Plan {
    let options = Options { mode: Some(mode), ..Options::default() };
    let planned = runbook::plan(GATED, &options);
    planned.plan.unwrap_or_else(|| panic!("{:#?}", planned.problems))
}

/// A release and a rehearsal of it, in a folder.
struct Released {
    folder: tempfile::TempDir,
    signer: Signer,
    stage: Stage,
}

impl Released {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("tidegate", "the binary");
        write("rollback.run.md", "# Rehearsal");
        // The same rules elsewhere, with other replicas.
        write("haproxy.cfg", &routed("/etc/haproxy", 3));
        write("rehearsed.cfg", &routed("/tmp/stack", 1));
        let signer = Signer::generate("example.com/rehearsal".parse().unwrap()).unwrap();
        Released { folder, signer, stage: Stage::new().await }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn rehearsed(&self) -> Rehearsed {
        Rehearsed {
            binary: Hash::of(b"the binary"),
            migrations: Some(Hash::of(b"migrations")),
            router_configuration: router_configuration(&self.path("rehearsed.cfg")).unwrap(),
            runbook: Hash::of(b"# Rehearsal"),
        }
    }

    fn certificate(&self) -> Certificate {
        let now = Timestamp::now();
        Certificate::new(self.rehearsed(), Outcome::Passed, now, SignedDuration::from_hours(1))
    }

    /// Writes evidence with certificates, in the place of what was there.
    fn put(&self, certificates: &[Certificate], signer: &Signer) {
        let evidence = self.path("evidence");
        let _none_before = fs::remove_dir_all(&evidence);
        let mut log = Recorder::new("rehearsal-1", Redactor::default()).unwrap();
        let now = Timestamp::now();
        log.record(now, "begun", &"a rehearsal", Vec::new()).unwrap();
        for certificate in certificates {
            let envelope = certificate.statement(LOG_ROLE).unwrap().signed(signer).unwrap();
            log.statement(now, LOG_ROLE, envelope, Vec::new()).unwrap();
        }
        log.close(now).unwrap();
        folder::write(&evidence, &log, signer).unwrap();
    }

    fn text(&self) -> String {
        let (key, url) = (self.signer.verifier(), &self.stage.service);
        let migrations = Hash::of(b"migrations");
        format!(
            "[service]\nurl = \"{url}\"\n[[replica]]\nname = \"a\"\nurl = \"{url}\"\n\
             [[replica]]\nname = \"c\"\narm = \"canary\"\nurl = \"{canary}\"\n\
             [router]\nkind = \"haproxy\"\nsocket = \"/no/such/socket\"\nmap = \"m\"\npins = \"p\"\n\
             config = \"haproxy.cfg\"\n\
             [certificates.rollback-rehearsal]\nevidence = \"evidence\"\nkey = \"{key}\"\n\
             runbook = \"rollback.run.md\"\n\
             [release]\nbinary = \"tidegate\"\nmigrations = \"{migrations}\"\n",
            canary = canary(&self.stage.canary),
        )
    }

    async fn gate(&self) -> Done {
        gate(&self.text(), self.folder.path()).await
    }

    /// Looks at the gate with a file of the environment in which something is another.
    async fn gate_with(&self, from: &str, to: &str) -> Done {
        let text = self.text();
        assert!(text.contains(from), "{from}: {text}");
        gate(&text.replace(from, to), self.folder.path()).await
    }
}

fn canary(fake: &Fake) -> String {
    fake.server.url()
}

fn routed(folder: &str, replicas: usize) -> String {
    let named = |arm: &str| {
        let one = |n| Replica { name: format!("{arm}{n}"), address: format!("10.0.0.{n}:3000") };
        (0..replicas).map(one).collect()
    };
    let settings = ConfigSettings {
        stable: named("s"),
        canary: named("c"),
        ..ConfigSettings::local("*:8080", Path::new(folder))
    };
    config(&settings).unwrap()
}

async fn gate(text: &str, folder: &Path) -> Done {
    let plan = planned(Mode::Readiness);
    let environment = Environment::parse(text, folder, Arc::new(|_| None)).unwrap();
    let deployment = environment.deployment(&plan, "run-1").unwrap();
    let step = plan.gates[0].clone();
    assert!(deployment.acts(&step));
    deployment.carry_out(&work(step)).await
}

fn work(step: runbook::PlannedStep) -> Work {
    Work {
        run: "run-1".into(),
        within: std::time::Duration::from_secs(step.within_s),
        step,
        attempt: 1,
        pace: Pace::AS_PLANNED,
        kept: Arc::default(),
        going_back_since: None,
    }
}

fn closed(done: &Done, expected: &str) {
    assert_ne!(done.verdict, Verdict::Pass, "{expected}: {done:?}");
    assert!(done.text.contains(expected), "{expected}: {}", done.text);
}

#[tokio::test]
async fn a_certificate_for_this_release_opens_the_gate() {
    let release = Released::new().await;
    release.put(&[release.certificate()], &release.signer);
    let done = release.gate().await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert!(done.text.contains("is for this binary"), "{done:?}");
    assert_eq!(done.artefacts[0].name, "certificate.json");
}

#[tokio::test]
async fn a_gate_is_closed_without_a_certificate() {
    let release = Released::new().await;
    closed(&release.gate().await, "there is no evidence of a rehearsal in");
    release.put(&[], &release.signer);
    closed(&release.gate().await, "is of a run and of no rehearsal");
    release.put(&[release.certificate(), release.failed()], &release.signer);
    closed(&release.gate().await, "has 2 certificates");
    let other = "[certificates.another]";
    let done = release.gate_with("[certificates.rollback-rehearsal]", other).await;
    closed(&done, "has no [certificates.rollback-rehearsal]");
    let done = release.gate_with("config = \"haproxy.cfg\"\n", "").await;
    closed(&done, "has no `config` under [router]");
    let text = release.text();
    let without = &text[..text.find("[release]").unwrap()];
    closed(&gate(without, release.folder.path()).await, "has no [release]");
}

impl Released {
    fn failed(&self) -> Certificate {
        let now = Timestamp::now();
        Certificate::new(self.rehearsed(), Outcome::Failed, now, SignedDuration::from_hours(1))
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_count_closes_the_gate() {
    let release = Released::new().await;
    let put = |certificate: Certificate| release.put(&[certificate], &release.signer);
    put(release.failed());
    closed(&release.gate().await, "the rehearsal did not pass; find out why, and rehearse again");
    let faults = vec!["the candidate was told to fail: errors=20%".to_owned()];
    put(release.certificate().not_for_production(faults));
    closed(&release.gate().await, "not for production use: the candidate was told to fail");
    let long_ago = Timestamp::now() - SignedDuration::from_hours(2);
    let hour = SignedDuration::from_hours(1);
    put(Certificate::new(release.rehearsed(), Outcome::Passed, long_ago, hour));
    closed(&release.gate().await, "it counted until");
    let soon = Timestamp::now() + hour;
    put(Certificate::new(release.rehearsed(), Outcome::Passed, soon, hour));
    closed(&release.gate().await, "which is to come; compare the clocks");
}

#[tokio::test]
async fn a_certificate_for_something_else_closes_the_gate() {
    let release = Released::new().await;
    release.put(&[release.certificate()], &release.signer);
    let write = |name: &str, text: &str| fs::write(release.path(name), text).unwrap();
    write("tidegate", "another binary");
    closed(&release.gate().await, "another binary");
    closed(&release.gate().await, "release the binary that was rehearsed, or rehearse this one");
    write("tidegate", "the binary");
    let migrations = Hash::of(b"migrations").to_string();
    let done = release.gate_with(&migrations, &Hash::of(b"more").to_string()).await;
    closed(&done, "another migrations");
    closed(&release.gate_with(&migrations, "none").await, "and none is to be released");
    let rules = routed("/etc/haproxy", 3);
    write("haproxy.cfg", &rules.replace("timeout connect 2s", "timeout connect 9s"));
    closed(&release.gate().await, "another router-configuration");
    write("haproxy.cfg", "REALTIME_BACKEND=redis\n");
    closed(&release.gate().await, "is it the right file?");
    write("haproxy.cfg", &rules);
    write("rollback.run.md", "# Rehearsal, changed");
    closed(&release.gate().await, "rehearse the runbook as it is now");
    // Without a runbook of its own it has to be the run's.
    let done = release.gate_with("runbook = \"rollback.run.md\"\n", "").await;
    closed(&done, "another runbook");
    fs::remove_file(release.path("tidegate")).unwrap();
    closed(&release.gate().await, "can't be read");
}

#[tokio::test]
async fn a_certificate_that_another_key_signed_closes_the_gate() {
    let release = Released::new().await;
    let other = Signer::generate("example.com/rehearsal".parse().unwrap()).unwrap();
    release.put(&[release.certificate()], &other);
    closed(&release.gate().await, "is not sound by the key that is trusted");
    // A byte that somebody changed.
    release.put(&[release.certificate()], &release.signer);
    let entries = release.path("evidence/entries.jsonl");
    let text = fs::read_to_string(&entries).unwrap();
    fs::write(&entries, text.replacen("a rehearsal", "A rehearsal", 1)).unwrap();
    closed(&release.gate().await, "is not sound by the key that is trusted");
}

#[tokio::test]
async fn a_candidate_that_was_built_to_fail_closes_the_gate() {
    let release = Released::new().await;
    release.put(&[release.certificate()], &release.signer);
    let checks = serde_json::json!({"runtime": {"inject": "none"}});
    release.stage.canary.set_health("/checks", checks);
    closed(&release.gate().await, "The replica c was built to fail on purpose (feature `inject`");
}

#[tokio::test]
async fn a_rehearsal_asks_for_no_certificate() {
    let release = Released::new().await;
    let plan = planned(Mode::Rehearsal);
    let text = release.text();
    let environment = Environment::parse(&text, release.folder.path(), Arc::new(|_| None)).unwrap();
    let deployment = environment.deployment(&plan, "run-1").unwrap();
    assert!(!deployment.acts(&plan.gates[0]));
}

#[test]
fn what_stands_in_the_file_is_checked() {
    let text = "[service]\nurl = \"http://a\"\n[[replica]]\nname = \"a\"\nurl = \"http://a\"\n\
        [certificates.x]\nkey = \"k\"\nmore = 1\n[release]\nmigrations = \"soon\"\n";
    let error = Environment::parse(text, Path::new("."), Arc::new(|_| None)).unwrap_err();
    let said = error.to_string();
    for expected in [
        "`certificates.x.evidence` is missing",
        "`certificates.x.key` is no public key",
        "`certificates.x.more` is not known",
        "`release.binary` is missing",
        "`release.migrations` has to be the checksum",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let sound = "[service]\nurl = \"http://a\"\n[[replica]]\nname = \"a\"\nurl = \"http://a\"\n\
        [release]\nbinary = \"b\"\nmigrations = \"none\"\n";
    let read = Environment::parse(sound, Path::new("/r"), Arc::new(|_| None)).unwrap();
    let Certificates { release, .. } = read.certificates;
    assert_eq!(release, Some(Release { binary: "/r/b".into(), migrations: Migrations::None }));
}
