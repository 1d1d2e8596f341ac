//! Sends commands, and gives each its answer or an error that says what to do.

use super::{HaproxyRouter, answer, socket};
use crate::RouterError;

impl HaproxyRouter {
    /// Sends commands in one exchange; returns the answer to each.
    pub(super) async fn query<const N: usize>(
        &self,
        commands: [&str; N],
    ) -> Result<[String; N], RouterError> {
        let answers = self.query_all(&commands).await?;
        answers.try_into().map_err(|_| {
            let line = commands.join(";");
            self.unreadable(&line, "there are not as many answers as commands")
        })
    }

    /// Sends commands in one exchange; returns as many answers.
    pub(super) async fn query_all(&self, commands: &[&str]) -> Result<Vec<String>, RouterError> {
        let line = commands.join(";");
        let text = socket::exchange(&self.settings.socket, &line, self.settings.timeout).await?;
        let answers = answer::part(&text, commands.len());
        // HAProxy ends the line with a command that it refuses.
        let refused = answers.is_none().then(|| answer::refusal(&text)).flatten();
        if let Some((said, advice)) = refused {
            return Err(self.refused(&line, said, advice));
        }
        let Some(answers) = answers else {
            let bytes = text.len();
            return Err(RouterError::BrokeOff { router: self.title(), command: line, bytes });
        };
        for (command, answer) in commands.iter().zip(&answers) {
            if let Some((said, advice)) = answer::refusal(answer) {
                return Err(self.refused(command, said, advice));
            }
        }
        Ok(answers.into_iter().map(ToOwned::to_owned).collect())
    }

    /// Sends a command that is answered with nothing where it is done.
    pub(super) async fn order(&self, command: &str) -> Result<(), RouterError> {
        let [answer] = self.query([command]).await?;
        if answer.is_empty() {
            return Ok(());
        }
        let said = answer.lines().next().unwrap_or_default().to_owned();
        Err(self.refused(command, said, "look at HAProxy's log"))
    }

    pub(super) fn title(&self) -> String {
        format!("HAProxy at {}", self.settings.socket)
    }

    pub(super) fn unreadable(&self, command: &str, what: impl Into<String>) -> RouterError {
        let (router, command) = (self.title(), command.to_owned());
        RouterError::Unreadable { router, command, what: what.into() }
    }

    fn refused(&self, command: &str, said: String, advice: &'static str) -> RouterError {
        let (router, command) = (self.title(), command.to_owned());
        RouterError::Refused { router, command, said, advice }
    }
}
