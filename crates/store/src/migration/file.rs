//! The files, in their order, and the checksum over all of them.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// One numbered file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationFile {
    /// Its place, from 1 without a hole.
    pub number: u32,
    /// The name of the file.
    pub name: &'static str,
    /// What it says.
    pub text: &'static str,
}

const FILES: &[MigrationFile] = &[
    MigrationFile {
        number: 1,
        name: "0001_threads.surql",
        text: include_str!("../../migrations/0001_threads.surql"),
    },
    MigrationFile {
        number: 2,
        name: "0002_messages.surql",
        text: include_str!("../../migrations/0002_messages.surql"),
    },
    MigrationFile {
        number: 3,
        name: "0003_members.surql",
        text: include_str!("../../migrations/0003_members.surql"),
    },
    MigrationFile {
        number: 4,
        name: "0004_owners.surql",
        text: include_str!("../../migrations/0004_owners.surql"),
    },
    MigrationFile {
        number: 5,
        name: "0005_owner_logs.surql",
        text: include_str!("../../migrations/0005_owner_logs.surql"),
    },
    MigrationFile {
        number: 6,
        name: "0006_chain_records.surql",
        text: include_str!("../../migrations/0006_chain_records.surql"),
    },
];

impl MigrationFile {
    /// Returns the SHA-256 of its name, its length and its content.
    pub fn sha256(&self) -> String {
        HEXLOWER.encode(&digest_of(&[*self]))
    }
}

/// Returns the files in their order.
pub fn files() -> &'static [MigrationFile] {
    FILES
}

/// Returns the migration checksum: the SHA-256 over each file's name, a line feed, its length in
/// bytes, a line feed, and its content.
pub fn checksum() -> String {
    HEXLOWER.encode(&digest_of(FILES))
}

fn digest_of(files: &[MigrationFile]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for file in files {
        hasher.update(format!("{}\n{}\n", file.name, file.text.len()));
        hasher.update(file.text);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests;
