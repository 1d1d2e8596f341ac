//! The arguments of `record`.

use std::{path::PathBuf, time::Duration};

use chain::ChainKey;
use clap::Args;

/// Arguments of `record`.
#[derive(Args, Debug)]
pub(crate) struct RecordArgs {
    /// The node: `ws://` or `wss://`, where blocks are asked for over HTTP at the same place, or
    /// `http://` or `https://`, which is polled. Its path is never shown.
    #[arg(long)]
    pub(crate) url: String,
    /// Where the node is asked over HTTP, where that is not the place of its WebSocket.
    #[arg(long, value_name = "URL")]
    pub(crate) http_url: Option<String>,
    /// The file, with `gzip` around it where its name ends in `.gz`; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// What the chain is called.
    #[arg(long, value_name = "KEY", default_value = "demo")]
    pub(crate) chain: ChainKey,
    /// The chain's id by EIP-155; a node of another one is refused [default: whatever it says].
    #[arg(long, value_name = "ID")]
    pub(crate) chain_id: Option<u64>,
    /// Ends after so many blocks.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) blocks: Option<u64>,
    /// Ends after this time, such as `30s`, `10m` or `2h`.
    #[arg(long = "for", value_name = "TIME", value_parser = time, conflicts_with = "blocks")]
    pub(crate) time: Option<Duration>,
}

fn time(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600)];
    let of = |(unit, seconds): (char, u64)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs)
    };
    units.into_iter().find_map(of).ok_or_else(|| "a time such as 30s, 10m or 2h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("2h", 7200)] {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "30", "s", "0s", "-1s", "1d", "99999999999999999999s"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
