//! What a client asks of the live switch.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Api, Refusal};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutoverAsk {
    /// That a backend owns every stream.
    To {
        backend: &'static str,
        /// How long it has to be good to be finalised by itself; only by hand otherwise.
        soak: Option<Duration>,
    },
    /// That everything is as before.
    Undo,
    /// That the switch is over.
    Finalise,
}

/// How far the live switch is, as the server says it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct CutoverStatus {
    pub(crate) state: String,
    pub(crate) is_running: bool,
    pub(crate) owner: String,
    pub(crate) to: String,
    pub(crate) settings: String,
    pub(crate) is_undo: bool,
    pub(crate) actor: String,
    pub(crate) since: String,
    pub(crate) streams: u64,
    pub(crate) copied: u64,
    pub(crate) moved: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) pause_ms: PauseMs,
    pub(crate) soak: Option<CutoverSoak>,
    pub(crate) error: Option<CutoverError>,
}

/// How long appends waited while their stream changed hands.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct PauseMs {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// When it is finalised by itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct CutoverSoak {
    pub(crate) lasts_s: u64,
    pub(crate) ends_at: Option<String>,
}

/// Why the last attempt did not go on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct CutoverError {
    pub(crate) kind: String,
    pub(crate) message: String,
}

impl Api {
    /// Returns how far the switch is.
    ///
    /// # Errors
    /// Fails where the credential lacks the scope `admin`, or the server can't be reached.
    pub(crate) async fn cutover_status(&self) -> Result<CutoverStatus, Refusal> {
        self.get_json("/api/admin/cutover").await
    }

    /// Asks for a switch; it goes on also where the answer does not wait for its end.
    ///
    /// # Errors
    /// Fails where it is refused, or the server can't be reached.
    pub(crate) async fn ask_cutover(&self, ask: CutoverAsk) -> Result<CutoverStatus, Refusal> {
        let (path, body) = match ask {
            CutoverAsk::To { backend, soak } => {
                let soak_s = soak.map(|soak| soak.as_secs());
                ("/api/admin/cutover", json!({"to": backend, "soak_s": soak_s}))
            }
            CutoverAsk::Undo => ("/api/admin/cutover/undo", Value::Object(Default::default())),
            CutoverAsk::Finalise => {
                ("/api/admin/cutover/finalise", Value::Object(Default::default()))
            }
        };
        self.post_json(path, &body).await
    }
}
