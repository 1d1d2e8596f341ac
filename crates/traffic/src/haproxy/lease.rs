//! The map's three entries: weight, lease, owner. Each is set only by whom the canary belongs to, and
//! read back.
//!
//! HAProxy compares nothing before it sets an entry, so two machines that acquire a canary in the same
//! moment may both be told that it is theirs; the one that lost is told so at its next call. Processes
//! of one machine are kept apart by a lock.

use std::fs::{File, TryLockError};

use super::{
    HaproxyRouter,
    map::{self, OWNER, UNTIL, WEIGHT},
    stat,
};
use crate::{Observation, Owner, RouterError, UnixTime, Weight, owner::NOBODY};

impl HaproxyRouter {
    /// Reads everything in one exchange.
    pub(super) async fn read_observation(&self) -> Result<Observation, RouterError> {
        let settings = &self.settings;
        let show_map = format!("show map {}", settings.map);
        let show_canary = format!("show stat {} 6 -1", settings.canary);
        let show_stable = format!("show stat {} 6 -1", settings.stable);
        let [activity, info, entries, canary, stable] = self
            .query(["show activity", "show info", &show_map, &show_canary, &show_stable])
            .await?;
        let unreadable = |command: &str, what: String| self.unreadable(command, what);
        let now = stat::parse_clock(&activity);
        let now = now.map_err(|what| unreadable("show activity", what))?;
        let process = stat::parse_process(&info).map_err(|what| unreadable("show info", what))?;
        let map = map::parse(&entries).map_err(|what| unreadable(&show_map, what))?;
        let arm = |command: &str, answer: &str, backend: &str| {
            stat::parse_arm(answer, backend).map_err(|what| unreadable(command, what))
        };
        Ok(Observation {
            now,
            process,
            weight: map.weight,
            until: map.until,
            owner: map.owner,
            canary: arm(&show_canary, &canary, &settings.canary)?,
            stable: arm(&show_stable, &stable, &settings.stable)?,
        })
    }

    pub(super) async fn take_lease(&self, until: UnixTime) -> Result<Observation, RouterError> {
        let file = self.take_lock()?;
        let before = self.read_observation().await?;
        self.check_end(until, &before)?;
        self.check_free(&before)?;
        let is_mine = before.owner.as_ref() == Some(&self.owner);
        if !(is_mine && before.is_leased()) {
            // What was set before must not come true by the new lease.
            self.set(&[(WEIGHT, "0")]).await?;
        }
        let until_text = until.0.to_string();
        self.set(&[(OWNER, self.owner.as_str()), (UNTIL, &until_text)]).await?;
        let after = self.read_observation().await?;
        self.check_mine(&after)?;
        self.check_until(until, &after)?;
        if !(is_mine && before.is_leased()) {
            self.check_weight(Weight::NONE, &after)?;
        }
        if let Some(file) = file {
            *self.held() = Some(file);
        }
        Ok(after)
    }

    pub(super) async fn extend_lease(&self, until: UnixTime) -> Result<Observation, RouterError> {
        let before = self.read_mine().await?;
        self.check_leased(&before)?;
        self.check_end(until, &before)?;
        self.set(&[(UNTIL, &until.0.to_string())]).await?;
        let after = self.read_mine().await?;
        self.check_until(until, &after)?;
        Ok(after)
    }

    pub(super) async fn end_lease(
        &self,
        of: &Owner,
        until: UnixTime,
    ) -> Result<Observation, RouterError> {
        let before = self.read_observation().await?;
        match &before.owner {
            Some(by) if by == of && before.until == until => {}
            Some(by) => {
                return Err(RouterError::Owned { by: by.clone(), until: before.until });
            }
            None => return Err(RouterError::Lost { owner: of.clone(), now_of: None }),
        }
        self.set(&[(WEIGHT, "0"), (UNTIL, "0")]).await?;
        let after = self.read_observation().await?;
        self.check_weight(Weight::NONE, &after)?;
        self.check_until(UnixTime(0), &after)?;
        Ok(after)
    }

    pub(super) async fn set_weight(&self, weight: Weight) -> Result<Observation, RouterError> {
        let before = self.read_mine().await?;
        if weight != Weight::NONE {
            self.check_leased(&before)?;
        }
        self.set(&[(WEIGHT, &weight.basis_points().to_string())]).await?;
        let after = self.read_mine().await?;
        self.check_weight(weight, &after)?;
        Ok(after)
    }

    pub(super) async fn give_back(&self) -> Result<Observation, RouterError> {
        self.read_mine().await?;
        self.set(&[(WEIGHT, "0"), (UNTIL, "0"), (OWNER, NOBODY)]).await?;
        let after = self.read_observation().await?;
        self.check_weight(Weight::NONE, &after)?;
        self.check_until(UnixTime(0), &after)?;
        if let Some(owner) = &after.owner {
            return Err(self.differs("owner", &NOBODY, owner));
        }
        *self.held() = None;
        Ok(after)
    }

    /// Reads what is true, and fails where the canary is not this run's.
    pub(super) async fn read_mine(&self) -> Result<Observation, RouterError> {
        let seen = self.read_observation().await?;
        self.check_mine(&seen)?;
        Ok(seen)
    }

    async fn set(&self, entries: &[(&str, &str)]) -> Result<(), RouterError> {
        for (key, value) in entries {
            self.order(&format!("set map {} {key} {value}", self.settings.map)).await?;
        }
        Ok(())
    }

    fn check_free(&self, seen: &Observation) -> Result<(), RouterError> {
        match &seen.owner {
            Some(by) if *by != self.owner && seen.is_leased() => {
                Err(RouterError::Owned { by: by.clone(), until: seen.until })
            }
            _ => Ok(()),
        }
    }

    fn check_mine(&self, seen: &Observation) -> Result<(), RouterError> {
        self.check_free(seen)?;
        if seen.owner.as_ref() == Some(&self.owner) {
            return Ok(());
        }
        Err(RouterError::Lost { owner: self.owner.clone(), now_of: seen.owner.clone() })
    }

    fn check_leased(&self, seen: &Observation) -> Result<(), RouterError> {
        if seen.is_leased() {
            return Ok(());
        }
        let (until, now) = (seen.until, seen.now);
        Err(RouterError::Expired { router: self.title(), until, now })
    }

    fn check_end(&self, until: UnixTime, seen: &Observation) -> Result<(), RouterError> {
        if until > seen.now {
            return Ok(());
        }
        Err(RouterError::ClockAhead { router: self.title(), until, now: seen.now })
    }

    fn check_until(&self, until: UnixTime, seen: &Observation) -> Result<(), RouterError> {
        if seen.until == until {
            return Ok(());
        }
        Err(self.differs("end of the lease", &until, &seen.until))
    }

    fn check_weight(&self, weight: Weight, seen: &Observation) -> Result<(), RouterError> {
        if seen.weight == weight {
            return Ok(());
        }
        Err(self.differs("weight", &weight, &seen.weight))
    }

    pub(super) fn differs(
        &self,
        what: &'static str,
        set: &dyn ToString,
        found: &dyn ToString,
    ) -> RouterError {
        let (router, set, found) = (self.title(), set.to_string(), found.to_string());
        RouterError::Differs { router, what, set, found }
    }

    /// Locks the file that keeps processes of this machine apart; nothing where it is held already, or
    /// there is none.
    fn take_lock(&self) -> Result<Option<File>, RouterError> {
        let Some(path) = &self.settings.lock else { return Ok(None) };
        if self.held().is_some() {
            return Ok(None);
        }
        let failed = |source| RouterError::Lock { path: path.clone(), source };
        let file = File::options().create(true).append(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(RouterError::Locked { path: path.clone() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<File>> {
        self.lock.lock().expect("no holder panics")
    }
}
