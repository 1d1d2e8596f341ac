//! What arguments are taken for.

use clap::Parser;

use super::*;
use crate::stamp::Mark;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    command: BenchCommand,
}

fn plan(line: &str) -> Result<Plan, String> {
    let words = ["bench"].into_iter().chain(line.split_whitespace());
    let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
    Plan::of(line.command, 4).map_err(|error| error.to_string())
}

#[test]
fn what_makes_no_sense_is_refused() {
    let check = |line: &str, part: &str| {
        let refused = plan(line).unwrap_err();
        assert!(refused.contains(part), "{line}: {refused}");
    };
    check("fanout --server custom", "--custom FILE");
    check("fanout --custom x.toml", "--custom FILE");
    check("fanout --server floor,floor", "twice");
    check("fanout --readers 3 --streams 4", "--streams");
    check("fanout --rate max --list 200 --window 100", "--window");
    check("fanout --rate 0", "a rate is");
    check("fanout --payload-bytes 10", "payload-bytes");
    check("idle --readers 0", "readers");
    check("publish --server nonesuch", "nonesuch");
}

#[test]
fn defaults_are_filled_in() {
    let check = |line: &str, connections: u32, kept: u64, back: u64| {
        let plan = plan(line).unwrap();
        let setup = plan.setup(Payloads::new(Mark::new(0), 100));
        assert_eq!(setup.connections, connections, "{line}");
        assert_eq!((setup.events_kept, setup.events_back), (kept, back), "{line}");
        assert_eq!(plan.threads(), 4);
    };
    check("fanout", 1000, 1000, 0);
    check("fanout --rate 200", 1000, 4000, 0);
    check("fanout --rate max", 1000, 4100, 0);
    check("fanout --readers 10000 --streams 1000 --rate 2000", 10_000, 1000, 0);
    check("replay --events 700", 1000, 1400, 700);
    check("publish", 64, 1000, 0);
    check("publish --list 500", 2, 1000, 0);
    check("publish --list 500 --connections 3", 3, 1000, 0);
    check("churn --at-once 10", 10, 1000, 0);
}
