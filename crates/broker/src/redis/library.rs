//! The server-side functions: one text, loaded as a library or as a script.
//!
//! The library's name and those of its functions hold a version and a digest of the text, so that
//! replicas of two builds each call their own.

use std::{fmt::Write, sync::LazyLock};

use redis::Cmd;
use sha1::Sha1;
use sha2::{Digest, Sha256};

const BODY: &str = concat!(
    include_str!("log.lua"),
    "\n",
    include_str!("merge.lua"),
    "\n",
    include_str!("heal.lua"),
    "\n",
    include_str!("switch.lua"),
    "\n",
    include_str!("raise.lua")
);

/// A function of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Begin,
    Fork,
    State,
    Check,
    Append,
    Page,
    Find,
    Ledger,
    Fold,
    Note,
    Keep,
    Merge,
    Branches,
    Restore,
    Offer,
    Settle,
    Announce,
    Healed,
    Keys,
    Stage,
    Digest,
    Place,
    Unstage,
    Lease,
    Used,
    Ages,
    Raise,
}

const FUNCTIONS: [Function; 27] = [
    Function::Begin,
    Function::Fork,
    Function::State,
    Function::Check,
    Function::Append,
    Function::Page,
    Function::Find,
    Function::Ledger,
    Function::Fold,
    Function::Note,
    Function::Keep,
    Function::Merge,
    Function::Branches,
    Function::Restore,
    Function::Offer,
    Function::Settle,
    Function::Announce,
    Function::Healed,
    Function::Keys,
    Function::Stage,
    Function::Digest,
    Function::Place,
    Function::Unstage,
    Function::Lease,
    Function::Used,
    Function::Ages,
    Function::Raise,
];

/// How the server runs our text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `FCALL`, from Redis 7.
    Functions,
    /// `EVALSHA`, before.
    Scripts,
}

static NAME: LazyLock<String> = LazyLock::new(|| {
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(BODY)[..4]);
    format!("tidegate_1_{digest}")
});

static LIBRARY: LazyLock<String> = LazyLock::new(|| {
    let mut text = format!("#!lua name={}\n{BODY}\n", *NAME);
    for function in FUNCTIONS {
        let (name, word) = (function.name(), function.word());
        let flags = if function.writes() { "" } else { "'no-writes'" };
        // Writing to a `String` can't fail.
        let _ = writeln!(
            text,
            "redis.register_function{{function_name='{name}', callback=lib.{word}, \
             flags={{{flags}}}}}"
        );
    }
    text
});

static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    format!("{BODY}\nlocal word = table.remove(ARGV, 1)\nreturn lib[word](KEYS, ARGV)\n")
});

static SCRIPT_SHA: LazyLock<String> =
    LazyLock::new(|| data_encoding::HEXLOWER.encode(&Sha1::digest(SCRIPT.as_bytes())));

impl Function {
    fn word(self) -> &'static str {
        match self {
            Function::Begin => "begin",
            Function::Fork => "fork",
            Function::State => "state",
            Function::Check => "check",
            Function::Append => "append",
            Function::Page => "page",
            Function::Find => "find",
            Function::Ledger => "ledger",
            Function::Fold => "fold",
            Function::Note => "note",
            Function::Keep => "keep",
            Function::Merge => "merge",
            Function::Branches => "branches",
            Function::Restore => "restore",
            Function::Offer => "offer",
            Function::Settle => "settle",
            Function::Announce => "announce",
            Function::Healed => "healed",
            Function::Keys => "keys",
            Function::Stage => "stage",
            Function::Digest => "digest",
            Function::Place => "place",
            Function::Unstage => "unstage",
            Function::Lease => "lease",
            Function::Used => "used",
            Function::Ages => "ages",
            Function::Raise => "raise",
        }
    }

    /// Returns whether it changes anything; one that does not may be tried again at will.
    pub(super) fn writes(self) -> bool {
        !matches!(
            self,
            Function::State
                | Function::Check
                | Function::Page
                | Function::Find
                | Function::Ledger
                | Function::Branches
                | Function::Digest
                | Function::Used
                | Function::Ages
        )
    }

    /// Returns how many bytes its answer may have, beyond what every answer has.
    pub(super) fn answer_bytes_max(self) -> usize {
        match self {
            // `PAGE_BYTES_MAX` and one event more.
            Function::Page => 5 << 20,
            // `DIGESTS_MAX` digests.
            Function::Ledger => 3 << 20,
            // `USED_MAX` keys of lists.
            Function::Used => 2 << 20,
            _ => 0,
        }
    }

    fn name(self) -> String {
        format!("{}_{}", *NAME, self.word())
    }
}

/// Returns the command that loads the text.
pub(super) fn load(dialect: Dialect) -> Cmd {
    let mut command;
    match dialect {
        Dialect::Functions => {
            command = redis::cmd("FUNCTION");
            command.arg("LOAD").arg("REPLACE").arg(&*LIBRARY);
        }
        Dialect::Scripts => {
            command = redis::cmd("SCRIPT");
            command.arg("LOAD").arg(&*SCRIPT);
        }
    }
    command
}

/// Returns the command that calls a function; its arguments are to be added.
pub(super) fn call(dialect: Dialect, function: Function, keys: &[&str]) -> Cmd {
    let mut command;
    match dialect {
        Dialect::Functions => {
            command = redis::cmd(if function.writes() { "FCALL" } else { "FCALL_RO" });
            command.arg(function.name()).arg(keys.len()).arg(keys);
        }
        Dialect::Scripts => {
            command = redis::cmd("EVALSHA");
            command.arg(&*SCRIPT_SHA).arg(keys.len()).arg(keys).arg(function.word());
        }
    }
    command
}
