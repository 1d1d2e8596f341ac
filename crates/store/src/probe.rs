//! What is looked at before a release: how each statement of chat gets to its rows, what the server
//! lets see of its engine, and removing what was written for that.
//!
//! It looks at a database that is in use, through the code that uses it. All that it writes stands
//! under threads that the caller names, or in a database of its own.

mod engine;
mod exercise;
mod plan;
mod traces;

pub use self::{
    engine::{ChangeStamp, Clock, StampError},
    exercise::Answer,
    plan::{Part, Pattern},
    traces::{TABLES, Trace},
};
use crate::{chat::ChatError, query::Query, statement::Statement, store::Store};

/// Under what synthetic rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synthetic {
    /// The organisation and the scope.
    pub org: String,
    /// A thread.
    pub thread: String,
    /// Another one, of which nothing may be seen where the first is asked for.
    pub neighbour: String,
}

/// What chat's statements did on synthetic rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns {
    /// What was asked, and whether the answer is right.
    pub answers: Vec<Answer>,
    /// How each statement gets to its rows.
    pub patterns: Vec<Pattern>,
}

impl Store {
    /// Asks for everything that chat asks for, on rows that are known, and has each statement
    /// explained with what was bound to it.
    ///
    /// # Errors
    /// Fails where the database has no answer; rows may have been written.
    pub async fn try_patterns(&self, on: &Synthetic) -> Result<Patterns, ChatError> {
        self.client.listen();
        let answers = exercise::run(&self.chat(), on).await;
        let heard = self.client.heard();
        let answers = answers?;
        let mut patterns = Vec::with_capacity(Statement::ALL.len());
        for statement in Statement::ALL {
            // The last one: by then there are rows to be read.
            let asked = heard.iter().rev().find(|query| query.statement == Some(*statement));
            patterns.push(match asked {
                Some(query) => self.explain(*statement, query).await?,
                None => Pattern::unasked(*statement),
            });
        }
        Ok(Patterns { answers, patterns })
    }

    async fn explain(&self, statement: Statement, query: &Query) -> Result<Pattern, ChatError> {
        let mut parts = Vec::new();
        for ((sent, text), way) in query.parts().iter().zip(statement.parts()).zip(statement.ways())
        {
            let plan = match plan::explaining(sent) {
                None => None,
                Some(explaining) => {
                    let mut asked = Query::new("explain a statement", explaining);
                    asked.variables = query.variables.clone();
                    Some(plan::in_words(self.client.run(&asked).await?.value(0)?))
                }
            };
            parts.push(Part::judged(text.into_owned(), *way, plan));
        }
        Ok(Pattern { name: statement.name(), operation: statement.operation(), parts })
    }
}
