//! Values against JSON Schemas of a document, by a validator that is none of ours.
//!
//! It is Python's, and no crate: those would give SurrealDB, `serde_json` and others features that
//! the program does not have, so the tests would run another program, and build it anew.

use std::{fs::File, io::Write, process::Command};

use serde_json::{Value, json};

/// Prints a line for each value that does not fit, and for each schema that is none.
const CHECK: &str = r##"
import json, sys
from jsonschema import Draft202012Validator as Validator
asked = json.load(sys.stdin)
components = asked["document"]["components"]
for name, schema in components["schemas"].items():
    try:
        Validator.check_schema(schema)
    except Exception as error:
        print("the schema", name, "is none:", error)
for case in asked["cases"]:
    validator = Validator({**case["schema"], "components": components})
    for error in validator.iter_errors(case["value"]):
        print(case["name"], "at", "/".join(map(str, error.absolute_path)), error.message)
"##;

/// Values that are to be checked, all at once.
#[derive(Debug)]
pub(crate) struct Cases {
    document: Value,
    cases: Vec<Value>,
}

impl Cases {
    pub(crate) fn of(document: &Value) -> Self {
        Cases { document: document.clone(), cases: Vec::new() }
    }

    /// Adds a value that must fit a schema of the document.
    pub(crate) fn add(&mut self, name: &str, schema: &Value, value: &Value) {
        self.cases.push(json!({"name": name, "schema": schema, "value": value}));
    }

    /// Adds a value that must fit a schema by its name.
    pub(crate) fn add_named(&mut self, name: &str, schema: &str, value: &Value) {
        let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
        self.add(name, &schema, value);
    }

    /// Returns a line for each that does not fit.
    pub(crate) fn misfits(&self) -> Vec<String> {
        assert!(!self.cases.is_empty(), "there is something to check");
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let path = folder.path().join("asked");
        let asked = json!({"document": self.document, "cases": self.cases}).to_string();
        File::create(&path).and_then(|mut file| file.write_all(asked.as_bytes())).expect("written");
        let asked = File::open(&path).expect("it was written");
        let mut python = Command::new("/usr/bin/python3");
        let said = python.args(["-c", CHECK]).stdin(asked).output();
        let said = said.expect("`cargo xtask setup` installs Python and its jsonschema");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).lines().map(str::to_owned).collect()
    }

    #[track_caller]
    pub(crate) fn assert_fit(&self) {
        let misfits = self.misfits();
        assert!(misfits.is_empty(), "{}", misfits.join("\n"));
    }
}
