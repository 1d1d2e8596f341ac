//! What the arguments are taken for.

use clap::{CommandFactory, Parser};

use super::{Cli, Command};
use crate::runner::Without;
use crate::steps::Selection;

fn selection(args: &[&str]) -> Selection {
    let line = ["xtask", "test"].iter().chain(args);
    match Cli::try_parse_from(line).expect("valid arguments").command {
        Command::Test(args) => args.selection(),
        other => panic!("`test` parsed as {other:?}"),
    }
}

#[test]
fn the_declaration_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_shows_an_example() {
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.starts_with("Example: cargo xtask "), "{}: {help:?}", command.get_name());
    }
}

#[test]
fn arguments_choose_steps() {
    assert_eq!(selection(&[]), Selection::All);
    assert_eq!(selection(&["--fast"]), Selection::Fast);
    let only = Selection::Only(vec!["tidy".into(), "deny".into()]);
    assert_eq!(selection(&["--only", "tidy", "--only", "deny"]), only);
}

#[test]
fn a_run_may_do_without_the_server() {
    let without = |args: &[&str]| match Cli::try_parse_from(args).expect("valid").command {
        Command::Test(args) => args.without_server(),
        other => panic!("`test` parsed as {other:?}"),
    };
    assert_eq!(without(&["xtask", "test"]), Without::Nothing);
    assert_eq!(without(&["xtask", "test", "--without", "surreal-server"]), Without::SurrealServer);
    assert!(Cli::try_parse_from(["xtask", "test", "--without", "redis"]).is_err());
}

#[test]
fn an_unknown_step_is_refused() {
    assert!(Cli::try_parse_from(["xtask", "test", "--only", "nonesuch"]).is_err());
}

#[test]
fn what_follows_chaos_is_passed_on() {
    let line = ["xtask", "chaos", "--seconds", "1800", "--strict"];
    match Cli::try_parse_from(line).expect("valid arguments").command {
        Command::Chaos(args) => assert_eq!(args.arguments, ["--seconds", "1800", "--strict"]),
        other => panic!("`chaos` parsed as {other:?}"),
    }
}
