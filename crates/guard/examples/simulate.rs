//! Prints the study of `docs/guards.md` and draws its picture: what `tidegate guard simulate --svg FILE`
//! does, without the rest of the program.
//!
//! `cargo run -p guard --example simulate -- [RUNS] [FILE]`

use std::{env, error::Error, fs};

use guard::{
    Alpha,
    simulate::{Plan, Traffic},
};

#[expect(clippy::print_stdout, reason = "the table is what is asked for")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let runs = args.next().map_or(Ok(1000), |runs| runs.parse())?;
    let traffic = Traffic {
        requests_per_second: 20.0,
        error_ratio: 0.005,
        share: 0.1,
        seconds: 1800,
        clients: 1000,
    };
    let alpha = Alpha::ONE_PERCENT;
    let plan = Plan { traffic, alpha, look_s: 1, again_after_s: 600, runs, seed: 1 };
    let study = plan.study(&mut |_, _| {})?;
    println!("{study}");
    if let Some(file) = args.next() {
        fs::write(file, study.svg())?;
    }
    Ok(())
}
