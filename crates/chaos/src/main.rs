//! `chaos`: breaks a server's surroundings for a set time, and says what its readers saw of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    chaos::main()
}
