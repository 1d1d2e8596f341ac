//! How a statement gets to its rows, by the server's own account. Pure.
//!
//! SurrealDB 3.0.0 explains what its new executor runs (`EXPLAIN SELECT …`) as lines of text, a
//! `DELETE … EXPLAIN` as a list of operations, and no `INSERT`.

use surrealdb_types::Value;

use crate::statement::{Statement, Way};

/// What reads a whole table.
const WHOLE_TABLE: [&str; 3] = ["TableScan", "DynamicScan", "Iterate Table"];

/// What reads a range of ids.
const RANGE: [&str; 3] = ["RecordIdScan", "CountScan", "Iterate Range"];

/// A statement of chat and how each of its parts gets to its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What it is called in the list.
    pub name: &'static str,
    /// What it does.
    pub operation: &'static str,
    /// Its parts, a statement each; none where it was not asked for.
    pub parts: Vec<Part>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its text, with its variables.
    pub text: String,
    /// How it is to get to its rows.
    pub wanted: String,
    /// How it does, as the server says; nothing where it does not say.
    pub plan: Option<String>,
    /// Whether that is what is wanted.
    pub is_good: bool,
}

impl Pattern {
    pub(super) fn unasked(statement: Statement) -> Self {
        let (name, operation) = (statement.name(), statement.operation());
        Pattern { name, operation, parts: Vec::new() }
    }

    /// Returns whether it was asked for, and every part is as it is to be.
    pub fn is_good(&self) -> bool {
        !self.parts.is_empty() && self.parts.iter().all(|part| part.is_good)
    }
}

impl Part {
    pub(super) fn judged(text: String, way: Way, plan: Option<String>) -> Self {
        let is_good = match &plan {
            Some(plan) => takes(way, plan),
            // Rows are written under the ids that they carry; nothing is looked for.
            None => way == Way::Ids,
        };
        let wanted = match way {
            Way::Ids => "whole ids".to_owned(),
            Way::Range => "a range of ids".to_owned(),
            Way::Index(name) => format!("the index {name}"),
        };
        Part { text, wanted, plan, is_good }
    }
}

/// Returns what makes the server explain a statement, where it can.
pub(super) fn explaining(statement: &str) -> Option<String> {
    let is = |word: &str| statement.starts_with(word);
    match () {
        () if is("SELECT ") || is("RETURN ") => Some(format!("EXPLAIN {statement}")),
        () if is("DELETE ") => Some(format!("{statement} EXPLAIN")),
        () => None,
    }
}

/// Returns an explanation as one line.
pub(super) fn in_words(value: Value) -> String {
    let text = match value {
        Value::String(text) => text,
        other => other.into_json_value().to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn takes(way: Way, plan: &str) -> bool {
    let has = |marks: &[&str]| marks.iter().any(|mark| plan.contains(mark));
    if has(&WHOLE_TABLE) || plan.is_empty() {
        return false;
    }
    match way {
        Way::Ids => !plan.contains("IndexScan"),
        Way::Range => has(&RANGE) && plan.contains('['),
        Way::Index(name) => plan.contains("IndexScan") && plan.contains(&format!("index: {name},")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Way, takes};

    #[test]
    fn plans_of_the_server_are_told_apart() {
        let index = "ProjectValue [ctx: Db] [expr: seq] IndexScan [ctx: Db] [index: message_of_id, \
                     access: ['t', 'm'], direction: Forward]";
        let range =
            "Project [ctx: Db] RecordIdScan [ctx: Db] [record_id: message:[$t, $n]>..=[$t]]";
        let delete = r#"[{"detail":{"range":"['t', 1]..['t']"},"operation":"Iterate Range"}]"#;
        let whole = "SelectProject [ctx: Db] TableScan [ctx: Db] [table: thread, limit: 3]";
        let ids = "SelectProject [ctx: Rt] SourceExpr [ctx: Rt] [expr: $id]";
        let by_id = Way::Index("message_of_id");
        for (way, plan) in
            [(by_id, index), (Way::Range, range), (Way::Range, delete), (Way::Ids, ids)]
        {
            assert!(takes(way, plan), "{way:?}: {plan}");
        }
        let wrong = [
            (by_id, whole),
            (by_id, range),
            (Way::Index("message_of"), index),
            (Way::Range, whole),
            (Way::Range, index),
            (Way::Range, r#"[{"operation":"Iterate Table"}]"#),
            (Way::Ids, whole),
            (Way::Ids, ""),
        ];
        for (way, plan) in wrong {
            assert!(!takes(way, plan), "{way:?}: {plan}");
        }
    }
}
