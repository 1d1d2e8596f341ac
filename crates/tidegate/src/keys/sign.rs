//! `tidegate keys new --sign`: a pair of keys for evidence. The private one goes into a file that
//! nobody else may read, the public one is a line for the file of trusted keys.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use evidence::{KeyName, Role, Signer, Visible};
use serde_json::json;

use crate::{cli::Style, console, exit::Exit, failure::Failure};

/// Makes the pair.
///
/// # Errors
/// Fails on a name or a role that can't be one, and where the file is there or can't be written.
pub(super) fn run(name: &str, role: &str, out: &Path, style: Style) -> Result<Exit, Failure> {
    let name: KeyName =
        name.parse().map_err(|error| Failure::usage("--sign is no key's name").because(error))?;
    let role: Role =
        role.parse().map_err(|error| Failure::usage("--role is no role").because(error))?;
    let signer = Signer::generate(name)
        .map_err(|error| Failure::failed("no key can be made").because(error))?;
    write(out, &signer.to_private_text())?;
    let line = format!("{role} {}", signer.verifier());
    match style {
        Style::Human => {
            console::conclude(&line);
            console::note(&advice(out));
        }
        Style::Json => {
            let public = signer.verifier().to_string();
            let file = out.display().to_string();
            console::document(&json!({
                "line": line, "role": role.as_str(), "public": public, "file": file,
            }))?;
        }
    }
    Ok(Exit::Done)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(file);
    let written = opened.and_then(|mut opened| {
        writeln!(opened, "{text}")?;
        opened.sync_all()
    });
    let shown = Visible(file.display());
    written.map_err(|error| Failure::usage(format!("{shown} can't be written")).because(error))
}

fn advice(out: &Path) -> String {
    format!(
        "\nprivate: {} (only its owner may read it; keep it where its owner alone can)\n\
         public: add the line above to the file for `tidegate evidence verify --keys`",
        Visible(out.display())
    )
}
