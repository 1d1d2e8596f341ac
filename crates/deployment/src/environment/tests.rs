//! What stands in an environment's file, and what is said of one with faults.

use std::{path::Path, sync::Arc};

use guard::Arm;
use traffic::Weight;

use super::{Environment, EnvironmentError};
use crate::{External, TrafficMove};

fn parse(text: &str) -> Result<Environment, EnvironmentError> {
    Environment::parse(text, Path::new("/etc/tidegate"), Arc::new(|_| None))
}

const WHOLE: &str = r#"
lock = "run.lock"

[service]
url = "http://127.0.0.1:8080/"
key = "secret:api"

[[replica]]
name = "a"
url = "http://127.0.0.1:3001"
stop = ["systemctl", "stop", "a"]
start = ["systemctl", "start", "a"]

[[replica]]
name = "b"
arm = "canary"
url = "http://127.0.0.1:3002"
drain = ["systemctl", "kill", "b"]

[router]
kind = "haproxy"
socket = "haproxy.sock"
map = "/etc/haproxy/canary.map"
pins = "/etc/haproxy/pins.map"
leave = "10s"

[settings]
file = "server.env"
apply = [["make", "apply"]]

[externals.S3]
commands = [["deploy", "--token=secret:api"]]
check = ["deployed"]

[externals.R1]
traffic = "withdraw"

[externals.S5]
traffic = "100%"

[notify]
webhook = "secret:hook"

[commands]
folder = "/srv"
variables = { TOKEN = "secret:api", MODE = "x" }

[ask]
ledger = ["ledger"]

[sources]
"the ledgers of the streams" = "ledger"

[secrets]
api = { env = "API_KEY" }
hook = { file = "hook" }
"#;

#[test]
fn a_whole_file_is_read() {
    let environment = parse(WHOLE).unwrap();
    assert_eq!(environment.service.url, "http://127.0.0.1:8080");
    assert_eq!(environment.service.key.as_deref(), Some("api"));
    assert_eq!(environment.replicas[1].replica.arm, Arm::Canary);
    let router = environment.router.unwrap();
    assert_eq!(router.socket.to_string(), "/etc/tidegate/haproxy.sock");
    assert_eq!((router.canary.as_str(), router.leave.as_secs()), ("canary", 10));
    let externals = &environment.externals;
    assert_eq!(externals["S3"].external, External { traffic: None, acts: true });
    let withdraw = External { traffic: Some(TrafficMove::Withdraw), acts: false };
    assert_eq!(externals["R1"].external, withdraw);
    assert_eq!(externals["S5"].external.traffic, Some(TrafficMove::Give(Weight::ALL)));
    assert_eq!(environment.sources["the ledgers of the streams"], "ledger");
    assert_eq!(environment.lock.unwrap(), Path::new("/etc/tidegate/run.lock"));
}

#[test]
fn all_faults_are_found_together_and_no_value_of_a_secret_is_shown() {
    let text = r#"
        colour = 3
        [service]
        url = "http://user:hunter2hunter2@host/"
        key = "hunter2hunter2"
        [[replica]]
        name = "a"
        arm = "blue"
        [[replica]]
        name = "a"
        url = "http://127.0.0.1:1"
        stop = "systemctl stop a"
        [router]
        kind = "nginx"
        socket = 3
        leave = "soon"
        [settings]
        file = "x.env"
        apply = ["make"]
        [externals.S1]
        traffic = "much"
        [externals.S2]
        [notify]
        webhook = "secret:none"
        [secrets]
        api = "hunter2hunter2"
    "#;
    let shown = parse(text).unwrap_err().to_string();
    for fault in [
        "`colour` is not known; here may stand ask, certificates, commands, externals, lock, notify, \
         release, replica, router",
        "`service.url` has a user or a password",
        "`service.key` has to be secret:NAME",
        "`replica[0].arm` has to be \"stable\" or \"canary\"",
        "`replica[0].url` is missing",
        "`replica[1].name` is `a` as another replica's is",
        "`replica[1].stop` has to be a program",
        "`router.kind` has to be \"haproxy\"",
        "`router.socket` has to be a text",
        "`router.map` is missing",
        "`router.leave` has to be a length of time",
        "`settings.apply` has to be a list of programs",
        "`externals.S1.traffic` has to be \"withdraw\" or a share",
        "`externals.S2.commands` is missing",
        "`notify.webhook` names the secret `none`",
        "`secrets.api` has to be { env",
    ] {
        assert!(shown.contains(fault), "{fault}\n{shown}");
    }
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn what_is_missing_is_said() {
    let shown = parse("").unwrap_err().to_string();
    assert!(shown.contains("`service` is missing") && shown.contains("`replica` is missing"));
    let shown = parse("[service\nkey = \"hunter2hunter2\"").unwrap_err().to_string();
    assert!(shown.contains("line 1 is no TOML") && !shown.contains("hunter2"), "{shown}");
    let small = "[service]\nurl = \"http://h\"\n[[replica]]\nname = \"a\"\nurl = \"http://h:1\"\n";
    assert!(parse(small).is_ok());
    let unapplied = format!("{small}[settings]\nfile = \"x\"\n");
    let shown = parse(&unapplied).unwrap_err().to_string();
    assert!(shown.contains("`settings.apply` is missing"), "{shown}");
}

#[test]
fn the_example_of_the_manual_is_one() {
    let manual = include_str!("../../../../docs/environments.md");
    let example = manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let environment = parse(example.unwrap()).unwrap();
    assert_eq!((environment.replicas.len(), environment.externals.len()), (2, 3));
    assert_eq!(environment.certificates.named.len(), 1);
    assert!(environment.certificates.release.is_some());
}
