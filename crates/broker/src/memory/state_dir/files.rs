//! Files that only this user may read, written whole or not at all.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use event::StreamName;

/// What follows the stream's name in a window's file name.
pub(crate) const WINDOW_SUFFIX: &str = ".window";
const TEMPORARY_SUFFIX: &str = ".tmp";

pub(crate) fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

/// Replaces a file so that, after a crash too, it has the old bytes or the new ones.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY_SUFFIX);
    let temporary = PathBuf::from(temporary);
    let written = write_synced(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // The old file still stands; a full disk gets its space back.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let options = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).clone();
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// Makes renames in the folder last.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Returns the name of a stream's file: its own, with `=` for the colon.
pub(crate) fn window_file_name(stream: &StreamName) -> String {
    format!("{}{WINDOW_SUFFIX}", stream.to_string().replacen(':', "=", 1))
}

/// Returns the stream whose file has this name, `None` where the name is not of that form.
pub(crate) fn stream_of(file_name: &str) -> Option<StreamName> {
    file_name.strip_suffix(WINDOW_SUFFIX)?.replacen('=', ":", 1).parse().ok()
}

pub(crate) fn is_temporary(file_name: &str) -> bool {
    file_name.ends_with(TEMPORARY_SUFFIX)
}
