//! The program as a shell sees it: exit codes, help, and a plan that follows from its seed.

use std::process::{Command, Output};

fn chaos(line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    command.args(line.split_whitespace()).output().expect("the program was built with the test")
}

fn code(line: &str) -> Option<i32> {
    chaos(line).status.code()
}

#[test]
fn exit_codes_are_those_of_every_command() {
    let server = env!("CARGO_BIN_EXE_chaos");
    for (line, expected) in [
        ("--help", 0),
        ("", 64),
        ("--server", 64),
        ("--server nowhere --strict --loose", 64),
        ("--server nowhere --only redis.burn", 64),
        ("--server nowhere --replay nowhere", 64),
        ("--server nowhere --seed 1", 69),
    ] {
        assert_eq!(code(line), Some(expected), "{line}");
    }
    // A program that is no server: it ends at once.
    assert_eq!(code(&format!("--server {server} --seed 1 --seconds 10")), Some(69));
}

#[test]
fn help_has_an_example() {
    let help = String::from_utf8(chaos("--help").stdout).expect("it is text");
    assert!(help.contains("Example: chaos --server") && help.contains("--replay"), "{help}");
}

#[test]
fn a_plan_is_printed_the_same_each_time() {
    let plan = || chaos("--server x --seed 9 --seconds 60 --print-plan").stdout;
    let printed = plan();
    assert!(printed.starts_with(b"{") && printed == plan());
}
