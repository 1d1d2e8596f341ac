//! Guesses: what headings, verbs and the forms of code usually mean. Each is put to a person.

use crate::{
    code::{Form, form},
    mark::Mark,
    outline::{Code, Heading, LEAD_LEVEL},
    vocabulary::{Kind, Section},
};

/// Words of headings, the more telling first.
const SECTIONS: &[(&str, Section)] = &[
    ("trigger", Section::Triggers),
    ("rollback path", Section::Rollback),
    ("rollback plan", Section::Rollback),
    ("rollback procedure", Section::Rollback),
    ("rollback steps", Section::Rollback),
    ("timeline", Section::Timeline),
    ("gate", Section::Gates),
    ("precondition", Section::Gates),
    ("prerequisite", Section::Gates),
    ("criteria", Section::Criteria),
    ("acceptance", Section::Criteria),
    ("checklist", Section::Checklist),
    ("sign-off", Section::Checklist),
    ("observability", Section::Criteria),
    ("checks", Section::Criteria),
    ("procedure", Section::Steps),
    ("rollout", Section::Steps),
    ("migration plan", Section::Steps),
    ("cutover plan", Section::Steps),
    ("steps", Section::Steps),
];

/// Words of steps, the more telling first; what is told by code comes before.
const KINDS: &[(&[&str], Kind)] = &[
    (&["decision", "go/no-go", "decide"], Kind::Decision),
    (&["replay", "reconnect"], Kind::ReplayCheck),
    (&["fanout", "receivers", "two replicas"], Kind::FanoutCheck),
    (&["canary", "traffic"], Kind::Traffic),
    (&["monitor", "observe"], Kind::Guard),
    (&["record", "capture", "preserve", "export"], Kind::Capture),
    (&["compare"], Kind::Compare),
    (&["notify", "announce", "stakeholder"], Kind::Notify),
    (&["cleanup", "clean up", "remove"], Kind::Cleanup),
    (&["set", "enable", "flip", "deploy", "roll out"], Kind::Flag),
];

/// Programs that commands of runbooks begin with.
const PROGRAMS: &[&str] = &[
    "bash",
    "bun",
    "cargo",
    "curl",
    "docker",
    "git",
    "helm",
    "just",
    "kubectl",
    "make",
    "node",
    "npm",
    "python3",
    "redis-cli",
    "sh",
    "ssh",
    "systemctl",
    "terraform",
    "tidegate",
    "wget",
];

/// Guesses what a section is.
pub(super) fn section(heading: &Heading) -> Option<Section> {
    let text = heading.text.to_lowercase();
    if heading.level == 1 {
        return None;
    }
    let (_, section) = SECTIONS.iter().find(|(word, _)| text.contains(word))?;
    let is_telling = matches!(section, Section::Triggers | Section::Rollback);
    // What leads to a list inside of a section mostly belongs to it.
    (heading.level < LEAD_LEVEL || is_telling).then_some(*section)
}

/// Guesses for which environment a section is.
pub(super) fn environment(heading: &Heading) -> Option<&'static str> {
    let text = heading.text.to_lowercase();
    ["staging", "production"].into_iter().find(|name| text.starts_with(name))
}

/// Returns what ids of a section begin with.
pub(super) const fn letter(section: Section) -> &'static str {
    match section {
        Section::Gates => "G",
        Section::Timeline => "T",
        Section::Steps => "S",
        Section::Rollback => "R",
        Section::Triggers => "X",
        Section::Checklist => "C",
        Section::Criteria => "E",
    }
}

/// Guesses what a step is.
pub(super) fn step(text: &str, section: Section, codes: &[&Code]) -> Mark {
    let words = without_code(text).to_lowercase();
    let forms: Vec<Form> = codes.iter().map(|code| form(&code.text)).collect();
    let commands: Vec<usize> =
        (1..).zip(&forms).filter(|(_, form)| is_command(form)).map(|(n, _)| n).collect();
    let kind = kind(&words, section, &forms, !commands.is_empty());
    let mark = Mark::inferred(&[kind.as_str()]);
    let is_all =
        forms.iter().filter(|form| matches!(form, Form::Words(_))).count() == commands.len();
    if kind != Kind::Command || is_all {
        return mark;
    }
    let list: Vec<String> = commands.iter().map(ToString::to_string).collect();
    mark.with("codes", list.join(","))
}

fn kind(words: &str, section: Section, forms: &[Form], has_commands: bool) -> Kind {
    let by_words = || {
        let has = |word: &&str| {
            words
                .match_indices(*word)
                .any(|(at, _)| !words[..at].ends_with(|c: char| c.is_alphanumeric()))
        };
        KINDS.iter().find(|(known, _)| known.iter().any(&has)).map(|(_, kind)| *kind)
    };
    let has_flags = forms.iter().any(|form| matches!(form, Form::Flag(_)));
    let target = forms.iter().find_map(|form| match form {
        Form::Target(target) => Some(target.as_str()),
        _ => None,
    });
    match section {
        Section::Triggers if words.contains("confirm") || words.contains("impact") => {
            Kind::Decision
        }
        Section::Triggers => Kind::Guard,
        Section::Checklist => Kind::SignOff,
        _ if has_commands => Kind::Command,
        Section::Criteria => Kind::SignOff,
        Section::Gates => Kind::SignOff,
        _ => match (by_words(), target) {
            (Some(Kind::Flag), _) if !has_flags => Kind::External,
            (Some(kind @ (Kind::ReplayCheck | Kind::Decision | Kind::Guard | Kind::Flag)), _) => {
                kind
            }
            (_, Some(target)) if target.contains("stream") => Kind::SseExpect,
            (_, Some(_)) => Kind::HttpExpect,
            (Some(kind), None) => kind,
            (None, None) => Kind::External,
        },
    }
}

/// Returns what is not code: names of files say little of what is done with them.
fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect()
}

fn is_command(form: &Form) -> bool {
    let Form::Words(words) = form else { return false };
    let first = words.split_whitespace().next().unwrap_or_default();
    let is_program = PROGRAMS.contains(&first) && words.contains(' ');
    is_program || (first.ends_with(".sh") && first.contains('/'))
}

/// Makes a role of a title.
pub(super) fn slug(title: &str) -> String {
    let plain = title.trim().to_lowercase();
    let parts = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}
