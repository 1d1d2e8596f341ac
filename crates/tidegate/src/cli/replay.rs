//! The arguments of `replay`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// A recorded feed [default: the one that the program brings].
    pub(crate) feed: Option<PathBuf>,
    /// Which contracts of chains are what, in TOML, beside those that the program knows.
    #[arg(long, value_name = "FILE")]
    pub(crate) registry: Option<PathBuf>,
    /// The state that a node was asked for when it was kept, to search and simulate on. What is not in
    /// it is not known.
    #[arg(long, value_name = "FILE", conflicts_with = "node")]
    pub(crate) state: Option<PathBuf>,
    /// A node that has the feed's blocks and their state, to search and simulate on.
    #[arg(long, value_name = "URL", conflicts_with = "check")]
    pub(crate) node: Option<String>,
    /// Keeps what the node answers in a new file, for `--state`; with `gzip` where it ends in `.gz`.
    #[arg(long, value_name = "FILE", requires = "node")]
    pub(crate) keep_state: Option<PathBuf>,
    /// Runs it twice and compares every byte, instead of printing events.
    #[arg(long)]
    pub(crate) check: bool,
    /// The digest that another run or another machine told; another one is a failure.
    #[arg(long, value_name = "SHA256", requires = "check", value_parser = digest)]
    pub(crate) digest: Option<String>,
}

fn digest(text: &str) -> Result<String, String> {
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| text.to_lowercase()).ok_or_else(|| "64 hexadecimal digits".to_owned())
}
