//! What checks of the run wrote is taken away, and seen to be gone.

use conductor::{Done, Work};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    document,
    endpoint::Endpoint,
    error, fail,
    fanout::{FANOUT, FannedOut},
    pass,
    synthetic::Writer,
    with,
};
use crate::Deployment;

/// The most messages of a thread that are looked at; checks write fewer.
const MESSAGES_MAX: usize = 200;

impl Deployment {
    pub(super) async fn cleanup(&self, work: &Work, until: Instant) -> Done {
        if !work.step.content.commands.is_empty() {
            return self.run_all(&work.step.content.commands, work, until).await;
        }
        let threads = written_threads(work);
        let key = match self.key() {
            Ok(key) => key,
            Err(why) => return error(format!("{why}.")),
        };
        let writer = Writer { key, mark: String::new() };
        let service = self.service_endpoint();
        let cleaned = timeout_at(until, self.clean_threads(&service, &writer, &threads)).await;
        let artefacts = vec![document("cleanup.json", &threads)];
        match cleaned {
            Ok(Ok(())) if threads.is_empty() => pass("Checks of this run wrote no thread."),
            Ok(Ok(())) => {
                let text = format!(
                    "Of the {} threads that checks wrote no message is left.",
                    threads.len()
                );
                with(pass(text), artefacts)
            }
            Ok(Err(why)) => with(fail(format!("What checks wrote is left: {why}.")), artefacts),
            Err(_) => with(error("It did not end in its time."), artefacts),
        }
    }

    /// Deletes the messages of threads that this run made, and leaves the threads.
    ///
    /// # Errors
    /// Fails with what is left.
    pub(super) async fn clean_threads(
        &self,
        of: &Endpoint,
        writer: &Writer,
        threads: &[String],
    ) -> Result<(), String> {
        let cleaned = threads.iter().map(|thread| self.clean_thread(of, writer, thread));
        let left: Vec<_> = join_all(cleaned).await.into_iter().filter_map(Result::err).collect();
        if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
    }

    async fn clean_thread(
        &self,
        of: &Endpoint,
        writer: &Writer,
        thread: &str,
    ) -> Result<(), String> {
        let at = format!("/v1/chat/threads/{thread}");
        let said = |what: &str| format!("the thread {thread}: {what}");
        let key = writer.key.as_ref();
        // Who has left it may not look any more: then it was left behind clean.
        let Some(before) = self.messages(of, &at, writer).await.map_err(|why| said(&why))? else {
            return Ok(());
        };
        for message in before.iter().filter(|message| !is_deleted(message)) {
            let number = message.get("seq").and_then(Value::as_u64).unwrap_or_default();
            let path = format!("{at}/messages/{number}");
            let answer =
                self.send(("DELETE", of, &path), key, None).await.map_err(|why| said(&why))?;
            if !answer.is_good() && answer.status.as_u16() != 404 {
                return Err(said(&format!("message {number}: {}", answer.refusal())));
            }
        }
        let after = self.messages(of, &at, writer).await.map_err(|why| said(&why))?;
        let left = after.unwrap_or_default().iter().filter(|message| !is_deleted(message)).count();
        if left > 0 {
            return Err(said(&format!("{left} messages are there")));
        }
        let path = format!("{at}/leave");
        let body = Value::Object(serde_json::Map::new());
        let answer =
            self.send(("POST", of, &path), key, Some(&body)).await.map_err(|why| said(&why))?;
        // An owner may have to stay: an empty thread of nobody else is left then.
        let is_gone = answer.is_good() || matches!(answer.status.as_u16(), 403 | 404 | 409 | 422);
        if is_gone { Ok(()) } else { Err(said(&answer.refusal())) }
    }

    /// Returns a thread's messages; nothing where it is not there for us any more.
    async fn messages(
        &self,
        of: &Endpoint,
        at: &str,
        writer: &Writer,
    ) -> Result<Option<Vec<Value>>, String> {
        let path = format!("{at}/messages?after=0&limit={MESSAGES_MAX}");
        let answer = self.send(("GET", of, &path), writer.key.as_ref(), None).await?;
        if matches!(answer.status.as_u16(), 403 | 404) {
            return Ok(None);
        }
        if !answer.is_good() {
            return Err(answer.refusal());
        }
        let mut page = answer.json()?;
        match page.get_mut("messages").map(Value::take) {
            Some(Value::Array(messages)) => Ok(Some(messages)),
            _ => Err("its page of messages is none".to_owned()),
        }
    }
}

fn is_deleted(message: &Value) -> bool {
    message.get("deleted_at_ms").is_some_and(|at| !at.is_null())
}

/// Returns the threads that checks of this run left behind.
fn written_threads(work: &Work) -> Vec<String> {
    let documents = work.kept.values().flatten().filter(|artefact| artefact.name == FANOUT);
    let read = documents.filter_map(|it| serde_json::from_slice::<FannedOut>(&it.bytes).ok());
    read.flat_map(|fanned| fanned.threads).collect()
}
