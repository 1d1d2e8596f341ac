//! Runbooks: whatever the text, it is read in bounded time; formatting is idempotent; an import has no
//! plan before a person confirmed it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use runbook::{Options, format, import, lint, plan};

fuzz_target!(|text: &str| {
    let options = Options::default();
    let is_sound = !lint(text, &options).iter().any(runbook::Problem::is_fault);
    assert_eq!(plan(text, &options).plan.is_some(), is_sound);
    if let Ok(formatted) = format(text) {
        assert_eq!(format(&formatted).as_ref(), Ok(&formatted));
    }
    if let Ok(imported) = import(text) {
        assert!(plan(&imported.text, &options).plan.is_none());
    }
});
