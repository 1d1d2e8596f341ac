//! What the checks and tests need on the machine, and how it gets there.
//!
//! To add a need, add a line to [`NEEDS`]. A program that cannot be installed here is named
//! loudly: a test that is skipped because its peer is missing proves nothing.

use std::process::{Command, Stdio};

use anyhow::Context;

use crate::console;
use crate::exit::Exit;

/// A program, and where it comes from.
#[derive(Clone, Copy, Debug)]
struct Need {
    /// The command that exits with 0 where the program is there.
    probe: &'static str,
    /// The component that holds it, where the toolchain is managed by rustup.
    component: Option<&'static str>,
    /// The Debian package that holds it.
    package: &'static str,
}

const NEEDS: &[Need] = &[
    Need { probe: "cargo fmt --version", component: Some("rustfmt"), package: "rustfmt" },
    Need { probe: "cargo clippy --version", component: Some("clippy"), package: "rust-clippy" },
    Need { probe: "git --version", component: None, package: "git" },
    // The allocator is built from C.
    Need { probe: "make --version", component: None, package: "make" },
    // The broker's tests start servers of their own.
    Need { probe: "redis-server --version", component: None, package: "redis-server" },
    Need { probe: "redis-cli --version", component: None, package: "redis-tools" },
    // Clients are tested through a proxy that ends TLS; tests make certificates.
    Need { probe: "nginx -v", component: None, package: "nginx-light" },
    // The SurrealDB server may lie beside the workspace, packed.
    Need { probe: "xz --version", component: None, package: "xz-utils" },
    // The files of a deployment are run and read, and answers are checked against their schemas.
    // Modules of the system's own Python: another one on the path does not see its packages.
    Need { probe: "haproxy -v", component: None, package: "haproxy" },
    Need { probe: "docker-compose version", component: None, package: "docker-compose" },
    // Rehearsals ask as a runbook says.
    Need { probe: "curl --version", component: None, package: "curl" },
    // The scripts of a deployment read records and answers by it.
    Need { probe: "jq --version", component: None, package: "jq" },
    Need {
        probe: "/usr/bin/python3 -c __import__('yaml')",
        component: None,
        package: "python3-yaml",
    },
    Need {
        probe: "/usr/bin/python3 -c __import__('jsonschema').Draft202012Validator",
        component: None,
        package: "python3-jsonschema",
    },
    Need { probe: "openssl version", component: None, package: "openssl" },
    // The node of a chain that tests start comes from npm, and so does Bun.
    Need { probe: "npm --version", component: None, package: "npm" },
    // The SDK is tested in both.
    Need { probe: "node --version", component: None, package: "nodejs" },
    Need { probe: "chromium --version", component: None, package: "chromium" },
    // For suites from PyPI; Debian has `ensurepip` apart from Python itself.
    Need { probe: "python3 -m ensurepip --version", component: None, package: "python3-venv" },
];

/// The installers that this user may run here.
#[derive(Clone, Copy, Debug)]
struct Installers {
    rustup: bool,
    apt: Option<Apt>,
}

/// How apt-get may be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apt {
    AsRoot,
    ThroughSudo,
}

/// How a need is met.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Component(&'static str),
    Package(Apt, &'static str),
    ByHand,
}

/// Installs what is missing, or says what a person must install.
///
/// # Errors
///
/// Fails where an installer cannot be started.
pub(crate) fn provide() -> anyhow::Result<Exit> {
    let missing: Vec<Need> = NEEDS.iter().copied().filter(|need| !succeeds(need.probe)).collect();
    if missing.is_empty() {
        return Ok(Exit::Done);
    }
    let installers = Installers::find();
    let plans: Vec<Plan> = missing.iter().map(|need| need.plan(installers)).collect();
    let apt = plans.iter().find_map(|plan| match plan {
        Plan::Package(apt, _) => Some(*apt),
        Plan::Component(_) | Plan::ByHand => None,
    });
    if let Some(apt) = apt {
        // Once for all: a list is fetched in seconds.
        apt.run("update")?;
    }
    plans.iter().try_for_each(carry_out)?;
    Ok(verdict(&missing))
}

fn verdict(missing: &[Need]) -> Exit {
    let mut exit = Exit::Done;
    for need in missing.iter().filter(|need| !succeeds(need.probe)) {
        console::complain(&format!("MISSING: `{}` does not run; {}", need.probe, need.advice()));
        exit = Exit::Missing;
    }
    exit
}

impl Need {
    fn plan(self, installers: Installers) -> Plan {
        match (self.component, installers) {
            (Some(component), Installers { rustup: true, .. }) => Plan::Component(component),
            (_, Installers { apt: Some(apt), .. }) => Plan::Package(apt, self.package),
            (_, Installers { apt: None, .. }) => Plan::ByHand,
        }
    }

    fn advice(self) -> String {
        match self.component {
            Some(component) => format!(
                "run `rustup component add {component}`, or install the package `{}`",
                self.package
            ),
            None => format!("install the package `{}`", self.package),
        }
    }
}

impl Installers {
    fn find() -> Self {
        Self { rustup: succeeds("rustup --version"), apt: Apt::find() }
    }
}

impl Apt {
    fn find() -> Option<Self> {
        if !succeeds("apt-get --version") {
            return None;
        }
        if user_id().as_deref() == Some("0") {
            return Some(Self::AsRoot);
        }
        succeeds("sudo -n true").then_some(Self::ThroughSudo)
    }

    fn run(self, arguments: &str) -> anyhow::Result<()> {
        let get = "env DEBIAN_FRONTEND=noninteractive apt-get";
        attempt(&match self {
            Self::AsRoot => format!("{get} {arguments}"),
            Self::ThroughSudo => format!("sudo -n {get} {arguments}"),
        })
    }
}

fn carry_out(plan: &Plan) -> anyhow::Result<()> {
    match plan {
        Plan::Component(component) => attempt(&format!("rustup component add {component}")),
        Plan::Package(apt, package) => {
            apt.run(&format!("install --yes --no-install-recommends {package}"))
        }
        Plan::ByHand => Ok(()),
    }
}

/// Runs an installer; whether it helped is what the probe says afterwards.
fn attempt(line: &str) -> anyhow::Result<()> {
    console::say(&format!("== setup: {line}"));
    command(line).status().with_context(|| format!("cannot run `{line}`"))?;
    Ok(())
}

fn succeeds(line: &str) -> bool {
    let quiet = command(line).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

fn user_id() -> Option<String> {
    let output = command("id -u").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().expect("no command line here is empty"));
    command.args(words).stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests;
