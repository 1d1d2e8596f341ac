//! What the code of a step is to it: commands, settings, targets and what is expected.

use super::{Reader, step::names};
use crate::{
    argv::{self, CommandError},
    code::{Assertion, Flag, Form, form, has_sign, is_path},
    mark::Mark,
    model::Content,
    outline::Code,
    placeholder,
    problem::Problem,
    vocabulary::Kind,
};

/// What stands for the brackets of placeholders while a command is split.
const OPEN: char = '\u{1}';
const CLOSE: char = '\u{2}';

/// The step whose code it is.
pub(super) struct Coded<'s> {
    pub(super) id: &'s str,
    pub(super) kind: Kind,
    pub(super) mark: &'s Mark,
    pub(super) line: usize,
}

impl Reader<'_> {
    /// Sorts the codes of a step. Which of them are commands, `codes` says by their numbers; in a
    /// `command` without it all are that are nothing else.
    pub(super) fn content(&mut self, step: &Coded<'_>, codes: &[&Code]) -> Content {
        let chosen = self.chosen(step, codes.len());
        let mut content = Content::default();
        for (number, code) in (1..).zip(codes) {
            if let Some(why) = code.hidden {
                let text = format!("code of {} {why}; take it out of the step", step.id);
                self.fault(code.line, "hidden", text);
            }
            let text = code.text.as_str();
            let is_command = chosen.as_ref().map(|chosen| chosen.contains(&Some(number)));
            match (is_command, form(text)) {
                (Some(true), _) => self.command(&mut content, text, code.line),
                (_, Form::Flag(Flag { name, value })) => {
                    content.flags.push(Flag { name, value: self.filled(&value) });
                }
                (_, Form::Assertion(Assertion { path, is })) => {
                    content.assertions.push(Assertion { path, is: self.filled(&is) });
                }
                (_, Form::Bound(bound)) => content.bounds.push(bound),
                (_, Form::Target(target)) => content.targets.push(self.filled(&target)),
                (None, Form::Words(words)) if step.kind == Kind::Command => {
                    self.command(&mut content, &words, code.line);
                }
                (_, Form::Words(words)) if step.kind.may_expect() && is_field(&words) => {
                    content.fields.push(words);
                }
                (_, Form::Words(words)) => self.foreign(step, &words, number, code.line),
            }
        }
        self.said(step, &mut content);
        content
    }

    /// Returns which codes are commands, as the mark says.
    fn chosen(&mut self, step: &Coded<'_>, codes: usize) -> Option<Vec<Option<usize>>> {
        let list = step.mark.get("codes")?;
        let chosen: Vec<Option<usize>> = names(list).iter().map(|n| n.parse().ok()).collect();
        for number in &chosen {
            if number.is_none_or(|number| number == 0 || number > codes) {
                let text = format!("`codes` counts the {codes} pieces of code in the step from 1");
                self.fault(step.line, "mark", text);
            }
        }
        Some(chosen)
    }

    /// Code that was meant as something and is not understood must not be lost: the step would pass
    /// without it.
    fn foreign(&mut self, step: &Coded<'_>, words: &str, number: usize, line: usize) {
        if !step.kind.takes_forms() || !has_sign(words) {
            return;
        }
        // The text is not shown: it may hold a secret.
        let text = format!(
            "piece {number} of the code of {} is not understood: a setting is `NAME=value`, an \
             assertion `path.to.field=value`, each without spaces, a bound `<= 5`",
            step.id
        );
        let is_name = step.kind == Kind::Flag && !words.contains(['=', '<', '>']);
        self.problems.push(if is_name {
            Problem::warning(line, "code", text)
        } else {
            Problem::fault(line, "code", text)
        });
    }

    /// Adds what the mark says beside the text: settings that stand there in words, and where the
    /// fields of the text are found.
    fn said(&mut self, step: &Coded<'_>, content: &mut Content) {
        for text in step.mark.get("sets").map(names).unwrap_or_default() {
            match form(&text) {
                Form::Flag(Flag { name, value }) => {
                    content.flags.push(Flag { name, value: self.filled(&value) });
                }
                _ => self.fault(step.line, "mark", "`sets` names settings, each `NAME=value`"),
            }
        }
        let Some(under) = step.mark.get("under") else { return };
        if !is_path(under) || !step.kind.may_expect() {
            let text = format!(
                "`under` is the path of a field, in a step that expects some: {} is a `{}`",
                step.id, step.kind
            );
            return self.fault(step.line, "mark", text);
        }
        let paths = content.assertions.iter_mut().map(|it| &mut it.path);
        for path in paths.chain(&mut content.fields) {
            *path = format!("{under}.{path}");
        }
    }

    /// Splits a command before it is filled in, so that a value is always within one argument.
    fn command(&mut self, content: &mut Content, text: &str, line: usize) {
        // The brackets of a placeholder are no shell syntax.
        let plain = placeholder::fill(text, |name| Some(format!("{OPEN}{name}{CLOSE}")));
        let foreign = text.chars().find(|c| [OPEN, CLOSE].contains(c));
        let split = match foreign {
            Some(c) => Err(CommandError::Shell(c)),
            None => argv::split(&plain),
        };
        match split {
            Ok(commands) => {
                let filled =
                    |word: &String| self.filled(&word.replace(OPEN, "<").replace(CLOSE, ">"));
                let commands = commands.iter().map(|words| words.iter().map(filled).collect());
                content.commands.extend(commands);
            }
            // The text is not shown: it may hold a secret.
            Err(error) => self.fault(line, "shell", format!("a command: {error}")),
        }
    }

    pub(super) fn filled(&self, text: &str) -> String {
        placeholder::fill(text, |name| self.runbook.front.values.get(name).cloned())
    }
}

/// Returns whether a name is a field's, which then has to be there.
fn is_field(words: &str) -> bool {
    is_path(words) && words.contains('.') && !words.contains("..") && !words.ends_with('.')
}
