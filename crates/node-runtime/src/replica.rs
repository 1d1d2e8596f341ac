//! What this process is called among the replicas: drawn once and kept in its state folder, so that
//! it is the same replica after a restart.

use std::{fs, io, path::Path};

use data_encoding::HEXLOWER;

const NAME_BYTES: usize = 6;

/// Returns the folder's name among the replicas, a new one where it has none.
///
/// # Errors
/// Fails where the file can't be read or written.
pub fn read_or_make(state_dir: &Path) -> io::Result<String> {
    let file = state_dir.join("replica");
    match fs::read_to_string(&file) {
        Ok(text) if is_name(text.trim()) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let name = HEXLOWER.encode(&rand::random::<[u8; NAME_BYTES]>());
    fs::write(file, format!("{name}\n"))?;
    Ok(name)
}

pub(crate) fn is_name(text: &str) -> bool {
    // Others' names come from Redis, and are shown.
    text.len() == 2 * NAME_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::read_or_make;

    #[test]
    fn a_folder_keeps_its_name_and_gets_another_for_nonsense() {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let made = read_or_make(folder.path()).expect("it can be written");
        assert_eq!(read_or_make(folder.path()).expect("it is there"), made);
        std::fs::write(folder.path().join("replica"), "../../x").expect("it can be written");
        let other = read_or_make(folder.path()).expect("it can be written");
        assert!(other != made && other.len() == 12, "{other}");
        std::fs::write(folder.path().join("replica"), b"\xff").expect("it can be written");
        assert!(read_or_make(folder.path()).is_err(), "what can't be read is not replaced");
    }
}
