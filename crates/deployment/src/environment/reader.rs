//! Reads tables of TOML key by key, and collects what is wrong with all of them.

use std::{cell::RefCell, collections::BTreeSet};

use toml::{Table, Value};

use super::Argv;

/// All faults that were found.
#[derive(Default)]
pub(super) struct Faults(RefCell<Vec<String>>);

/// A table, and which of its keys are known.
pub(super) struct Section<'t> {
    at: String,
    table: Option<&'t Table>,
    known: BTreeSet<&'static str>,
    faults: &'t Faults,
}

impl Faults {
    pub(super) fn add(&self, fault: String) {
        self.0.borrow_mut().push(fault);
    }

    pub(super) fn into_all(self) -> Vec<String> {
        self.0.into_inner()
    }
}

impl<'t> Section<'t> {
    pub(super) fn root(table: &'t Table, faults: &'t Faults) -> Self {
        Section { at: String::new(), table: Some(table), known: BTreeSet::new(), faults }
    }

    /// Returns whether it is there.
    pub(super) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// Names a key of it.
    pub(super) fn name(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    pub(super) fn fault(&self, key: &str, what: &str) {
        self.faults.add(format!("`{}` {what}", self.name(key)));
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Value> {
        self.known.insert(key);
        self.table?.get(key)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.take(key)?;
        let text = value.as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.fault(key, "has to be a text in quotes that is not empty");
        }
        text.map(ToOwned::to_owned)
    }

    pub(super) fn needed_text(&mut self, key: &'static str, what: &str) -> Option<String> {
        if self.table.is_some_and(|table| !table.contains_key(key)) {
            self.known.insert(key);
            self.fault(key, &format!("is missing: {what}"));
            return None;
        }
        self.text(key)
    }

    /// Reads a program with its arguments.
    pub(super) fn argv(&mut self, key: &'static str) -> Option<Argv> {
        let argv = argv(self.take(key)?);
        if argv.is_none() {
            self.fault(
                key,
                "has to be a program and its arguments, as [\"systemctl\", \"start\", \"x\"]",
            );
        }
        argv
    }

    /// Reads programs that run one after the other.
    pub(super) fn commands(&mut self, key: &'static str) -> Vec<Argv> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let all = value.as_array().and_then(|all| all.iter().map(argv).collect::<Option<Vec<_>>>());
        if all.is_none() {
            self.fault(
                key,
                "has to be a list of programs with their arguments, as [[\"make\", \"apply\"]]",
            );
        }
        all.unwrap_or_default()
    }

    pub(super) fn section(&mut self, key: &'static str) -> Section<'t> {
        let value = self.take(key);
        let table = value.and_then(Value::as_table);
        if value.is_some() && table.is_none() {
            self.fault(key, "has to be a table");
        }
        Section { at: self.name(key), table, known: BTreeSet::new(), faults: self.faults }
    }

    /// Reads a list of tables.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'t>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let all = value.as_array().filter(|all| all.iter().all(Value::is_table));
        if all.is_none() {
            self.fault(key, &format!("has to be a list of tables, each headed [[{key}]]"));
        }
        let tables = all.into_iter().flatten().enumerate().map(|(index, value)| Section {
            at: format!("{}[{index}]", self.name(key)),
            table: value.as_table(),
            known: BTreeSet::new(),
            faults: self.faults,
        });
        tables.collect()
    }

    /// Reads a table with keys of its own choice.
    pub(super) fn entries(&mut self, key: &'static str) -> Vec<(&'t String, &'t Value)> {
        let Some(value) = self.take(key) else { return Vec::new() };
        if value.as_table().is_none() {
            self.fault(key, "has to be a table");
        }
        value.as_table().into_iter().flatten().collect()
    }

    /// Returns a table under a key of somebody's own choice.
    pub(super) fn of(&self, key: &str, name: &str, value: &'t Value) -> Section<'t> {
        let table = value.as_table();
        if table.is_none() {
            self.fault(&format!("{key}.{name}"), "has to be a table");
        }
        let at = self.name(&format!("{key}.{name}"));
        Section { at, table, known: BTreeSet::new(), faults: self.faults }
    }

    /// Names the keys that are not known.
    pub(super) fn end(self) {
        let Some(table) = self.table else { return };
        let known: Vec<_> = self.known.iter().copied().collect();
        for key in table.keys().filter(|key| !self.known.contains(key.as_str())) {
            self.fault(key, &format!("is not known; here may stand {}", known.join(", ")));
        }
    }
}

fn argv(value: &Value) -> Option<Argv> {
    let words = value.as_array()?.iter().map(|word| word.as_str().map(ToOwned::to_owned));
    let argv = words.collect::<Option<Argv>>()?;
    argv.first().is_some_and(|program| !program.is_empty()).then_some(argv)
}
