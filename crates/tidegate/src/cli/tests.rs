//! What the arguments are taken for.

use clap::{CommandFactory, Parser};

use super::Cli;

#[test]
fn the_declaration_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_shows_an_example() {
    fn check(command: &clap::Command) {
        for command in command.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Example: tidegate "), "{}: {help:?}", command.get_name());
            check(command);
        }
    }
    check(&Cli::command());
}

#[test]
fn arguments_are_taken_or_refused() {
    let check = |line: &str, taken: bool| {
        let parsed = Cli::try_parse_from(line.split_whitespace());
        assert_eq!(parsed.is_ok(), taken, "{line}: {parsed:?}");
    };
    check("tidegate serve", true);
    check("tidegate ready --live --url http://a", true);
    check("tidegate ready --key k", false);
    check("tidegate record --url ws://a --out f --blocks 3", true);
    check("tidegate record --url ws://a --out f --for 30s --chain eth-mainnet --chain-id 1", true);
    check("tidegate record --url ws://a --out f --for 30", false);
    check("tidegate record --url ws://a --out f --for 3s --blocks 3", false);
    check("tidegate record --url ws://a --out f --chain A", false);
    check("tidegate record --url ws://a", false);
    check("tidegate bench ingest --transactions 0", false);
    check("tidegate bench ingest --program viz-api --repeat 1", true);
    check("tidegate bench snapshot --readers 5 --held 10 --held-few 2", true);
    check("tidegate bench recover --records 1000 --dir /tmp", true);
    check("tidegate runbook lint", false);
    check("tidegate runbook lint a b --mode production", true);
    check("tidegate runbook plan a --mode prod", false);
    check("tidegate runbook plan a b", false);
    check("tidegate serve --json", true);
    check("tidegate publish", false);
    check("tidegate publish a.b", true);
    check("tidegate publish a.b -", true);
    check("tidegate publish --lines", true);
    check("tidegate publish --lines a.b", false);
    check("tidegate publish --lines --idempotency-key k", false);
    check("tidegate tail --count 0", false);
    check("tidegate tail --after x --from-start", false);
    check("tidegate keys new", false);
    check("tidegate keys new acme --scopes admin", true);
    check("tidegate keys new --sign example.com/a --out a.key", true);
    check("tidegate keys new --sign example.com/a", false);
    check("tidegate keys new acme --out a.key", false);
    check("tidegate guard simulate", true);
    check("tidegate guard simulate --share 101%", false);
    check("tidegate evidence verify dir --keys file", true);
    check("tidegate evidence verify dir", true);
    check("tidegate evidence verify", false);
    check("tidegate audit --flaky 20% --slow 5 --url http://a --url http://b", true);
    check("tidegate audit --flaky 120%", false);
    check("tidegate audit --ws 0 --ws-publishers 100%", true);
    check("tidegate audit --ws", false);
    check("tidegate tail --ws --events a.*", true);
    check("tidegate audit --readers 0", false);
}
