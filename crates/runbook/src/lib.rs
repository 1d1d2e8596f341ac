//! Runbooks: Markdown documents that people write, and the plans that follow from them.
//!
//! Owns: the format of `*.run.md` (`docs/runbooks.md`), its rules, the import of plain runbooks, the
//! formatter, and the plan with its digest. Must not know: how a step is carried out, files, sockets,
//! clocks. All of it is plain data and pure functions; the same document gives the same plan.

mod argv;
mod chapters;
mod check;
mod code;
mod detect;
mod edit;
mod fence;
mod format;
mod front;
mod import;
mod mark;
mod model;
mod outline;
mod placeholder;
mod plan;
mod problem;
mod read;
mod rto;
mod secret;
mod source;
mod vocabulary;

pub use self::{
    chapters::{Chapter, chapters},
    check::{Options, lint},
    code::{Assertion, Flag},
    detect::Detection,
    fence::{GuardSpec, Rate, Traffic, Undo},
    format::format,
    import::{Imported, import},
    model::Content,
    plan::{
        Plan, Planned, PlannedGuard, PlannedPerson, PlannedRole, PlannedStep, UndoBy, Ways, plan,
    },
    problem::{Problem, Severity},
    rto::Rto,
    source::DOCUMENT_BYTES_MAX,
    vocabulary::{
        Class, Kind, Length, Measure, Mode, Offset, OnFail, Section, TimeError, Way, WordError,
    },
};
