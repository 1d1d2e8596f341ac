//! `tidegate evidence`: the verification of a folder as a command. How it is done is the crate
//! `evidence`.

mod show;

use std::{fs::File, io::Read, path::Path};

use ::evidence::{Keyring, Note, Request, Visible, folder, verify};
use serde_json::json;
use tokio::task::spawn_blocking;

use self::show::Detail;
use crate::{
    cli::{EvidenceCommand, Style, VerifyArgs},
    console,
    exit::Exit,
    failure::Failure,
};

/// The longest file of keys or earlier checkpoint that is read, in bytes.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// Carries the command out.
///
/// # Errors
/// Fails where the folder, the keys or the earlier checkpoint can't be read.
pub(crate) async fn run(command: EvidenceCommand, style: Style) -> Result<Exit, Failure> {
    let EvidenceCommand::Verify(args) = command;
    let verified = spawn_blocking(move || verify_folder(&args, style)).await;
    verified.map_err(|error| Failure::failed("the verification broke off").because(error))?
}

fn verify_folder(args: &VerifyArgs, style: Style) -> Result<Exit, Failure> {
    let keyring = args.keys.as_deref().map(read::<Keyring>).transpose()?;
    let seen = args.seen.as_deref().map(read::<Note>).transpose()?;
    let unreadable = |error| Failure::usage("the evidence can't be read").because(error);
    let contents = folder::read(&args.dir).map_err(unreadable)?;
    let request = Request {
        contents: &contents,
        keyring: keyring.as_ref(),
        seen: seen.as_ref(),
        may_be_open: args.open,
    };
    let report = verify(&request);
    match style {
        Style::Human => {
            let detail = if args.all { Detail::All } else { Detail::Signed };
            console::conclude(&show::text(&report, detail));
        }
        Style::Json => {
            console::document(&json!({"sound": report.verdict(), "report": report}))?;
        }
    }
    Ok(if report.is_sound() { Exit::Done } else { Exit::Failed })
}

/// Reads a file that is a text of some form.
fn read<T>(file: &Path) -> Result<T, Failure>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let shown = Visible(file.display());
    let mut text = String::new();
    let opened =
        File::open(file).and_then(|file| file.take(TEXT_BYTES_MAX + 1).read_to_string(&mut text));
    opened.map_err(|error| Failure::usage(format!("{shown} can't be read")).because(error))?;
    if text.len() as u64 > TEXT_BYTES_MAX {
        return Err(Failure::usage(format!("{shown} is longer than {TEXT_BYTES_MAX} bytes")));
    }
    text.parse().map_err(|error| Failure::usage(format!("{shown} makes no sense")).because(error))
}
