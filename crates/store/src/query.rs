//! One request to the database, and its answer.
//!
//! Texts are ours; whatever comes from elsewhere is bound, so that it can't be read as SurrealQL. Where
//! an index is to be used it can't be: SurrealDB 3.0.0 finds none for a condition with a variable in
//! it, whatever `WITH INDEX` says, and reads the whole table. There it stands in the text, as letters,
//! digits and escapes alone (`literal`).

use std::borrow::Cow;

use surrealdb::{
    IndexedResults,
    types::{Error, Object, RecordId, RecordIdKey, SurrealValue, Value},
};

use crate::{
    error::QueryError,
    fault::without_values,
    statement::{Statement, Way},
};

/// Most bytes of what is bound to one request.
pub(crate) const QUERY_BYTES_MAX: usize = 4 << 20;

/// One or more statements with what is bound to them.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// What it does, for whoever reads an error.
    pub(crate) operation: &'static str,
    pub(crate) text: Cow<'static, str>,
    pub(crate) variables: Object,
    /// Which of chat's it is.
    pub(crate) statement: Option<Statement>,
    /// Whether it is made for whoever has no place on the database yet, or any more.
    pub(crate) is_of_places: bool,
    /// Whether it does not wait behind those who read.
    pub(crate) is_urgent: bool,
}

impl Query {
    pub(crate) fn new(operation: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        let (text, variables) = (text.into(), Object::new());
        let (statement, is_of_places, is_urgent) = (None, false, false);
        Query { operation, text, variables, statement, is_of_places, is_urgent }
    }

    /// Returns one about the places of processes, which needs none itself.
    pub(crate) fn of_places(operation: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Query { is_of_places: true, is_urgent: true, ..Query::new(operation, text) }
    }

    /// Lets it pass those who read.
    pub(crate) fn urgent(self) -> Self {
        Query { is_urgent: true, ..self }
    }

    /// Returns one of chat's, with nothing bound yet.
    pub(crate) fn of(statement: Statement) -> Self {
        let text = statement.parts().join("; ");
        Query { statement: Some(statement), ..Query::new(statement.operation(), text) }
    }

    /// Returns its parts as they are sent, texts of conditions with an index in their place.
    pub(crate) fn parts(&self) -> Vec<String> {
        let Some(statement) = self.statement else { return vec![self.text.to_string()] };
        let parts = statement.parts().into_iter().zip(statement.ways());
        let sent = |(part, way): (Cow<'static, str>, &Way)| match way {
            Way::Index(_) => with_literals(&part, &self.variables),
            Way::Ids | Way::Range => part.into_owned(),
        };
        parts.map(sent).collect()
    }

    /// Binds `$name`.
    pub(crate) fn bind(mut self, name: &str, value: impl SurrealValue) -> Self {
        self.variables.insert(name, value);
        self
    }

    /// Returns about how many bytes are bound.
    pub(crate) fn bytes(&self) -> usize {
        bytes_of_object(&self.variables)
    }
}

/// The results of the statements of one request, none of which failed.
#[derive(Debug)]
pub(crate) struct Answer {
    operation: &'static str,
    results: IndexedResults,
    /// How many statements stood before those of the caller.
    skipped: usize,
}

impl Answer {
    pub(crate) fn new(operation: &'static str, results: IndexedResults, skipped: usize) -> Self {
        Answer { operation, results, skipped }
    }

    /// Takes the result of the statement at this place.
    pub(crate) fn value(&mut self, index: usize) -> Result<Value, QueryError> {
        let value = self.results.take(self.skipped + index);
        value.map_err(|error| self.damaged(without_values(error.message())))
    }

    /// Takes the rows of the statement at this place; what stands for a row that is not there is left
    /// out.
    pub(crate) fn rows<T: SurrealValue>(&mut self, index: usize) -> Result<Vec<T>, QueryError> {
        let rows = match self.value(index)? {
            Value::Array(rows) => {
                rows.into_iter().filter(|row| !matches!(row, Value::None | Value::Null)).collect()
            }
            Value::None | Value::Null => Vec::new(),
            one => vec![one],
        };
        let damaged = |error: Error| self.damaged(without_values(error.message()));
        let read = |row| T::from_value(row).map_err(damaged);
        rows.into_iter().map(read).collect()
    }

    /// Says that the answer can't be what the statement answers.
    pub(crate) fn damaged(&self, what: impl Into<String>) -> QueryError {
        QueryError::Damaged { operation: self.operation, what: what.into() }
    }
}

/// Puts bound texts in the place of their variables; numbers stay variables.
fn with_literals(text: &str, variables: &Object) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('$');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = part.find(|c| !is_of_name(c)).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        match variables.get(name) {
            Some(Value::String(value)) => literal(value, &mut out),
            _ => {
                out.push('$');
                out.push_str(name);
            }
        }
        out.push_str(rest);
    }
    out
}

/// Writes a text as SurrealQL: whatever is no ASCII letter or digit is written as an escape, so that
/// nothing in it can end it.
fn literal(value: &str, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        match c.is_ascii_alphanumeric() {
            true => out.push(c),
            false => out.push_str(&format!("\\u{{{:X}}}", u32::from(c))),
        }
    }
    out.push('"');
}

/// Returns the id of a row by the parts of its key.
pub(crate) fn id(table: &'static str, key: Vec<Value>) -> RecordId {
    RecordId::new(table, RecordIdKey::Array(key.into()))
}

/// Returns about how many bytes a value has on its way.
fn bytes_of(value: &Value) -> usize {
    const SMALL: usize = 16;
    match value {
        Value::String(text) => SMALL + text.len(),
        Value::Bytes(bytes) => SMALL + bytes.len(),
        Value::Array(values) => SMALL + values.iter().map(bytes_of).sum::<usize>(),
        Value::Object(object) => bytes_of_object(object),
        Value::RecordId(id) => match &id.key {
            RecordIdKey::Array(parts) => SMALL + parts.iter().map(bytes_of).sum::<usize>(),
            RecordIdKey::String(text) => SMALL + text.len(),
            _ => 2 * SMALL,
        },
        _ => SMALL,
    }
}

fn bytes_of_object(object: &Object) -> usize {
    object.iter().map(|(name, value)| 16 + name.len() + bytes_of(value)).sum()
}

#[cfg(test)]
mod tests;
