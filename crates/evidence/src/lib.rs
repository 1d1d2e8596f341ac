//! Evidence that can be checked: a Merkle log of what a run did, signed statements in it, its outputs
//! under their digests, and the verification of all that with public keys alone.
//!
//! Owns: the RFC 6962 tree and its proofs, C2SP signed notes and checkpoints, DSSE envelopes over
//! in-toto statements, what looks like a secret and its redaction, texts of others as they are shown,
//! the folder's format (`docs/evidence.md`). Must not know: runbooks, what a guard or a switch is. All of
//! it is plain data and pure functions but for `folder`, which reads and writes files.

mod checkpoint;
mod contents;
mod dsse;
mod entry;
pub mod folder;
mod hash;
mod key;
mod keyring;
mod note;
mod object;
mod predicate;
mod proof;
mod recorder;
mod redact;
mod secret;
mod statement;
mod tree;
mod verify;
mod visible;

pub use self::{
    checkpoint::{Checkpoint, CheckpointError, GOES_ON},
    contents::{
        CHECKPOINT_FILE, Contents, ENTRIES_FILE, OUTPUTS_FOLDER, OutputFile, RECORD_SUFFIX,
    },
    dsse::{DsseError, Envelope, EnvelopeSignature, IN_TOTO_PAYLOAD_TYPE, SignerError, pae},
    entry::{ENTRY_BYTES_MAX, Entry, EntryError, Home, Kind, Output},
    hash::{Hash, HashError},
    key::{KeyError, KeyName, Signer, Verifier},
    keyring::{Keyring, KeyringError, LOG_ROLE, Role, RoleError, WITNESS_ROLE},
    note::{Note, NoteError, NoteSignature},
    predicate::{
        Choice, Decision, LogState, Outcome, Predicate, PredicateError, Rehearsal, Rollback,
        Switch, TestResult,
    },
    proof::{ProofError, verify_consistency, verify_inclusion},
    recorder::{Recorder, RecorderError, is_log_name},
    redact::{Redactor, RedactorError},
    secret::{Secret, SecretKind, secrets},
    statement::{Resource, STATEMENT_TYPE, Statement, StatementError},
    tree::Tree,
    verify::{Fault, Finding, Item, Report, Request, Signatures, Standing, verify},
    visible::{Visible, is_visible},
};
