//! What fuzz targets call: everything that is read from strangers and private elsewhere. It is built
//! with the feature `fuzzing`.

use std::sync::LazyLock;

use node_runtime::{Settings, settings::LimitSettings};

use crate::{publish, ws};

/// Reads a body as `POST /api/events` does; whatever it is, that is an answer.
pub fn publish_body(bytes: &[u8]) {
    static LIMITS: LazyLock<LimitSettings> = LazyLock::new(|| Settings::default().limits);
    let limits = &*LIMITS;
    if let Ok(drafts) = publish::parse(bytes, limits) {
        assert!((1..=limits.batch_events_max).contains(&drafts.as_slice().len()));
    }
}

/// Reads a message as `/api/ws` does.
pub fn web_message(text: &str) {
    let message = ws::message::parse(text);
    if let Some(reference) = message.reference {
        assert!(text.contains(reference), "a reference goes back as it came");
    }
}
