//! Arguments of `cutover`.

use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use node_runtime::{SOAK_MAX, SOAK_MIN};

use super::ClientArgs;

/// Arguments of `cutover`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").args(["status", "undo", "finalise"]))]
pub(crate) struct CutoverArgs {
    /// The backend that is to own every stream.
    #[arg(long, value_name = "BACKEND", required_unless_present = "what")]
    pub(crate) to: Option<BackendArg>,
    /// Says how far the switch is, and changes nothing.
    #[arg(long)]
    pub(crate) status: bool,
    /// Makes everything as it was before the switch, in whatever state it is.
    #[arg(long)]
    pub(crate) undo: bool,
    /// Finalises it by itself once it was good for so long, as 90s, 10m, 2h or 1d: between 1s and 7d.
    /// The time begins anew whenever the server is not healthy, and goes with the switch and with a
    /// restart.
    #[arg(long, value_name = "TIME", requires = "to", conflicts_with = "what", value_parser = soak)]
    pub(crate) soak: Option<Duration>,
    /// Ends a switch whose streams have all changed hands; going back is another switch then.
    #[arg(long)]
    pub(crate) finalise: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Reads how long a switch has to be good: a whole number of `s`, `m`, `h` or `d`.
fn soak(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let read = |(unit, seconds): (&str, u64)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds).map(Duration::from_secs)
    };
    let soak = units.into_iter().find_map(read);
    soak.filter(|soak| (SOAK_MIN..=SOAK_MAX).contains(soak))
        .ok_or_else(|| "a time between 1s and 7d, as 90s, 10m, 2h or 1d".to_owned())
}

/// A backend as it is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendArg {
    /// The server's own memory.
    Memory,
    /// Redis.
    Redis,
}

impl BackendArg {
    /// Returns the word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            BackendArg::Memory => "memory",
            BackendArg::Redis => "redis",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::soak;

    #[test]
    fn a_soak_has_a_unit_and_an_end() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("2h", 7_200), ("7d", 604_800)] {
            assert_eq!(soak(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "10", "0s", "8d", "-1m", "1.5h", "m", "18446744073709551615d", "10 m"] {
            assert!(soak(text).is_err(), "{text}");
        }
    }
}
