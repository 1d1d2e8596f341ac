//! A deployment as a file describes it: programs are its hands.

use std::{fs, sync::Arc, time::Duration};

use conductor::{Effect, NoSight, Sighting, World};
use deployment::{DeploymentError, Environment, EnvironmentError};
use guard::{At, Verdict};

use crate::support::stage::{Acting, Stage, left, plan};

const STEPS: &str = "1. Deploy. <!-- run: external id=S1 class=once undo=BACK -->\n\
    2. Keep. <!-- run: capture id=S2 -->\n\n   ```toml guard\n   id = \"lost\"\n   measure = \"zero\"\n   \
    source = \"ledger\"\n   what = \"lost event\"\n   ```\n\n   ```toml guard\n   id = \"again\"\n   \
    measure = \"restarts\"\n   source = \"supervisor\"\n   restarts = 1\n   within = \"1m\"\n   ```\n";

fn environment(stage: &Stage) -> Result<Environment, EnvironmentError> {
    let url = stage.stable[0].server.url();
    let text = format!(
        r#"
[service]
url = "{url}"
[[replica]]
name = "a"
url = "{url}"
[externals.S1]
commands = [["sh", "-c", "test ! -e broken && touch deployed && echo ok"]]
check = ["sh", "-c", "test ! -e odd || exit 2; test -e deployed"]
[ask]
ledger = ["cat", "ledger"]
restarts = ["cat", "restarts"]
describe = ["cat", "described"]
[secrets]
api = {{ env = "API" }}
"#
    );
    Environment::parse(&text, stage.folder.path(), Arc::new(|_| Some("key-of-tests".into())))
}

fn act(stage: &Stage) -> Acting {
    let plan = plan(STEPS);
    let deployment = environment(stage).unwrap().deployment(&plan, "run-1").unwrap();
    Acting { deployment, plan }
}

#[tokio::test]
async fn an_external_step_is_done_by_programs_and_looked_at() {
    let stage = Stage::new().await;
    let acting = act(&stage);
    let work = acting.work(Some("S1"));
    let world = &acting.deployment;
    assert!(world.acts(&work.step) && !world.acts(&acting.work(Some("BACK")).step));
    assert_eq!(world.read_back(&work).await.effect, Effect::No);
    let done = world.carry_out(&work).await;
    assert_eq!(done.verdict, Verdict::Pass, "{done:?}");
    assert_eq!(done.artefacts[0].name, "act-1-stdout.txt");
    assert_eq!(world.read_back(&work).await.effect, Effect::Yes);
    fs::write(stage.folder.path().join("odd"), "").unwrap();
    assert_eq!(world.read_back(&work).await.effect, Effect::Unclear);
    fs::write(stage.folder.path().join("broken"), "").unwrap();
    let done = world.carry_out(&work).await;
    assert!(done.verdict == Verdict::Error && done.text.contains("exit code 1"), "{done:?}");
}

#[tokio::test]
async fn what_programs_print_is_taken_in_and_nonsense_is_not() {
    let stage = Stage::new().await;
    let acting = act(&stage);
    let write = |name: &str, text: &str| fs::write(stage.folder.path().join(name), text).unwrap();
    let look = async |guard: usize, at: u64| {
        acting.deployment.look(&acting.plan.guards[guard], At(at)).await
    };
    let fault = |seen: Result<Sighting, NoSight>| seen.unwrap_err().0;
    assert!(fault(look(0, 0).await).contains("`cat` ended with exit code 1"));
    write("ledger", "{\"checked\": 7, \"lost\": 1}\n");
    assert_eq!(look(0, 1).await, Ok(Sighting::Bad { checked: 7.0, found: 1.0 }));
    for nonsense in ["{\"checked\": -1}", "{\"seen\": 7}", "seven", "{\"checked\": 7, \"odd\": 1}"]
    {
        write("ledger", nonsense);
        assert!(fault(look(0, 2).await).contains("is not an object of a ledger's totals"));
    }
    write("restarts", "3\n");
    assert_eq!(look(1, 0).await, Ok(Sighting::First));
    write("restarts", "5\n");
    assert_eq!(look(1, 1).await, Ok(Sighting::Restarts(2)));
    write("restarts", "1\n");
    assert!(fault(look(1, 2).await).contains("fell from 5 to 1"));
    write("described", "{\"image\": \"sha256:1\"}");
    let done = acting.deployment.carry_out(&acting.work(Some("S2"))).await;
    assert_eq!(left(&done, "capture.json")["described"]["image"], "sha256:1");
}

#[tokio::test]
async fn a_run_does_not_begin_without_its_secrets() {
    let stage = Stage::new().await;
    let text = format!(
        "[service]\nurl = \"{url}\"\n[[replica]]\nname = \"a\"\nurl = \"{url}\"\n\
         [secrets]\napi = {{ env = \"NOT_SET\" }}\nshort = {{ env = \"SHORT\" }}\n",
        url = stage.service
    );
    let lookup = |name: &str| (name == "SHORT").then(|| "abc".to_owned());
    let environment = Environment::parse(&text, stage.folder.path(), Arc::new(lookup)).unwrap();
    let error = environment.deployment(&plan(STEPS), "run-1").unwrap_err();
    assert!(matches!(&error, DeploymentError::Secrets(errors) if errors.len() == 2), "{error}");
    let error = error.to_string();
    assert!(error.contains("NOT_SET, which is not set") && error.contains("`short`"), "{error}");
    let missing = Environment::read(&stage.folder.path().join("none"), Arc::new(|_| None));
    assert!(missing.unwrap_err().to_string().contains("can't be read"));
}

#[tokio::test]
async fn a_canary_s_replicas_are_told_to_drain() {
    let stage = Stage::new().await;
    let url = stage.canary.server.url();
    let text = format!(
        "[service]\nurl = \"{url}\"\n[[replica]]\nname = \"a\"\nurl = \"{url}\"\n\
         [router]\nkind = \"haproxy\"\nsocket = \"/no/such/socket\"\nmap = \"m\"\npins = \"p\"\nleave = \"1s\"\n\
         [[replica]]\nname = \"c\"\narm = \"canary\"\nurl = \"{url}\"\ndrain = [\"touch\", \"drained\"]\n"
    );
    let steps = "1. Run. <!-- run: traffic id=S1 -->\n\n   ```toml traffic\n   \
        weight_percent = 5\n   hold = \"1s\"\n   ```\n\n   ```toml undo\n   what = \"out\"\n   ```\n";
    let environment = Environment::parse(&text, stage.folder.path(), Arc::new(|_| None)).unwrap();
    let plan = plan(steps);
    assert!(matches!(
        environment.deployment(&plan, "a run with spaces"),
        Err(DeploymentError::Router(_))
    ));
    let deployment = environment.deployment(&plan, "run-1").unwrap();
    let acting = Acting { deployment, plan };
    let mut work = acting.work(Some("undo:S1"));
    work.within = Duration::from_secs(5);
    // The router is away: what can be done is done all the same.
    let done = acting.deployment.carry_out(&work).await;
    assert_eq!(done.verdict, Verdict::Fail, "{done:?}");
    assert!(done.text.contains("/no/such/socket can't be reached"), "{}", done.text);
    assert!(stage.folder.path().join("drained").exists(), "{done:?}");
    assert!(!left(&done, "withdrawal.json")["failures"].as_array().unwrap().is_empty());
}
