//! The key of a server that was given none: made once, kept in its state folder, so that clients
//! in the same folder find it and a restart does not lock them out.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use data_encoding::BASE64URL_NOPAD;

const KEY_BYTES: usize = 24;

fn file(state_dir: &Path) -> PathBuf {
    state_dir.join("local-key")
}

/// Returns the folder's key, where there is one.
pub fn read(state_dir: &Path) -> Option<String> {
    try_read(state_dir).ok()?
}

/// Returns `None` where no file is there or what it holds is no key.
fn try_read(state_dir: &Path) -> io::Result<Option<String>> {
    let bytes = match fs::read(file(state_dir)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_key = |key: &&str| key.len() >= KEY_BYTES && key.bytes().all(|b| b.is_ascii_graphic());
    Ok(std::str::from_utf8(&bytes).ok().map(str::trim).filter(is_key).map(str::to_owned))
}

/// Returns the folder's key, a new one where there is none.
///
/// # Errors
/// Fails where it can't be written, or is there and can't be read: clients may have it.
pub fn read_or_make(state_dir: &Path) -> io::Result<String> {
    if let Some(key) = try_read(state_dir)? {
        return Ok(key);
    }
    let key = BASE64URL_NOPAD.encode(&rand::random::<[u8; KEY_BYTES]>());
    let file = file(state_dir);
    // A file that is there keeps the permissions that it has, which others may read by.
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let options = OpenOptions::new().create_new(true).write(true).mode(0o600).clone();
    options.open(file)?.write_all(format!("{key}\n").as_bytes())?;
    Ok(key)
}
