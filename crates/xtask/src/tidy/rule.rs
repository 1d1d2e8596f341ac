//! The rules: their names, which `tidy.toml` uses, and what to do about a breach.
//!
//! To add a check, add its rule here and its function to a family beside this file.

/// A house rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    AllowAttribute,
    DependencyDirection,
    FileHeader,
    FileLength,
    FinalNewline,
    FunctionLength,
    IgnoredTest,
    LineLength,
    Link,
    MachinePath,
    RegistryHost,
    ScriptHeader,
    ScriptMode,
    TrailingWhitespace,
    Unfinished,
    Unreadable,
    Unwrap,
    WorkspaceDependency,
    WorkspaceLints,
}

impl Rule {
    /// All rules.
    pub(super) const ALL: &[Self] = &[
        Self::AllowAttribute,
        Self::DependencyDirection,
        Self::FileHeader,
        Self::FileLength,
        Self::FinalNewline,
        Self::FunctionLength,
        Self::IgnoredTest,
        Self::LineLength,
        Self::Link,
        Self::MachinePath,
        Self::RegistryHost,
        Self::ScriptHeader,
        Self::ScriptMode,
        Self::TrailingWhitespace,
        Self::Unfinished,
        Self::Unreadable,
        Self::Unwrap,
        Self::WorkspaceDependency,
        Self::WorkspaceLints,
    ];

    /// Returns the name that messages and the baseline use.
    pub(super) fn name(self) -> &'static str {
        self.facts().0
    }

    /// Returns what to do about a breach.
    pub(super) fn advice(self) -> &'static str {
        self.facts().1
    }

    fn facts(self) -> (&'static str, &'static str) {
        match self {
            Self::AllowAttribute => (
                "allow-attribute",
                "write `#[expect(…, reason = \"…\")]`: it says why, and when it is no longer needed",
            ),
            Self::DependencyDirection => (
                "dependency-direction",
                "move the code, or argue for a row of tidy/manifest/direction.rs",
            ),
            Self::FileHeader => (
                "file-header",
                "open with `//!`: what it is for, what it owns, what it must not know",
            ),
            Self::FileLength => {
                ("file-length", "split it, or say `//! tidy: table` at the top where it is one")
            }
            Self::FinalNewline => ("final-newline", "end the file in exactly one newline"),
            Self::FunctionLength => {
                ("function-length", "split it: decide at the caller, loop in the callee")
            }
            Self::IgnoredTest => ("ignored-test", "make it run, or delete it"),
            Self::LineLength => {
                ("line-length", "break the line; only strings and addresses may be longer")
            }
            Self::Link => ("link", "point it at a file of this tree"),
            Self::MachinePath => {
                ("machine-path", "use a relative path or a variable: the folder is one machine's")
            }
            Self::RegistryHost => {
                ("registry-host", "leave the host to the package client's own settings")
            }
            Self::ScriptHeader => (
                "script-header",
                "begin with `#!/usr/bin/env bash`, then `set -euo pipefail` as the first command",
            ),
            Self::ScriptMode => ("script-mode", "set the run bit: `chmod +x`"),
            Self::TrailingWhitespace => ("trailing-whitespace", "cut it"),
            Self::Unfinished => ("unfinished", "finish it, or leave it out"),
            Self::Unreadable => ("unreadable", "make it parse"),
            Self::Unwrap => {
                ("unwrap", "return the error, or `expect` with the reason why it holds")
            }
            Self::WorkspaceDependency => (
                "workspace-dependency",
                "name it in the workspace's Cargo.toml, and here write `workspace = true`",
            ),
            Self::WorkspaceLints => ("workspace-lints", "add `[lints]` with `workspace = true`"),
        }
    }
}
