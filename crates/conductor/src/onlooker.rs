//! A run as another process sees it: its journal up to now, and the state that follows.
//!
//! Writes nothing. Who decides something signs the journal that is seen here.

use std::{collections::BTreeMap, fs, path::Path};

use evidence::{Choice, Decision, Hash, LogState, Resource, Signer};
use runbook::{Mode, Plan, PlannedPerson};

use crate::{
    Damage, Entry, Event, FolderError, JournalRead, JournalView, Live, Refused, RunFolder, State,
    journal,
};

/// A run as it was written down until now.
#[derive(Debug)]
pub struct Onlooker {
    /// Its folder.
    pub folder: RunFolder,
    /// Its plan.
    pub plan: Plan,
    /// What its journal says.
    pub read: JournalRead,
    /// The journal's bytes.
    pub journal: Vec<u8>,
    /// What follows from it.
    pub state: State,
}

/// A run that can't be looked at.
#[derive(Debug, thiserror::Error)]
pub enum OnlookerError {
    /// Its folder can't be read.
    #[error("the run's folder")]
    Folder(#[from] FolderError),
    /// Its journal was changed.
    #[error("the journal was changed")]
    Damage(#[from] Damage),
    /// It tells what can't have happened.
    #[error("line {line} of the journal can't follow the ones before it")]
    Refused {
        /// The line, from 1.
        line: u64,
        /// Why.
        source: Refused,
    },
    /// No JSON can be made of the plan.
    #[error("the plan can't be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// What somebody says to a run.
#[derive(Clone, Debug)]
pub struct Word<'w> {
    /// What.
    pub choice: Choice,
    /// The gate, step or guard that it is about.
    pub about: Option<String>,
    /// In which role.
    pub role: String,
    /// Why.
    pub reason: String,
    /// With which key, or who without one.
    pub by: By<'w>,
}

/// Who says something.
#[derive(Clone, Debug)]
pub enum By<'w> {
    /// The owner of a key.
    Key(&'w Signer),
    /// Somebody without one, by their name in the plan.
    Name(String),
}

impl Onlooker {
    /// Reads a run.
    ///
    /// # Errors
    /// Fails where the folder is none, or what is there was changed.
    pub fn open(path: &Path) -> Result<Self, OnlookerError> {
        let folder = RunFolder::open(path)?;
        let plan = folder.plan()?;
        let file = folder.journal();
        // A run whose first entry was not written has not begun.
        let journal = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(FolderError::File { file, source }.into()),
        };
        let read = journal::read(&journal)?;
        let mut state = State::new(&plan)?;
        for (size, entry) in (0..).zip(&read.entries) {
            let applied = state.apply(&entry.event, JournalView { tree: &read.tree, size });
            applied.map_err(|source| OnlookerError::Refused { line: size + 1, source })?;
        }
        Ok(Onlooker { folder, plan, read, journal, state })
    }

    /// Returns the entries.
    pub fn entries(&self) -> &[Entry] {
        &self.read.entries
    }

    /// Returns whether a process carries the run out at this moment.
    pub fn is_carried_out(&self) -> bool {
        self.folder.is_carried_out()
    }

    /// Returns how the run stands, as the process that carries it out wrote it last.
    ///
    /// # Errors
    /// Fails where that can't be read.
    pub fn live(&self) -> Result<Option<Live>, FolderError> {
        self.folder.live()
    }

    /// Returns the journal as decisions name it.
    pub fn log_state(&self) -> LogState {
        let origin = self.state.run().unwrap_or_default().to_owned();
        LogState { origin, size: self.read.tree.len(), root: self.read.tree.root() }
    }

    /// Returns what the entries left behind, by digest; what is missing is left out.
    ///
    /// # Errors
    /// Fails where something was changed, or can't be read.
    pub fn outputs(&self) -> Result<BTreeMap<Hash, Vec<u8>>, FolderError> {
        let outputs = self.entries().iter().flat_map(|entry| &entry.outputs);
        self.folder.outputs(outputs.map(|output| output.sha256))
    }

    /// Makes of a word what the journal has of it: signed over the journal as it is seen here, where
    /// there is a key.
    ///
    /// # Errors
    /// Fails where no JSON can be made of it.
    pub fn say(&self, word: &Word<'_>) -> Result<Event, serde_json::Error> {
        let (choice, role) = (word.choice, word.role.clone());
        let (reason, about) = (word.reason.clone(), word.about.clone());
        match &word.by {
            By::Key(signer) => Event::signed(self.decision(choice, role, reason, about)?, signer),
            By::Name(person) if choice == Choice::Approve => {
                Ok(Event::Approved { role, person: person.clone(), plan: self.plan.digest()? })
            }
            By::Name(person) => {
                Ok(Event::Decided { choice, role, person: person.clone(), reason, about })
            }
        }
    }

    /// Returns a decision as it is signed: for this plan, over the journal as it is seen here.
    ///
    /// # Errors
    /// Fails where no JSON can be made of the plan.
    pub fn decision(
        &self,
        decision: Choice,
        role: String,
        reason: String,
        about: Option<String>,
    ) -> Result<Decision, serde_json::Error> {
        let plan = Some(Resource::of_sha256("plan", self.plan.digest()?));
        Ok(Decision { role, decision, reason, about, plan, log: self.log_state() })
    }

    /// Returns whether something may follow what is there.
    ///
    /// # Errors
    /// Fails with why it may not.
    pub fn may_follow(&self, event: &Event) -> Result<(), Refused> {
        self.state.clone().apply(event, JournalView::whole(&self.read.tree))
    }

    /// Returns the people of a role.
    pub fn people(&self, role: &str) -> &[PlannedPerson] {
        let found = self.plan.roles.iter().find(|known| known.role == role);
        found.map_or(&[], |role| role.people.as_slice())
    }

    /// Returns whether everybody has to sign.
    pub fn is_production(&self) -> bool {
        self.plan.mode == Mode::Production
    }
}
