//! People are told: by a web hook, or by programs of the runbook.

use std::time::Duration;

use conductor::{Done, Notice, Work};
use tokio::time::{Instant, sleep, timeout_at};

use super::{error, pass};
use crate::{Deployment, http::Question};

/// How often it is tried.
const TRIES: u32 = 3;

/// How long one try may take.
const TRY_TIME_MAX: Duration = Duration::from_secs(5);

/// How long is waited behind the first one; twice as long behind the next.
const WAIT: Duration = Duration::from_millis(500);

impl Deployment {
    pub(super) async fn notify_step(&self, work: &Work, until: Instant) -> Done {
        if !work.step.content.commands.is_empty() {
            return self.run_all(&work.step.content.commands, work, until).await;
        }
        if self.settings.webhook.is_none() {
            return error(
                "Nobody says how people are told; add [notify] to the environment's file.",
            );
        }
        let notice = Notice {
            run: work.run.clone(),
            kind: "notify",
            text: work.step.text.clone(),
            roles: work.step.owners.clone(),
        };
        match timeout_at(until, self.notify(&notice)).await {
            Ok(Ok(())) => pass("The web hook took the notice."),
            Ok(Err(why)) => error(format!("{why}.")),
            Err(_) => error("The web hook did not answer in the step's time."),
        }
    }

    /// Tells people by the web hook; nothing happens where there is none.
    ///
    /// # Errors
    /// Fails with why it did not reach them, without what of the address may be a secret.
    pub(crate) async fn notify(&self, notice: &Notice) -> Result<(), String> {
        let Some(webhook) = &self.settings.webhook else { return Ok(()) };
        let address = self.settings.secrets.resolve(webhook).map_err(|error| error.to_string())?;
        let body = serde_json::to_value(notice).map_err(|error| error.to_string())?;
        let mut why = String::new();
        for number in 0..TRIES {
            if number > 0 {
                sleep(WAIT.saturating_mul(1 << (number - 1))).await;
            }
            let question =
                Question { json: Some(&body), within: Some(TRY_TIME_MAX), ..Question::default() };
            why = match self.http.ask("POST", address.expose(), question).await {
                Ok(answer) if answer.is_good() => return Ok(()),
                // What was refused would be refused again.
                Ok(answer) if is_final(answer.status.as_u16()) => {
                    return Err(format!(
                        "{} answered with {}",
                        host(address.expose()),
                        answer.status
                    ));
                }
                Ok(answer) => format!("{} answered with {}", host(address.expose()), answer.status),
                Err(_) => format!("{} did not answer", host(address.expose())),
            };
        }
        Err(format!("{why}, {TRIES} times"))
    }
}

fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && !matches!(status, 408 | 425 | 429)
}

/// Returns the host of a web hook alone: its path is mostly the secret.
fn host(address: &str) -> String {
    let url = reqwest::Url::parse(address).ok();
    let host = url.as_ref().and_then(|url| url.host_str());
    host.map_or_else(|| "the web hook".to_owned(), |host| format!("the web hook at {host}"))
}
