//! Where a feed is written to: a file, with `gzip` where its name ends so.

use std::{
    fs::{File, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempPath;

use super::{FeedHeader, FeedWriter};

/// A file that is written; [`FeedOutput::close`] puts it on disk.
#[derive(Debug)]
pub struct FeedOutput(Kind);

#[derive(Debug)]
enum Kind {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl FeedWriter<FeedOutput> {
    /// Begins a file under this path; one that is there is written over. It has `gzip` around it
    /// where the name ends in `.gz`.
    ///
    /// # Errors
    ///
    /// The file could not be made or written.
    pub fn create(path: &Path, header: &FeedHeader) -> io::Result<Self> {
        FeedWriter::new(FeedOutput::of(File::create(path)?, path), header)
    }
}

impl FeedOutput {
    /// Returns what is written to a file, by the name that it has or will have.
    fn of(file: File, name: &Path) -> Self {
        let file = BufWriter::new(file);
        if name.extension().is_some_and(|extension| extension == "gz") {
            FeedOutput(Kind::Gzip(Box::new(GzEncoder::new(file, Compression::best()))))
        } else {
            FeedOutput(Kind::Plain(file))
        }
    }

    /// Ends the file and waits until it is on disk.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub fn close(self) -> io::Result<()> {
        let file = match self.0 {
            Kind::Plain(file) => file,
            Kind::Gzip(encoder) => encoder.finish()?,
        };
        file.into_inner()?.sync_all()
    }
}

impl Write for FeedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(file) => file.write(bytes),
            Kind::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Plain(file) => file.flush(),
            Kind::Gzip(encoder) => encoder.flush(),
        }
    }
}

/// A feed's file that is not there before it is whole. One that is not kept leaves nothing behind.
#[derive(Debug)]
pub struct NewFeedFile {
    output: FeedOutput,
    part: TempPath,
    path: PathBuf,
}

impl NewFeedFile {
    /// Begins a file that is to be under this path, of a feed or of what belongs to one; it has `gzip`
    /// around it where the name ends in `.gz`.
    ///
    /// # Errors
    ///
    /// There is such a file already (`AlreadyExists`), or none can be made beside it.
    pub fn create(path: &Path) -> io::Result<Self> {
        if path.try_exists()? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let folder = folder_of(path);
        let part = tempfile::Builder::new()
            .prefix(".tidegate-feed-")
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder)?;
        let (file, part) = part.into_parts();
        Ok(NewFeedFile { output: FeedOutput::of(file, path), part, path: path.to_owned() })
    }

    /// Ends the file, waits until it is on disk, and gives it its name.
    ///
    /// # Errors
    ///
    /// It could not be written, or there is such a file by now (`AlreadyExists`), which stays as it
    /// is.
    pub fn keep(self) -> io::Result<()> {
        self.output.close()?;
        self.part.persist_noclobber(&self.path).map_err(|refused| refused.error)?;
        File::open(folder_of(&self.path))?.sync_all()
    }
}

impl Write for NewFeedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{FeedReader, Synthetic};

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it is"));
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    fn write(file: NewFeedFile) -> NewFeedFile {
        let feed = Synthetic {
            chain_key: "made-up".parse().expect("a key"),
            chain_id: 7,
            transactions: 3,
            transactions_per_block: 2,
            calldata_bytes: 4,
            seed: 1,
        };
        let mut writer = FeedWriter::new(file, &feed.header()).expect("there is room");
        feed.lines().for_each(|line| writer.write(&line).expect("there is room"));
        writer.finish().expect("there is room")
    }

    #[test]
    fn a_file_has_its_name_once_it_is_whole() {
        for name in ["feed.jsonl", "feed.jsonl.gz"] {
            let folder = tempfile::tempdir().expect("it is made");
            let path = folder.path().join(name);
            let file = write(NewFeedFile::create(&path).expect("nothing is there"));
            assert!(!path.exists());
            file.keep().expect("nothing is there");
            let lines = FeedReader::open(&path).expect("it is a feed").map(Result::unwrap);
            assert_eq!(lines.count(), 3 + 3);
            assert_eq!(names(folder.path()), [name]);
        }
    }

    #[test]
    fn a_file_that_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("it is made");
        let path = folder.path().join("feed.jsonl");
        let file = write(NewFeedFile::create(&path).expect("nothing is there"));
        fs::write(&path, "mine").expect("there is room");
        let refused = [NewFeedFile::create(&path).map(drop), file.keep()];
        for error in refused.map(Result::unwrap_err) {
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "mine");
        assert_eq!(names(folder.path()), ["feed.jsonl"]);
    }

    #[test]
    fn one_that_is_not_kept_leaves_nothing() {
        let folder = tempfile::tempdir().expect("it is made");
        drop(write(NewFeedFile::create(&folder.path().join("feed")).expect("nothing is there")));
        assert!(names(folder.path()).is_empty());
        let nowhere = NewFeedFile::create(&folder.path().join("none/feed"));
        assert_eq!(nowhere.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
