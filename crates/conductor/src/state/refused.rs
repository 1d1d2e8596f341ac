//! Why an event can't follow what was before.

use evidence::Hash;

use super::Phase;

/// Something that can't follow what was before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A run begins once, and nothing comes before that.
    #[error("a journal begins with `begun`, once")]
    Begin,
    /// It is for another plan.
    #[error("it is for the plan {0}, and the run has another")]
    Plan(Hash),
    /// The run has ended.
    #[error("the run has ended")]
    Ended,
    /// The plan has no such step or guard.
    #[error("the plan has no `{0}`")]
    NoSuch(String),
    /// The role has no such person.
    #[error("{person} does not speak as `{role}`")]
    Person {
        /// The role.
        role: String,
        /// Who.
        person: String,
    },
    /// In this mode nothing may be changed.
    #[error("{0} changes something, which this mode does not allow")]
    Withheld(String),
    /// The step has no place in this phase.
    #[error("{step} has no place while the run is in the phase `{}`", .phase.as_str())]
    Phase {
        /// The step.
        step: String,
        /// The phase.
        phase: Phase,
    },
    /// Another step has no outcome yet.
    #[error("{0} has no outcome yet")]
    Open(String),
    /// The attempt is not the one that comes.
    #[error("attempt {given} of {step} is not the one that comes here")]
    Attempt {
        /// The step.
        step: String,
        /// The attempt.
        given: u32,
    },
    /// It took effect and must not be done again.
    #[error("{0} took effect and must not be done twice")]
    Twice(String),
    /// It did not pass, must not be done twice, and nobody knows whether it took effect.
    #[error("{0} did not pass and may have taken effect: read back what became of it first")]
    NotReadBack(String),
    /// A gate is not passed.
    #[error("the gate {0} has not passed and was not waived")]
    Gate(String),
    /// A guard failed.
    #[error("the guard {0} has failed")]
    Guard(String),
    /// Nobody approved of the plan who may.
    #[error("nobody approved of the plan but maybe those who carry it out")]
    NotApproved,
    /// Whoever has a key signs, and in production everybody has one.
    #[error("{person} as `{role}` has to sign that")]
    Unsigned {
        /// The role.
        role: String,
        /// Who.
        person: String,
    },
    /// A signature by a key that is not one of the role's in the plan, or over other bytes.
    #[error("the signature of {key} is not one of a key of `{role}` over these bytes")]
    Signature {
        /// The role.
        role: String,
        /// The key that is said to have signed.
        key: String,
    },
    /// The same key signed twice.
    #[error("{0} signed it twice")]
    SignedTwice(String),
    /// What was signed is no decision.
    #[error("what was signed is no decision: {0}")]
    Statement(String),
    /// What was signed speaks in another role.
    #[error("it was signed as `{0}`")]
    Role(String),
    /// It is about no plan.
    #[error("what was signed names no plan, or another one than the run has")]
    OtherPlan,
    /// It was signed over another journal, or over one that was changed since.
    #[error("what was signed is not over this journal as it was")]
    OtherLog,
    /// It was signed before something happened that could speak against it.
    #[error("it was signed over {seen} entries, and what counts goes as far as entry {needed}")]
    Stale {
        /// How many entries were seen.
        seen: u64,
        /// How many have to be.
        needed: u64,
    },
    /// In production those who carry the plan out don't let it go on alone.
    #[error("only people who carry the plan out have signed that it goes on")]
    OwnWork,
    /// The same was signed before.
    #[error("the same statement is in the journal already")]
    Repeated,
    /// A step passes by the word of an owner, and none has given it.
    #[error("{0} passes by the word of an owner, and none has vouched for it since it was begun")]
    NotAttested(String),
    /// There is nothing to vouch for.
    #[error("{0} is not under way: there is nothing to vouch for")]
    NotUnderWay(String),
    /// There is nothing of which only its owners know what became of it.
    #[error(
        "what became of {0} is known, or found out without anybody's word: nobody has to deny it"
    )]
    NotUnknown(String),
    /// Somebody vouches for what is another's.
    #[error("{step} is not owned by `{role}`")]
    NotOwner {
        /// The step.
        step: String,
        /// The role.
        role: String,
    },
    /// The plan says who decides, and it is somebody else.
    #[error("`{0}` owns no decision of the plan")]
    NotDecider(String),
    /// There is nothing to waive.
    #[error("{0} has no outcome that can be waived")]
    Unwaivable(String),
    /// A guard that is waited for, or armed at the end, has not said PASS.
    #[error("the guard {0} has not passed")]
    GuardNotPassed(String),
    /// Something behind it was begun.
    #[error("{step} changes something, and {later} behind it was begun already")]
    Behind {
        /// The step.
        step: String,
        /// The later one.
        later: String,
    },
    /// It takes back what was not done.
    #[error("{step} takes {undone} back, which was not begun")]
    NotBegun {
        /// The step.
        step: String,
        /// What it takes back.
        undone: String,
    },
    /// The run's name can't be a log's.
    #[error("a run's name is not empty, and has no spaces and nothing that can't be seen")]
    Name,
    /// The decision is none that can be taken now.
    #[error("that can't be decided while the run is in {0:?}")]
    Choice(Phase),
    /// A step has not passed that has to have.
    #[error("{0} has not passed")]
    NotPassed(String),
    /// The run can't end so now.
    #[error("the run can't end so while it is in {0:?}")]
    End(Phase),
}
