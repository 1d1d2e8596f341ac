//! The arguments of `store`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::ConfigArgs;

/// What can be asked of the database.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Says which database the settings mean, its version, and which migrations were applied.
    ///
    /// Changes nothing. Ends with 1 where the migrations are not those of this program, and with 69
    /// where the database can't be reached, is not there yet, or belongs to a running server.
    #[command(after_help = "Example: tidegate store status\n\
        Example: tidegate store status --json --config tidegate.toml")]
    Status(StatusArgs),
    /// Checks the candidate of a release: database, Redis and replicas, as they run.
    ///
    /// Database and Redis are those of the settings. Every check runs, also after one that failed; what
    /// is written for them is removed again. Ends with 0 where all pass, with 1 where one fails, with 69
    /// where none fails and one could not be carried out.
    #[command(after_help = "Example: tidegate store gates --replica http://a:3000 --replica \
        http://b:3000\n\
        Example: tidegate store gates --production --engine tikv --checksum SHA256 --out gates \
        --sign-key release.key")]
    Gates(GatesArgs),
}

/// Arguments of `store gates`.
#[derive(Args, Debug)]
pub(crate) struct GatesArgs {
    /// A replica of the candidate, twice or more [setting: TIDEGATE_URL, with commas].
    #[arg(long = "replica", value_name = "URL")]
    pub(crate) replicas: Vec<String>,
    /// An API key with an author, or a JWT, that may publish and subscribe [setting: TIDEGATE_KEY;
    /// default: a key of these settings].
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// The same from a file, so that it is not seen among the processes.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(crate) key_file: Option<PathBuf>,
    /// Asks for what production needs: the storage engine is TiKV.
    #[arg(long)]
    pub(crate) production: bool,
    /// What you know the storage engine to be, since the server does not tell.
    #[arg(long, value_name = "NAME")]
    pub(crate) engine: Option<String>,
    /// The migration checksum of the release artefact [default: that of this program].
    #[arg(long, value_name = "SHA256", value_parser = sha256)]
    pub(crate) checksum: Option<String>,
    /// Where evidence goes; a folder that is not there yet.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The private key that signs it, as `tidegate keys new --sign` makes it.
    #[arg(long, value_name = "FILE", requires = "out")]
    pub(crate) sign_key: Option<PathBuf>,
    /// How long one check may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) deadline: Duration,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (2..=600).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "2 to 600 seconds".to_owned())
}

fn sha256(text: &str) -> Result<String, String> {
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let form = || "64 hexadecimal digits, as `tidegate store status` shows them".to_owned();
    is_digest.then(|| text.to_ascii_lowercase()).ok_or_else(form)
}

/// Arguments of `store status`.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
