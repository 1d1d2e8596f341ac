//! What an evidence folder holds, as data.

use std::collections::BTreeMap;

use crate::Hash;

/// The log: a line of JSON for each entry.
pub const ENTRIES_FILE: &str = "entries.jsonl";

/// The signed checkpoint over the whole log.
pub const CHECKPOINT_FILE: &str = "checkpoint";

/// The folder of outputs, each in a file named by its SHA-256.
pub const OUTPUTS_FOLDER: &str = "outputs";

/// What the names of files end in that stand beside the log under their own names.
pub const RECORD_SUFFIX: &str = ".json";

/// The contents of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The log, where there is one.
    pub entries: Option<Vec<u8>>,
    /// The checkpoint, where there is one.
    pub checkpoint: Option<Vec<u8>>,
    /// Outputs by file name.
    pub outputs: BTreeMap<String, OutputFile>,
    /// Files beside the log whose names end in [`RECORD_SUFFIX`], by their names.
    pub records: BTreeMap<String, OutputFile>,
    /// Everything else that is there: other files and folders, links, sockets.
    pub strange: Vec<String>,
}

/// What is known of an output's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// How long it is.
    pub bytes: u64,
    /// The digest of what is in it.
    pub sha256: Hash,
}
