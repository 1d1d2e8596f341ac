//! One step of the test run: a name and what it does.

use std::process::Command;
use std::time::Duration;

use crate::process::{self, End};
use crate::surreal::Server;
use crate::test_count::TestCount;
use crate::{anvil, console, just, uniswap, workspace};

/// The longest that one step may take; a hang must not eat the whole budget of CI.
pub(crate) const STEP_TIME_MAX: Duration = Duration::from_secs(45 * 60);

/// What `cargo test` reads how many tests run at once from.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// How many run at once for each core: most of them wait for servers of their own.
const TEST_THREADS_PER_CORE: usize = 2;

/// How many failed tests are run again alone; more are no accident.
const AGAIN_MAX: usize = 3;

/// A step of the test run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    /// Whether `--fast` leaves it out.
    pub(crate) pace: Pace,
    action: Action,
}

/// How much time a step is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Runs always.
    Quick,
    /// Needs a release build, or minutes.
    Long,
    /// Runs only where it is named.
    ByHand,
}

impl Pace {
    /// Returns the word for a list of steps.
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Long => "long",
            Self::ByHand => "by hand",
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Cargo {
        line: &'static str,
        env: Option<(&'static str, &'static str)>,
        expect: Expect,
        needs_server: bool,
    },
    Inside(fn() -> anyhow::Result<Outcome>),
    /// One that starts a SurrealDB server, or leaves out what needs it.
    InsideWithServer(fn(&Server) -> anyhow::Result<Outcome>),
}

/// What a cargo command must show, next to exit code 0.
#[derive(Clone, Copy, Debug)]
enum Expect {
    Success,
    SomeTests,
    OneTest,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well; the text says what was seen, or nothing.
    Passed(String),
    /// Well as far as it was looked at; the text says what was left out.
    LeftOut(String),
    /// Some tests failed, and passed alone; a line for the table, and what they said.
    Unsteady(String),
    /// Not well, and why: a line for the table, and what stands below it.
    Failed(String),
}

impl Step {
    /// Describes a cargo command that must exit with 0.
    pub(crate) const fn cargo(name: &'static str, line: &'static str) -> Self {
        Self::expecting(name, line, Expect::Success)
    }

    /// Describes a cargo command that must exit with 0 and run at least one test.
    pub(crate) const fn tests(name: &'static str, line: &'static str) -> Self {
        Self::expecting(name, line, Expect::SomeTests)
    }

    /// Describes a cargo command that must exit with 0 and run exactly one test.
    ///
    /// With a filter that matches nothing, cargo runs 0 tests and exits with 0: a test that a
    /// document names could be renamed and nobody would see it.
    pub(crate) const fn one_test(name: &'static str, line: &'static str) -> Self {
        Self::expecting(name, line, Expect::OneTest)
    }

    /// Describes a check that runs inside this program.
    pub(crate) const fn inside(name: &'static str, check: fn() -> anyhow::Result<Outcome>) -> Self {
        Self { name, pace: Pace::Quick, action: Action::Inside(check) }
    }

    /// Describes a check that runs inside this program and may start a SurrealDB server.
    pub(crate) const fn inside_with_server(
        name: &'static str,
        check: fn(&Server) -> anyhow::Result<Outcome>,
    ) -> Self {
        Self { name, pace: Pace::Quick, action: Action::InsideWithServer(check) }
    }

    /// Marks the step as one that `--fast` leaves out.
    pub(crate) const fn long(self) -> Self {
        Self { pace: Pace::Long, ..self }
    }

    /// Marks the step as one that runs only where `--only` names it.
    pub(crate) const fn by_hand(self) -> Self {
        Self { pace: Pace::ByHand, ..self }
    }

    /// Sets a variable in the environment of a cargo command.
    pub(crate) const fn with_env(self, key: &'static str, value: &'static str) -> Self {
        let action = match self.action {
            Action::Cargo { line, expect, needs_server, .. } => {
                Action::Cargo { line, env: Some((key, value)), expect, needs_server }
            }
            inside @ (Action::Inside(_) | Action::InsideWithServer(_)) => inside,
        };
        Self { action, ..self }
    }

    /// Says that some of the tests of a cargo command start a SurrealDB server.
    pub(crate) const fn with_server(self) -> Self {
        let action = match self.action {
            Action::Cargo { line, env, expect, .. } => {
                Action::Cargo { line, env, expect, needs_server: true }
            }
            inside @ (Action::Inside(_) | Action::InsideWithServer(_)) => inside,
        };
        Self { action, ..self }
    }

    /// Returns whether some of its tests start a SurrealDB server.
    pub(crate) fn needs_server(&self) -> bool {
        matches!(
            self.action,
            Action::Cargo { needs_server: true, .. } | Action::InsideWithServer(_)
        )
    }

    const fn expecting(name: &'static str, line: &'static str, expect: Expect) -> Self {
        Self {
            name,
            pace: Pace::Quick,
            action: Action::Cargo { line, env: None, expect, needs_server: false },
        }
    }

    /// Returns what the step runs, for a person to read or to repeat.
    pub(crate) fn shown(&self) -> String {
        match self.action {
            Action::Cargo { line, env: Some((key, value)), .. } => {
                format!("{key}='{value}' cargo {line}")
            }
            Action::Cargo { line, env: None, .. } => format!("cargo {line}"),
            Action::Inside(_) => format!("cargo xtask {}", self.name),
            // It has no command of its own.
            Action::InsideWithServer(_) => format!("cargo xtask test --only {}", self.name),
        }
    }

    /// Runs the step; what goes wrong in running it is a failure of the step.
    pub(crate) fn run(&self, server: &Server) -> Outcome {
        let ran = match self.action {
            Action::Cargo { line, env, expect, needs_server } => {
                run_cargo(line, env, expect, needs_server.then_some(server))
            }
            Action::Inside(check) => check(),
            Action::InsideWithServer(check) => check(server),
        };
        ran.unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")))
    }
}

fn run_cargo(
    line: &str,
    env: Option<(&str, &str)>,
    expect: Expect,
    server: Option<&Server>,
) -> anyhow::Result<Outcome> {
    let mut command = cargo(line, env, server)?;
    Ok(match process::run(&mut command, STEP_TIME_MAX)? {
        End::Exited { success: true, tests, .. } => match (expect.judge(tests), server) {
            (Outcome::Passed(_), Some(server)) => server.account(line, tests)?,
            (outcome, _) => outcome,
        },
        End::Exited { success: false, tests, failures } => {
            let names = failures.names();
            let is_few = (1..=AGAIN_MAX).contains(&names.len()) && names.len() == tests.failed;
            let is_well = is_few
                && matches!(expect, Expect::SomeTests)
                && passes_again(line, env, server, &names)?;
            let told = format!("{}\n{}", tests.shown(), failures.shown());
            if is_well { Outcome::Unsteady(told) } else { Outcome::Failed(told) }
        }
        End::TimedOut { still_held } => Outcome::Failed(timed_out(still_held)),
    })
}

fn cargo(
    line: &str,
    env: Option<(&str, &str)>,
    server: Option<&Server>,
) -> anyhow::Result<Command> {
    let mut command = Command::new("cargo");
    command.args(line.split_whitespace()).envs(env).current_dir(workspace::root());
    if std::env::var_os(TEST_THREADS).is_none() {
        command.env(TEST_THREADS, test_threads().to_string());
    }
    if let Some(server) = server {
        server.tell(&mut command);
        // Some of these tests start a chain's node.
        anvil::tell(&mut command)?;
        uniswap::tell(&mut command)?;
        if let Server::At(_) = server {
            // Some of these tests call a recipe.
            just::tell(&mut command)?;
        }
    }
    Ok(command)
}

/// Returns whether tests that failed among others pass alone. They are told of as unsteady then: such
/// a test, or what it tests, has a fault that shows under load, and the summary says what it was.
fn passes_again(
    line: &str,
    env: Option<(&str, &str)>,
    server: Option<&Server>,
    names: &[&str],
) -> anyhow::Result<bool> {
    console::say(&format!("\n== once more, alone: {}", names.join(", ")));
    let mut command = cargo(line, env, server)?;
    if !command.get_args().any(|word| word == "--") {
        command.arg("--");
    }
    command.arg("--exact").args(names).env(TEST_THREADS, "1");
    let end = process::run(&mut command, STEP_TIME_MAX)?;
    Ok(matches!(end, End::Exited { success: true, tests, .. } if tests.ran() >= names.len()))
}

/// Returns how many tests of a program run at once.
fn test_threads() -> usize {
    std::thread::available_parallelism()
        .map_or(TEST_THREADS_PER_CORE, |cores| cores.get().saturating_mul(TEST_THREADS_PER_CORE))
}

fn timed_out(still_held: bool) -> String {
    let rest = if still_held { "; something that it started still runs" } else { "" };
    format!("stopped after {} min{rest}", STEP_TIME_MAX.as_secs() / 60)
}

impl Expect {
    fn judge(self, tests: TestCount) -> Outcome {
        match self {
            Self::OneTest if tests.ran() != 1 => {
                Outcome::Failed(format!("must run exactly 1 test, ran {}", tests.ran()))
            }
            Self::SomeTests if tests.ran() == 0 => Outcome::Failed("ran no test".into()),
            Self::Success | Self::SomeTests | Self::OneTest => Outcome::Passed(tests.shown()),
        }
    }
}

#[cfg(test)]
mod tests;
