//! What a run would lose in silence: each thing that looks as if it was meant for one, and stands where
//! nothing is read, is named.

use super::Reader;
use crate::{
    fence,
    mark::Mark,
    outline::{Blind, BlindKind, Fence, lost},
    problem::Problem,
    vocabulary::Kind,
};

/// What fences of commands are called.
const SHELLS: [&str; 9] =
    ["sh", "bash", "zsh", "fish", "shell", "console", "shell-session", "powershell", "bat"];

/// How much is lost.
enum Loss {
    /// It was meant for a run.
    Sure(String),
    /// It may be prose, or an example.
    Likely(String),
}

impl Reader<'_> {
    fn loss(&mut self, line: usize, loss: Loss) {
        self.problems.push(match loss {
            Loss::Sure(text) => Problem::fault(line, "lost", text),
            Loss::Likely(text) => Problem::warning(line, "lost", text),
        });
    }

    /// Names what is lost, wherever it stands.
    pub(super) fn lost(&mut self) {
        let outline = self.outline;
        for blind in &outline.blinds {
            if let Some(loss) = self.whatever(blind) {
                self.loss(blind.line, loss);
            } else if blind.item.is_none()
                && blind.heading.is_some_and(|heading| self.parts[heading].is_some())
                && let Some(text) = self.in_section(blind)
            {
                self.loss(blind.line, Loss::Likely(text));
            }
        }
        for (heading, part) in outline.headings.iter().zip(self.parts.clone()) {
            if part.is_some() && heading.marks.is_empty() && is_numbered(&heading.text) {
                let text = "the heading looks like a step, and is none: steps are items and rows";
                self.loss(heading.line, Loss::Likely(text.to_owned()));
            }
        }
    }

    fn fence(&self, index: usize) -> &Fence {
        &self.outline.fences[index]
    }

    /// Says what is lost in any place of a document.
    fn whatever(&self, blind: &Blind) -> Option<Loss> {
        let behind = "nothing behind it is read";
        match &blind.kind {
            BlindKind::Fence(index) if !self.fence(*index).is_closed => {
                Some(Loss::Sure(format!("the fence is not closed, {behind}")))
            }
            BlindKind::Fence(index) if self.fence(*index).has_opening => {
                let text = "another fence begins in the fence, which is not closed before it";
                Some(Loss::Sure(text.to_owned()))
            }
            BlindKind::Fence(index) => {
                let fence = self.fence(*index);
                let what = lost::meant(&fence.text).filter(|_| fence::read(fence).is_none())?;
                Some(Loss::Likely(format!("the fence has {what}, which is not read")))
            }
            BlindKind::Indented(what) => {
                let text = "is indented so far that it is code, which is not read";
                what.map(|what| Loss::Sure(format!("{what} {text}")))
            }
            BlindKind::Html(html) if !html.is_closed => {
                let what = if html.is_comment { "comment" } else { "block of HTML" };
                Some(Loss::Sure(format!("the {what} is not closed, {behind}")))
            }
            BlindKind::Html(html) => {
                let what = html.meant?;
                // A comment within a comment is what ends the first one.
                Some(if html.is_comment && what != "a mark" {
                    Loss::Likely(format!("the comment has {what}, which is not read"))
                } else {
                    let block = if html.is_comment { "comment" } else { "block of HTML" };
                    Loss::Sure(format!("the {block} has {what}, which is not read"))
                })
            }
            BlindKind::Text(text) if text.is_cut => {
                Some(Loss::Sure("a mark begins here and does not end".to_owned()))
            }
            BlindKind::Text(text) if text.has_key => {
                let text =
                    "a guard or traffic stands in a text, which is not read: it needs a fence";
                Some(Loss::Sure(text.to_owned()))
            }
            BlindKind::Text(_) => None,
        }
    }

    /// Says what is lost beside the steps of a section.
    fn in_section(&self, blind: &Blind) -> Option<String> {
        let nothing = "stands in no step, and means nothing to a run";
        match &blind.kind {
            BlindKind::Fence(index) => {
                is_shell(self.fence(*index)).then(|| format!("the block of code {nothing}"))
            }
            BlindKind::Indented(_) => Some(format!("the code by indentation {nothing}")),
            BlindKind::Html(html) => {
                html.has_steps.then(|| "nothing in the block of HTML is read".to_owned())
            }
            BlindKind::Text(text) if text.has_item => {
                Some("a line looks like an item, and is none".to_owned())
            }
            BlindKind::Text(text) => {
                text.has_code.then(|| format!("the code of the paragraph {nothing}"))
            }
        }
    }

    /// Names blocks of code in a step that a run carries out: it takes inline code alone.
    pub(super) fn lost_in_step(&mut self, family: &[usize], kind: Kind, mark: &Mark) {
        let is_by_hand = matches!(kind, Kind::SignOff | Kind::External | Kind::Decision);
        if is_by_hand || !mark.is_confirmed {
            return;
        }
        let outline = self.outline;
        let blinds = family.iter().flat_map(|item| &outline.items[*item].blinds);
        for blind in blinds.map(|index| &outline.blinds[*index]) {
            let is_code = match &blind.kind {
                BlindKind::Fence(index) => is_shell(self.fence(*index)),
                BlindKind::Indented(what) => what.is_none(),
                _ => false,
            };
            if !is_code {
                continue;
            }
            let text = format!("a `{kind}` carries no block of code out; write inline code");
            let loss = if kind.may_hold_commands() { Loss::Sure(text) } else { Loss::Likely(text) };
            self.loss(blind.line, loss);
        }
    }
}

/// Returns whether a fence may hold commands, by what it is called.
fn is_shell(fence: &Fence) -> bool {
    let name = fence.info.split_whitespace().next().unwrap_or_default().to_lowercase();
    (name.is_empty() || SHELLS.contains(&name.as_str())) && fence::read(fence).is_none()
}

/// Returns whether a heading begins with a number of its own.
fn is_numbered(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && lost::is_item(text)
}
