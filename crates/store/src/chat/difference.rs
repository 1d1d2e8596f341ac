//! A row that is not what was written under its id.

use std::fmt;

/// Which row, and which of its fields. It holds no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The id: the thread, and for a message its number.
    pub id: String,
    /// The fields that differ.
    pub fields: Vec<&'static str>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { table, id, fields } = self;
        write!(
            f,
            "the {table} `{id}` has another content in the database ({}): find out who else wrote it \
             before anything is written again",
            fields.join(", ")
        )
    }
}

impl std::error::Error for Difference {}

/// Compares field by field.
#[derive(Default)]
pub(super) struct Comparing {
    fields: Vec<&'static str>,
}

impl Comparing {
    pub(super) fn field<T: PartialEq>(mut self, name: &'static str, ours: &T, theirs: &T) -> Self {
        if ours != theirs {
            self.fields.push(name);
        }
        self
    }

    /// Returns the difference, if there is one.
    pub(super) fn end(self, table: &'static str, id: String) -> Option<Difference> {
        let Comparing { fields } = self;
        (!fields.is_empty()).then_some(Difference { table, id, fields })
    }
}
