//! What a client is told, as JSON.

use broker::Receipt;
use delivery::{Opened, session::ClientMessage, ws};
use event::StreamName;

use super::message;
use crate::{AppState, auth::Caller, error::ApiError, request::new_request_id, surface::Sent};

/// Returns the first message of every connection; none of its texts needs escaping.
pub(crate) fn connected(app: &AppState, caller: &Caller) -> String {
    let (org, (backend, status)) = (&caller.org, app.serving());
    format!(
        r#"{{"type":"connected","orgId":"{org}","backend":"{backend}","realtimeStatus":"{status}"}}"#
    )
}

/// Returns what comes before a stream's first event: how it begins, and the hole; none of the texts
/// needs escaping.
pub(crate) fn preamble(stream: &StreamName, opened: &Opened) -> Vec<String> {
    let label = ws::stream_label(stream);
    let (resume, replayed, last) = (opened.resume.as_str(), opened.replayed, opened.after);
    let subscribed = format!(
        r#"{{"type":"subscribed","stream":"{label}","resume":"{resume}","replayed":{replayed},"lastEventId":"{last}"}}"#
    );
    let gap = opened.gap.as_ref().map(|gap| ws::gap_json(&label, gap));
    std::iter::once(subscribed).chain(gap).collect()
}

/// Returns the acknowledgement of a publish; a reference goes back as it was sent.
pub(super) fn ack(reference: Option<&str>, receipt: &Receipt) -> String {
    let (reference, id, cursor) = (reference.unwrap_or("null"), receipt.id, receipt.position);
    format!(r#"{{"type":"ack","ref":{reference},"id":"{id}","cursor":"{cursor}"}}"#)
}

/// Returns the acknowledgement of a message to a thread.
pub(super) fn sent(reference: Option<&str>, sent: &Sent) -> String {
    let (reference, Sent { message_id, seq, cursor }) = (reference.unwrap_or("null"), sent);
    format!(
        r#"{{"type":"ack","ref":{reference},"id":"{message_id}","cursor":"{cursor}","seq":{seq}}}"#
    )
}

/// Returns what a client is told of messages that all fail for one reason.
pub(super) fn refusals<'a>(
    messages: &'a [ClientMessage],
    reason: &'a ApiError,
) -> impl Iterator<Item = String> + 'a {
    messages.iter().filter_map(|message| match message {
        ClientMessage::Text(text) => Some(error(reason, message::parse(text).reference)),
        ClientMessage::Binary(_) => None,
    })
}

/// Returns what a client is told of a failure.
pub(super) fn error(error: &ApiError, reference: Option<&str>) -> String {
    let id = new_request_id();
    tracing::debug!(request_id = id, ?error, "refused");
    let mut body = serde_json::json!({
        "code": error.code().as_str(),
        "message": error.message(),
        "request_id": id,
    })
    .to_string();
    let reference = reference.map(|reference| format!(r#""ref":{reference},"#));
    body.insert_str(1, &format!(r#""type":"error",{}"#, reference.unwrap_or_default()));
    body
}

#[cfg(test)]
mod tests;
