//! How a process comes to a run: it begins one, or goes on with one that another process left.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use evidence::Redactor;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use runbook::Plan;
use tokio::sync::watch;

use super::{Conductor, DriveError, DriveSettings, guards::Watches, show::Facts};
use crate::{
    Artefact, Event, FolderError, Inbox, Journal, JournalError, JournalView, LeaseError, RunFolder,
    State, World, journal,
};

impl Conductor {
    /// Begins a run in its folder.
    ///
    /// # Errors
    /// Fails where another run acts on the same, or something can't be written; then the folder is gone
    /// again, since nothing has begun.
    pub async fn start(
        folder: RunFolder,
        redactor: Redactor,
        world: Arc<dyn World>,
        settings: DriveSettings,
    ) -> Result<Self, DriveError> {
        let unbegun = folder.clone();
        let started = Self::start_in(folder, redactor, world, settings).await;
        if started.is_err() {
            unbegun.drop_unbegun();
        }
        started
    }

    async fn start_in(
        folder: RunFolder,
        redactor: Redactor,
        world: Arc<dyn World>,
        settings: DriveSettings,
    ) -> Result<Self, DriveError> {
        let (plan, info) = (folder.plan()?, folder.info()?);
        lease(&*world, &info.run, &settings).await?;
        let journal = Journal::start(&folder.journal(), redactor.clone(), State::new(&plan)?)?;
        let (digest, mode) = (plan.digest()?, plan.mode);
        let mut conductor = Self::over(folder, plan, journal, (redactor, world, settings))?;
        let begun = Event::Begun {
            run: info.run,
            plan: digest,
            mode,
            t0: conductor.settings.t0,
            pace: conductor.settings.pace,
        };
        conductor.append(begun, Vec::new())?;
        Ok(conductor)
    }

    /// Goes on with a run that another process left; T0 and the pace are those that it was begun with.
    ///
    /// # Errors
    /// Fails where the folder was changed, another process goes on with it or acts on the same.
    pub async fn resume(
        folder: RunFolder,
        redactor: Redactor,
        world: Arc<dyn World>,
        mut settings: DriveSettings,
    ) -> Result<Self, DriveError> {
        let (plan, info) = (folder.plan()?, folder.info()?);
        let (path, state) = (folder.journal(), State::new(&plan)?);
        if !path.exists() {
            return Err(JournalError::Empty.into());
        }
        let journal = Journal::resume(&path, redactor.clone(), state, Timestamp::now())?;
        lease(&*world, &info.run, &settings).await?;
        let bytes =
            std::fs::read(&path).map_err(|source| FolderError::File { file: path, source })?;
        let read = journal::read(&bytes).map_err(JournalError::Damage)?;
        if let Some(Event::Begun { t0, pace, .. }) = read.entries.first().map(|entry| &entry.event)
        {
            (settings.t0, settings.pace) = (*t0, *pace);
        }
        let mut conductor = Self::over(folder, plan, journal, (redactor, world, settings))?;
        let mut state = State::new(&conductor.plan)?;
        for (size, entry) in (0..).zip(&read.entries) {
            let (at, before) = (entry.at.parse().unwrap_or_default(), state.phase());
            let view = JournalView { tree: &read.tree, size };
            let applied = state.apply(&entry.event, view);
            applied.map_err(|source| JournalError::Refused { line: size + 1, source })?;
            conductor.facts.take(&conductor.plan, at, &entry.event);
            if state.phase() != before {
                conductor.facts.turn(at, &entry.event, state.phase());
            }
            if let Event::Outcome { step, .. } = &entry.event {
                let mut artefacts = Vec::new();
                for output in &entry.outputs {
                    let bytes = conductor.folder.output(output.sha256)?;
                    artefacts.push(Artefact { name: output.name.clone(), bytes });
                }
                conductor.kept.insert(step.clone(), artefacts);
            }
        }
        Ok(conductor)
    }

    fn over(
        folder: RunFolder,
        plan: Plan,
        journal: Journal,
        (redactor, world, settings): (Redactor, Arc<dyn World>, DriveSettings),
    ) -> Result<Self, DriveError> {
        Ok(Conductor {
            inbox: Inbox::new(folder.inbox()),
            watches: Watches::new(&plan, settings.pace)?,
            facts: Facts::default(),
            kept: BTreeMap::new(),
            under_way: None,
            asked: FuturesUnordered::new(),
            unclear: BTreeSet::new(),
            acted: super::acted(&plan, &*world),
            again: BTreeSet::new(),
            leased_at: Some(Timestamp::now()),
            is_leasing: false,
            is_sharing: false,
            shared_at: None,
            samples: Vec::new(),
            notices: 0,
            waited: None,
            shown_at: None,
            facts_shown: None,
            looking: watch::Sender::new(None),
            plan,
            folder,
            journal,
            redactor,
            world,
            settings,
        })
    }
}

async fn lease(world: &dyn World, run: &str, settings: &DriveSettings) -> Result<(), LeaseError> {
    let now = Timestamp::now();
    let until = now.checked_add(settings.lease).unwrap_or(now);
    let kept = tokio::time::timeout(settings.lease, world.keep(run, until)).await;
    kept.unwrap_or_else(|_| Err(LeaseError::Unreachable("it was not answered".to_owned())))
}
