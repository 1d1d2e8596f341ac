//! How a process comes to a run: it begins one, or goes on with one that another process left.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use evidence::{Hash, Redactor};
use futures_util::stream::FuturesUnordered;
use guard::Verdict;
use jiff::Timestamp;
use runbook::Plan;
use tokio::{sync::watch, time::Instant};

use super::{
    Conductor, DriveError, DriveSettings, WallClock, clock::Clock, guards::Watches,
    secrets::clean_lease, show::Facts,
};
use crate::{
    Artefact, Entry, Event, FolderError, Inbox, Journal, JournalError, JournalView, LeaseError,
    RunFolder, State, World, journal,
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
        lease(&*world, &info.run, &settings)
            .await
            .map_err(|error| clean_lease(&redactor, &error))?;
        let journal = Journal::start(&folder.journal(), redactor.clone(), State::new(&plan)?)?;
        let (digest, mode) = (plan.digest()?, plan.mode);
        let mut conductor = Self::over(folder, plan, journal, (redactor, world, settings))?;
        let begun = Event::Begun {
            run: info.run,
            plan: digest,
            mode,
            t0: conductor.settings.t0,
            pace: conductor.settings.pace,
            acts_on: info.acts_on,
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
        settings: DriveSettings,
    ) -> Result<Self, DriveError> {
        Self::resume_on(folder, redactor, world, settings, ActsOn::Unnamed).await
    }

    /// The same, where what the run acts on is known by the digest of its description.
    ///
    /// # Errors
    /// As for [`Conductor::resume`], and where the description is not the one that it was.
    pub async fn resume_on(
        folder: RunFolder,
        redactor: Redactor,
        world: Arc<dyn World>,
        mut settings: DriveSettings,
        acts_on: ActsOn,
    ) -> Result<Self, DriveError> {
        let (plan, info) = (folder.plan()?, folder.info()?);
        let (path, state) = (folder.journal(), State::new(&plan)?);
        if !path.exists() {
            return Err(JournalError::Empty.into());
        }
        let moved_to = moved_to(&path, info.acts_on, acts_on)?;
        let journal = Journal::resume(&path, redactor.clone(), state, Timestamp::now())?;
        lease(&*world, &info.run, &settings)
            .await
            .map_err(|error| clean_lease(&redactor, &error))?;
        let bytes =
            std::fs::read(&path).map_err(|source| FolderError::File { file: path, source })?;
        let read = journal::read(&bytes).map_err(JournalError::Damage)?;
        if let Some(Event::Begun { t0, pace, .. }) = read.entries.first().map(|entry| &entry.event)
        {
            (settings.t0, settings.pace) = (*t0, *pace);
        }
        // The lease is this run's: what runs still was left by the process before.
        let left_over = world.end_left_over().await?;
        let mut conductor = Self::over(folder, plan, journal, (redactor, world, settings))?;
        left_over.iter().for_each(|sentence| conductor.trouble(sentence));
        conductor.left_over = left_over;
        let mut state = State::new(&conductor.plan)?;
        let mut last_said = BTreeMap::new();
        for (size, entry) in (0..).zip(&read.entries) {
            let (at, before) = (entry.at.parse().unwrap_or_default(), state.phase());
            let view = JournalView { tree: &read.tree, size };
            let applied = state.apply(&entry.event, view);
            applied.map_err(|source| JournalError::Refused { line: size + 1, source })?;
            if let Event::Judged(judged) = &entry.event {
                last_said.insert(judged.guard.clone(), judged);
            }
            conductor.facts.take(&conductor.plan, at, &entry.event);
            if state.phase() != before {
                conductor.facts.turn(at, &entry.event, state.phase());
            }
            if let Event::Outcome { step, .. } = &entry.event
                && super::is_compared(&conductor.plan, step)
            {
                conductor.remember(step, entry);
            }
        }
        // Before this process said that it goes on.
        let last_at = read.entries.iter().rev().nth(1).and_then(|entry| entry.at.parse().ok());
        conductor.come_back(last_at.unwrap_or_default())?;
        let failed = last_said.into_values().filter(|judged| judged.verdict == Verdict::Fail);
        failed.for_each(|judged| conductor.watches.has_failed(judged));
        conductor.watch_anew()?;
        if let Some(sha256) = moved_to {
            conductor.append(Event::ActsOn { sha256 }, Vec::new())?;
        }
        Ok(conductor)
    }

    /// Takes what a step left behind from the folder; what is not there is missing where it is compared.
    fn remember(&mut self, step: &str, entry: &Entry) {
        let mut artefacts = Vec::new();
        for output in &entry.outputs {
            match self.folder.output(output.sha256) {
                Ok(bytes) => artefacts.push(Artefact { name: output.name.clone(), bytes }),
                Err(error) => self.not_kept(&error),
            }
        }
        Arc::make_mut(&mut self.kept).insert(step.to_owned(), artefacts);
    }

    fn over(
        folder: RunFolder,
        plan: Plan,
        journal: Journal,
        (redactor, world, settings): (Redactor, Arc<dyn World>, DriveSettings),
    ) -> Result<Self, DriveError> {
        let mut conductor = Conductor {
            inbox: Inbox::new(folder.inbox()),
            watches: Watches::new(&plan, settings.pace)?,
            facts: Facts::default(),
            kept: Arc::default(),
            under_way: None,
            asked: FuturesUnordered::new(),
            left_over: Vec::new(),
            unclear: BTreeSet::new(),
            acted: super::acted(&plan, &*world),
            again: BTreeSet::new(),
            clock: Clock::new(WallClock::default()),
            leased_at: Some(Instant::now()),
            is_lease_due: false,
            is_leasing: false,
            is_sharing: false,
            shared_at: None,
            seen_at: None,
            blind_since: None,
            silent_since: None,
            samples: Vec::new(),
            notices: 0,
            waited: None,
            sent_back_at: None,
            going_back_since: None,
            asked_of: None,
            shown_at: None,
            facts_shown: None,
            looking: watch::Sender::new(None),
            plan,
            folder,
            journal,
            redactor,
            world,
            settings,
        };
        conductor.keep_room_for_words();
        Ok(conductor)
    }
}

/// What a run acts on when another process goes on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActsOn {
    /// It has no description.
    Unnamed,
    /// It has to have the description with this digest still.
    Same(Hash),
    /// It has the description with this digest from now on, whatever it had before: that is written down.
    FromNowOn(Hash),
}

/// Returns what a run acts on from now on, where that is something else.
fn moved_to(
    journal: &Path,
    begun_on: Option<Hash>,
    acts_on: ActsOn,
) -> Result<Option<Hash>, DriveError> {
    // What can't be read is said by whoever opens it.
    let read = std::fs::read(journal).ok().and_then(|bytes| journal::read(&bytes).ok());
    let entries = read.map(|read| read.entries).unwrap_or_default();
    let named = entries.iter().rev().find_map(|entry| match &entry.event {
        Event::ActsOn { sha256 } => Some(*sha256),
        Event::Begun { acts_on, .. } => *acts_on,
        _ => None,
    });
    match (named.or(begun_on), acts_on) {
        (Some(was), ActsOn::Same(is)) if was != is => Err(DriveError::OtherWorld { was, is }),
        (was, ActsOn::FromNowOn(is)) => Ok((was != Some(is)).then_some(is)),
        _ => Ok(None),
    }
}

async fn lease(world: &dyn World, run: &str, settings: &DriveSettings) -> Result<(), LeaseError> {
    let now = Timestamp::now();
    let until = now.checked_add(settings.lease).unwrap_or(now);
    let kept = tokio::time::timeout(settings.lease, world.keep(run, until)).await;
    kept.unwrap_or_else(|_| Err(LeaseError::Unreachable("it was not answered".to_owned())))
}
