//! What health and readiness say of the database: whoever asks gets fixed words, the log has the
//! database's own.

use std::time::Duration;

use broker::HealthState;
use serde_json::json;
use store::{LedgerState, StoreStatus};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};
use viz_api::surface::DatabaseCheck;

use crate::{
    Chat,
    error::{AWAY, outside_words},
};

/// How long is waited for the database.
const CHECK_MAX: Duration = Duration::from_millis(650);

/// How long is tried whether one that is late is there at all.
const KNOCK_MAX: Duration = Duration::from_millis(200);

/// How long the database may be late before the process is to be sent nothing: by then whoever asks it
/// for something waited in vain.
const LATE_MAX: Duration = Duration::from_secs(5);

/// How long an answer counts, so that whoever asks often does not ask the database.
const FRESH: Duration = Duration::from_millis(250);

const LATE: &str = "the database did not answer within 650 ms";
const STARTING: &str = "the server is starting";
const TAKES_NOTHING: &str = "messages do not get to the database now";
const NO_LOG: &str = "the log of threads does not serve";
const OTHER_LEDGER: &str =
    "the ledger of migrations is not this program's; `tidegate store status` says where";

/// The last look at the database; one at a time.
#[derive(Debug, Default)]
pub(crate) struct Checks(Mutex<Option<Looked>>);

#[derive(Clone, Debug)]
struct Looked {
    at: Instant,
    /// Since when it is late.
    late_since: Option<Instant>,
    check: DatabaseCheck,
    /// What was said to be wrong.
    reason: Option<String>,
    /// Whether the log was told the database's words, or the client's.
    has_words: bool,
}

/// What is wrong.
struct Trouble {
    /// For whoever asks.
    reason: String,
    /// For the log.
    words: String,
}

impl Trouble {
    fn new(reason: &str, words: impl Into<String>) -> Self {
        Trouble { reason: reason.to_owned(), words: words.into() }
    }
}

impl Chat {
    /// Looks at the database, or at what was found a moment ago; answers within a second.
    pub(crate) async fn check(&self) -> DatabaseCheck {
        let deadline = Instant::now() + CHECK_MAX;
        let Ok(mut last) = timeout_at(deadline + KNOCK_MAX, self.checks.0.lock()).await else {
            return self.unanswered(LATE, None);
        };
        if let Some(looked) = last.as_ref().filter(|looked| looked.at.elapsed() < FRESH) {
            return looked.check.clone();
        }
        let late_before = last.as_ref().and_then(|looked| looked.late_since);
        let mut late_since = None;
        let (check, trouble) = match timeout_at(deadline, self.look()).await {
            Ok(Ok((check, trouble))) => (check, trouble),
            Ok(Err((reason, words))) => {
                (self.unanswered(reason, Some(reason)), Some(Trouble::new(reason, words)))
            }
            Err(_) => match self.cut_off().await {
                Some(words) => (self.unanswered(AWAY, Some(AWAY)), Some(Trouble::new(AWAY, words))),
                None => {
                    let since = *late_since.insert(late_before.unwrap_or_else(Instant::now));
                    let refusal = (since.elapsed() >= LATE_MAX).then_some(LATE);
                    (self.unanswered(LATE, refusal), Some(Trouble::new(LATE, "")))
                }
            },
        };
        let before = last.as_ref().and_then(|looked| looked.reason.clone());
        let reason = trouble.as_ref().map(|trouble| trouble.reason.clone());
        let is_same = before.is_some() && before == reason;
        let had_words = is_same && last.as_ref().is_some_and(|looked| looked.has_words);
        let has_words = had_words || trouble.as_ref().is_some_and(|t| !t.words.is_empty());
        match trouble {
            // Once, and once more where it had no words yet.
            Some(Trouble { reason, words }) if !is_same || has_words != had_words => {
                tracing::warn!(reason, words, "chat is not healthy");
            }
            None if before.is_some() => tracing::info!("chat is healthy again"),
            _ => {}
        }
        *last = Some(Looked {
            at: Instant::now(),
            late_since,
            check: check.clone(),
            reason,
            has_words,
        });
        check
    }

    async fn cut_off(&self) -> Option<String> {
        self.service().ok()?.cut_off(KNOCK_MAX).await
    }

    /// Asks the database; fails with what is said outside and what is logged.
    async fn look(&self) -> Result<(DatabaseCheck, Option<Trouble>), (&'static str, String)> {
        let service = self.service().map_err(|_| (STARTING, String::new()))?;
        let status = service.store_status().await;
        let status = status.map_err(|error| (outside_words(&error), error.to_string()))?;
        let log = service.log_health();
        let is_down = service.is_database_down();
        let trouble = match &status.ledger {
            LedgerState::Behind(files) => {
                Some(Trouble::new(&format!("it lacks {}", files.join(", ")), ""))
            }
            LedgerState::Refused(fault) => Some(Trouble::new(OTHER_LEDGER, fault.to_string())),
            LedgerState::Current if is_down => Some(Trouble::new(TAKES_NOTHING, "")),
            LedgerState::Current if log.state != HealthState::Healthy => {
                Some(Trouble::new(NO_LOG, log.reason.unwrap_or_default()))
            }
            LedgerState::Current => None,
        };
        let shown = self.shown(&status, trouble.as_ref(), log.selected);
        // Without the log threads can be read, and a newer program may migrate while this one serves.
        let refusal = is_down.then_some(TAKES_NOTHING);
        Ok((DatabaseCheck { is_healthy: trouble.is_none(), refusal, shown }, trouble))
    }

    fn shown(
        &self,
        status: &StoreStatus,
        trouble: Option<&Trouble>,
        log: &str,
    ) -> serde_json::Value {
        json!({
            "status": if trouble.is_none() { "healthy" } else { "unhealthy" },
            "reason": trouble.map(|trouble| &trouble.reason),
            "backend": self.state.settings.data.backend.as_str(),
            "version": status.version,
            "engine": status.engine,
            "migration_checksum": status.checksum,
            "migrations": status.applied.len(),
            "log": log,
            "log_place": self.log_place().map(|place| place.shown()),
        })
    }

    fn unanswered(&self, reason: &'static str, refusal: Option<&'static str>) -> DatabaseCheck {
        let backend = self.state.settings.data.backend.as_str();
        let shown = json!({"status": "unhealthy", "backend": backend, "reason": reason});
        DatabaseCheck { is_healthy: false, refusal, shown }
    }
}
