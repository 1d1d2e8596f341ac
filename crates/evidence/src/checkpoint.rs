//! C2SP checkpoints: the text of a signed note that says how long a log is and what its root is.

use std::{fmt, str::FromStr};

use data_encoding::BASE64;

use crate::Hash;

/// The further line that a log signs which has no end, as that of a server.
pub const GOES_ON: &str = "tidegate: this log goes on";

/// The state of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: one line that is not empty.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Further lines, of which [`GOES_ON`] alone means something here.
    pub extensions: Vec<String>,
}

/// The text is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a checkpoint is three lines or more: a name, a size and a root in base64")]
pub struct CheckpointError;

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError);
        let (origin, size, root) = (line()?, line()?, line()?);
        let number: u64 = size.parse().map_err(|_| CheckpointError)?;
        let root = BASE64.decode(root.as_bytes()).map_err(|_| CheckpointError)?;
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            size: number,
            root: Hash(root.try_into().map_err(|_| CheckpointError)?),
            extensions: lines.map(ToOwned::to_owned).collect(),
        };
        let is_full = checkpoint.extensions.iter().all(|line| !line.is_empty());
        // A plus sign or a leading zero would parse as the same number.
        if is_full && number.to_string() == size { Ok(checkpoint) } else { Err(CheckpointError) }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, BASE64.encode(&self.root.0))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
