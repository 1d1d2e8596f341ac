//! The front matter: who, where, for what and within which bounds.
//!
//! A part of YAML: `key: value`, and one level of such lines under `runbook`, `roles` and `values`.
//! Other keys belong to whoever wrote the document and are passed over.

use std::collections::BTreeMap;

use evidence::Verifier;
use guard::{Alpha, Share};

use crate::{
    placeholder,
    problem::Problem,
    vocabulary::{Length, Mode},
};

/// What the front matter says.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    /// The lines of the settings of `runbook`, by their keys.
    pub(crate) lines: BTreeMap<String, usize>,
    pub(crate) mode: Mode,
    pub(crate) environment: Option<String>,
    /// The role of steps that name none.
    pub(crate) owner: Option<String>,
    pub(crate) window: Option<Length>,
    pub(crate) rto: Option<Length>,
    pub(crate) alpha: Alpha,
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) values: BTreeMap<String, String>,
}

/// Who a role is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Role {
    pub(crate) line: usize,
    pub(crate) people: Vec<Person>,
}

/// A person, with the key that signs for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) key: Option<Verifier>,
}

impl Person {
    /// Returns whether both are one and the same, by their names or by their keys.
    pub(crate) fn is(&self, other: &Person) -> bool {
        is_same((&self.name, self.key.as_ref()), (&other.name, other.key.as_ref()))
    }

    /// Returns whether nobody has put a person's name there.
    pub(crate) fn is_placeholder(&self) -> bool {
        placeholder::is_stand_in(&self.name)
    }
}

/// Returns whether two people are one, by their names or by their keys: the name that a key has in
/// itself does not count.
pub(crate) fn is_same(one: (&str, Option<&Verifier>), other: (&str, Option<&Verifier>)) -> bool {
    let of = |key: Option<&Verifier>| key.map(|key| *key.public());
    is_same_name(one.0, other.0) || (one.1.is_some() && of(one.1) == of(other.1))
}

/// Returns whether two names are one to whoever reads them: capitals, spaces and the way in which an
/// accent is written make no other person.
fn is_same_name(one: &str, other: &str) -> bool {
    let spaced = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ");
    caseless::compatibility_caseless_match_str(&spaced(one), &spaced(other))
}

/// A line of a block of ours.
#[derive(Debug)]
pub(crate) struct Setting<'t> {
    pub(crate) line: usize,
    pub(crate) key: &'t str,
    pub(crate) value: String,
}

/// The blocks of ours, and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Blocks<'t> {
    /// Whether there is a block `runbook`.
    pub(crate) is_runbook: bool,
    /// Its line.
    runbook_line: usize,
    pub(crate) settings: Vec<(&'static str, Setting<'t>)>,
    opened: Vec<&'static str>,
    is_full: bool,
    pub(crate) problems: Vec<Problem>,
}

/// The most lines of our blocks.
const SETTINGS_MAX: usize = 500;

/// The longest value for a placeholder, in bytes.
const VALUE_BYTES_MAX: usize = 256;

/// The blocks that mean something here.
pub(crate) const BLOCKS: [&str; 3] = ["runbook", "roles", "values"];

/// Finds the lines of our blocks in a front matter whose first line is the document's.
pub(crate) fn blocks(text: &str) -> Blocks<'_> {
    let mut found = Blocks::default();
    let mut block = None;
    for (number, line) in (1..).zip(text.lines()) {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') || content == "---" {
            continue;
        }
        let is_inner = line.starts_with([' ', '\t']);
        match (is_inner, block) {
            (false, _) => block = found.open(number, content),
            (true, Some(block)) => found.setting(number, block, content),
            (true, None) => {}
        }
    }
    found
}

impl<'t> Blocks<'t> {
    fn fault(&mut self, line: usize, text: impl Into<String>) {
        self.problems.push(Problem::fault(line, "front-matter", text));
    }

    fn open(&mut self, line: usize, content: &str) -> Option<&'static str> {
        let (key, value) = content.split_once(':').unwrap_or((content, ""));
        let block = BLOCKS.into_iter().find(|block| *block == key.trim_end())?;
        if block == "runbook" && !self.is_runbook {
            (self.is_runbook, self.runbook_line) = (true, line);
        }
        if self.opened.contains(&block) {
            self.fault(line, format!("there is a second block `{block}`"));
        }
        self.opened.push(block);
        let value = value.trim();
        if !value.is_empty() && !value.starts_with('#') {
            let text = format!("what belongs to `{block}` stands in lines of its own below it");
            self.fault(line, text);
        }
        Some(block)
    }

    fn setting(&mut self, line: usize, block: &'static str, content: &'t str) {
        match self.settings.len() {
            n if n < SETTINGS_MAX => {}
            SETTINGS_MAX if self.is_full => return,
            _ => {
                self.is_full = true;
                return self.fault(line, format!("there are more than {SETTINGS_MAX} settings"));
            }
        }
        let Some((key, value)) = content.split_once(':') else {
            return self.fault(line, format!("a line of `{block}` is `key: value`"));
        };
        let key = key.trim_end();
        let Some(value) = scalar(value.trim()) else {
            let text = format!("the value of `{key}` is no plain text on one line");
            return self.fault(line, text);
        };
        if self.settings.iter().any(|(other, known)| *other == block && known.key == key) {
            return self.fault(line, format!("`{key}` stands twice in `{block}`"));
        }
        self.settings.push((block, Setting { line, key, value }));
    }
}

/// Returns a plain or a quoted value; nothing for what YAML would read as something else.
fn scalar(text: &str) -> Option<String> {
    if let Some(quote) = ['"', '\''].into_iter().find(|quote| text.starts_with(*quote)) {
        let (inner, rest) = text[1..].split_once(quote)?;
        let rest = rest.trim();
        let is_plain = !inner.contains('\\') && (rest.is_empty() || rest.starts_with('#'));
        return is_plain.then(|| inner.to_owned());
    }
    let plain = text.split(" #").next().unwrap_or_default().trim();
    let is_plain =
        !plain.is_empty() && !plain.starts_with(['[', '{', '|', '>', '&', '*', '!', '%', '#']);
    is_plain.then(|| plain.to_owned())
}

/// Reads the front matter; what is wrong goes to the problems.
pub(crate) fn read(text: &str, problems: &mut Vec<Problem>) -> Front {
    let mut front = Front {
        lines: BTreeMap::new(),
        mode: Mode::Readiness,
        environment: None,
        owner: None,
        window: None,
        rto: None,
        alpha: Alpha::ONE_PERCENT,
        roles: BTreeMap::new(),
        values: BTreeMap::new(),
    };
    let found = blocks(text);
    if !found.is_runbook {
        let text =
            "there is no front matter with a block `runbook`; `tidegate runbook import` makes one";
        problems.push(Problem::fault(1, "front-matter", text));
    }
    problems.extend(found.problems);
    let mut version = None;
    for (block, setting) in &found.settings {
        match *block {
            "runbook" => {
                front.lines.insert(setting.key.to_owned(), setting.line);
                if setting.key == "version" {
                    version = Some(setting);
                } else if let Err(text) = front.set(setting) {
                    problems.push(Problem::fault(setting.line, "front-matter", text));
                }
            }
            "roles" => front.role(setting, problems),
            _ => front.value(setting, problems),
        }
    }
    if found.is_runbook && version.is_none_or(|setting| setting.value != "1") {
        let line = version.map_or(found.runbook_line, |setting| setting.line);
        problems.push(Problem::fault(
            line,
            "front-matter",
            "`version: 1` has to stand in `runbook`",
        ));
    }
    front
}

impl Front {
    /// Returns the line of a setting of `runbook`.
    pub(crate) fn line(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(1)
    }

    fn set(&mut self, setting: &Setting<'_>) -> Result<(), String> {
        let value = setting.value.as_str();
        let told = |error: &dyn std::fmt::Display| format!("`{}`: {error}", setting.key);
        match setting.key {
            "mode" => self.mode = value.parse().map_err(|error| told(&error))?,
            "environment" => self.environment = Some(value.to_owned()),
            "owner" => self.owner = Some(value.to_owned()),
            "window" => self.window = Some(value.parse().map_err(|error| told(&error))?),
            "rto" => self.rto = Some(value.parse().map_err(|error| told(&error))?),
            "alpha" => {
                self.alpha = alpha(value).map_err(|error| told(&error))?;
            }
            key => {
                let known = "version, mode, environment, owner, window, rto, alpha";
                return Err(format!("`{key}` is no setting of `runbook`; those are {known}"));
            }
        }
        Ok(())
    }

    fn value(&mut self, setting: &Setting<'_>, problems: &mut Vec<Problem>) {
        if setting.value.len() > VALUE_BYTES_MAX
            || placeholder::find(&setting.value).next().is_some()
        {
            let text = format!(
                "the value of `{}` has {VALUE_BYTES_MAX} bytes at most and no placeholder",
                setting.key
            );
            return problems.push(Problem::fault(setting.line, "front-matter", text));
        }
        self.values.insert(setting.key.to_owned(), setting.value.clone());
    }

    fn role(&mut self, setting: &Setting<'_>, problems: &mut Vec<Problem>) {
        if !is_role(setting.key) {
            let text =
                format!("`{}` is no role: lower-case letters, digits and hyphens", setting.key);
            problems.push(Problem::fault(setting.line, "front-matter", text));
        }
        let mut role = Role { line: setting.line, people: Vec::new() };
        for person in setting.value.split(',').map(str::trim) {
            let (name, key) = match person.rsplit_once(' ') {
                Some((name, key)) if key.contains('+') => (name.trim(), Some(key)),
                _ => (person, None),
            };
            let key =
                key.map(str::parse).transpose().unwrap_or_else(|error: evidence::KeyError| {
                    let text = format!("the key of {name}: {error}");
                    problems.push(Problem::fault(setting.line, "front-matter", text));
                    None
                });
            if name.is_empty() {
                let text = format!("the role `{}` names nobody", setting.key);
                problems.push(Problem::fault(setting.line, "front-matter", text));
            }
            role.people.push(Person { name: name.to_owned(), key });
        }
        self.roles.insert(setting.key.to_owned(), role);
    }
}

/// Reads the share of good releases that a guard may fail: a part of one, or with its sign.
fn alpha(text: &str) -> Result<Alpha, String> {
    let number = match text.parse::<Share>() {
        Ok(share) if text.ends_with('%') => share.of_one(),
        _ => text.parse().map_err(|_| format!("`{text}` is no number, as `0.01` or `1%` is"))?,
    };
    Alpha::new(number).map_err(|error| error.to_string())
}

/// Returns whether a text can name a role.
pub(crate) fn is_role(text: &str) -> bool {
    text.parse::<evidence::Role>().is_ok()
}
