//! Where a rehearsal writes: made and tried before anything is started, and given back where nothing
//! was.

use std::{fs, path::Path};

use ::evidence::Visible;

use crate::failure::Failure;

/// Makes the folder of a rehearsal, and looks whether the evidence can be written where it is wanted.
///
/// # Errors
/// Fails with what can't be written; then nothing is there that was not there before, but folders above.
pub(super) fn make(dir: &Path, evidence: &Path) -> Result<(), Failure> {
    let unmade = |place: &Path| {
        let text = format!("{} can't be written to; name another folder", Visible(place.display()));
        move |error| Failure::usage(text).because(error)
    };
    fs::create_dir_all(dir).map_err(unmade(dir))?;
    let around = match evidence.parent() {
        Some(around) if around != Path::new("") => around,
        _ => Path::new("."),
    };
    let tried = fs::create_dir_all(around).and_then(|()| tempfile::tempfile_in(around).map(drop));
    tried.map_err(|error| {
        leave(dir);
        unmade(evidence)(error)
    })
}

/// Removes the folder of a rehearsal whose run never began, so that the next try finds its place free;
/// why it did not begin was said. A folder that can't be removed is left.
pub(super) fn leave(dir: &Path) {
    if !dir.join("run").exists() {
        let _left = fs::remove_dir_all(dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_written_is_known_before_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").expect("it is written");
        assert!(make(&at("dir"), &at("file/evidence")).is_err());
        assert!(!at("dir").exists());
        make(&at("dir"), &at("dir/evidence")).expect("it can be");
        make(&at("other"), &at("new/evidence")).expect("it can be");
        assert_eq!(fs::read_dir(at("new")).expect("it is there").count(), 0);
    }

    #[test]
    fn only_a_run_that_began_keeps_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("dir");
        fs::create_dir_all(dir.join("stack")).expect("it is made");
        leave(&dir);
        assert!(!dir.exists());
        fs::create_dir_all(dir.join("run")).expect("it is made");
        leave(&dir);
        assert!(dir.exists());
    }
}
