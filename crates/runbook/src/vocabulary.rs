//! The words of a runbook: kinds of steps and of sections, classes, modes, times.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A word that is none of those that may stand there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is none of {allowed}")]
pub struct WordError {
    given: String,
    allowed: String,
}

/// Makes an enum of words that are read, written and listed in one way.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$word_doc])* $word,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$word,)+];

            /// Returns the word.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$word => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl FromStr for $name {
            type Err = WordError;

            fn from_str(text: &str) -> Result<Self, WordError> {
                let found = Self::ALL.iter().find(|word| word.as_str() == text);
                found.copied().ok_or_else(|| WordError {
                    given: text.to_owned(),
                    allowed: Self::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

words! {
    /// What a step does.
    Kind {
        /// Runs programs, each an argument list.
        Command = "command",
        /// Sets settings.
        Flag = "flag",
        /// Asks over HTTP and compares the answer.
        HttpExpect = "http-expect",
        /// Opens an event stream and compares what comes.
        SseExpect = "sse-expect",
        /// Sends on one replica and expects it on others.
        FanoutCheck = "fanout-check",
        /// Breaks a stream off, resumes it and expects what was missed.
        ReplayCheck = "replay-check",
        /// Gives a canary a share of the traffic.
        Traffic = "traffic",
        /// Waits for the verdict of guards.
        Guard = "guard",
        /// Keeps what is, for later.
        Capture = "capture",
        /// Compares with what was kept.
        Compare = "compare",
        /// A person signs that something is so.
        SignOff = "sign-off",
        /// A person does something elsewhere and attests it.
        External = "external",
        /// People decide how to go on.
        Decision = "decision",
        /// Tells people.
        Notify = "notify",
        /// Takes away what the run left.
        Cleanup = "cleanup",
        /// Does other steps again.
        Repeat = "repeat",
    }
}

words! {
    /// What doing a step twice, or taking it back, means.
    Class {
        /// It changes nothing.
        Observe = "observe",
        /// It makes something so, however often it is done.
        Converge = "converge",
        /// It must not be done twice in the dark, and can be undone.
        Once = "once",
        /// It can't be undone.
        Irreversible = "irreversible",
    }
}

words! {
    /// What a section is.
    Section {
        /// Each has to pass before anything is changed.
        Gates = "gates",
        /// A table of steps by time.
        Timeline = "timeline",
        /// Steps in their order.
        Steps = "steps",
        /// The way back.
        Rollback = "rollback",
        /// What makes the run go back.
        Triggers = "triggers",
        /// What people sign.
        Checklist = "checklist",
        /// What has to hold at the end.
        Criteria = "criteria",
    }
}

words! {
    /// For what a runbook is run.
    Mode {
        /// Nothing may be changed.
        Readiness = "readiness",
        /// On what the run starts itself.
        Rehearsal = "rehearsal",
        /// For those who are served.
        Production = "production",
    }
}

words! {
    /// Which way back a step belongs to.
    Way {
        /// The one that is tried first.
        Primary = "primary",
        /// The one if that fails.
        Fallback = "fallback",
        /// None: what is done behind the way back, and behind the run where nothing is taken back. It
        /// verifies and cleans up.
        After = "after",
    }
}

words! {
    /// What a guard looks at.
    Measure {
        /// Requests that failed, against the other arm.
        Errors = "errors",
        /// Connections that broke, against the other arm.
        Disconnects = "disconnects",
        /// Paired measurements of time.
        Latency = "latency",
        /// Something that must not happen once.
        Zero = "zero",
        /// Health that is away.
        Down = "down",
        /// Processes that are started again and again.
        Restarts = "restarts",
    }
}

words! {
    /// What is done where a guard fails.
    OnFail {
        /// The run goes back.
        Rollback = "rollback",
        /// The run stops until people decide.
        Hold = "hold",
    }
}

impl Class {
    /// Returns whether it changes something.
    pub fn changes(self) -> bool {
        self != Class::Observe
    }

    /// Returns whether it must not be done twice.
    pub fn is_grave(self) -> bool {
        matches!(self, Class::Once | Class::Irreversible)
    }
}

impl Kind {
    /// Returns the class of steps that do not say theirs, where one can be told.
    pub const fn class(self) -> Option<Class> {
        match self {
            Kind::HttpExpect
            | Kind::SseExpect
            | Kind::Guard
            | Kind::Capture
            | Kind::Compare
            | Kind::SignOff
            | Kind::Decision => Some(Class::Observe),
            // They leave events of their own behind.
            Kind::FanoutCheck | Kind::ReplayCheck => Some(Class::Converge),
            Kind::Flag | Kind::Traffic => Some(Class::Converge),
            Kind::Notify => Some(Class::Once),
            Kind::Command | Kind::External | Kind::Cleanup | Kind::Repeat => None,
        }
    }

    /// Returns whether a step may hold commands, which it then carries out.
    pub const fn may_hold_commands(self) -> bool {
        matches!(self, Kind::Command | Kind::Cleanup | Kind::Notify)
    }

    /// Returns whether a step may hold settings: it sets them, or a person sees to them.
    pub const fn may_hold_flags(self) -> bool {
        matches!(self, Kind::Flag | Kind::SignOff | Kind::External | Kind::Decision)
    }

    /// Returns whether a step may hold fields of an answer, which it then compares.
    pub const fn may_expect(self) -> bool {
        matches!(self, Kind::HttpExpect | Kind::SseExpect)
    }

    /// Returns whether a step goes by the forms of its code alone, without a person who reads it.
    pub const fn takes_forms(self) -> bool {
        matches!(
            self,
            Kind::Flag
                | Kind::HttpExpect
                | Kind::SseExpect
                | Kind::FanoutCheck
                | Kind::ReplayCheck
                | Kind::Compare
        )
    }

    /// Returns how long a step may take that does not say so, in seconds.
    pub const fn within_s(self) -> u64 {
        match self {
            Kind::HttpExpect | Kind::SseExpect | Kind::Capture | Kind::Compare => 60,
            Kind::FanoutCheck | Kind::ReplayCheck | Kind::Flag | Kind::Traffic => 120,
            Kind::Command | Kind::Cleanup | Kind::Notify | Kind::Guard => 300,
            Kind::SignOff | Kind::External | Kind::Decision => 600,
            Kind::Repeat => 0,
        }
    }
}

/// A time against T0, in minutes: `T-60`, `T0`, `T+30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(i32);

/// A length of time: `90s`, `30m`, `2h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Length(u64);

/// A text that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// No time against T0.
    #[error("`{0}` is no time; one is `T-60`, `T0` or `T+30`, in minutes, a week at most")]
    Offset(String),
    /// No length.
    #[error("`{0}` is no length of time; one is `90s`, `30m` or `2h`, a week at most")]
    Length(String),
}

const WEEK_S: u64 = 7 * 24 * 3600;

impl Offset {
    /// Returns the minutes, before T0 below zero.
    pub const fn minutes(self) -> i32 {
        self.0
    }
}

impl FromStr for Offset {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let refused = || TimeError::Offset(text.to_owned());
        let rest = text.strip_prefix('T').ok_or_else(refused)?;
        let digits = rest.trim_start_matches(['-', '+']);
        let is_plain = !digits.is_empty()
            && digits.len() <= 5
            && digits.bytes().all(|b| b.is_ascii_digit())
            && rest.len() - digits.len() <= 1;
        // `T5` could mean either side.
        let has_side = rest.len() > digits.len() || digits == "0";
        if !(is_plain && has_side) {
            return Err(refused());
        }
        let minutes: i32 = rest.parse().map_err(|_| refused())?;
        if minutes.unsigned_abs() as u64 * 60 > WEEK_S {
            Err(refused())
        } else {
            Ok(Offset(minutes))
        }
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.pad("T0"),
            minutes => f.pad(&format!("T{minutes:+}")),
        }
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Length {
    /// Returns so many seconds.
    pub const fn of_seconds(seconds: u64) -> Self {
        Length(seconds)
    }

    /// Returns the seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Length {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let refused = || TimeError::Length(text.to_owned());
        let unit = match text.as_bytes().last() {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3600,
            _ => return Err(refused()),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refused());
        }
        let seconds = digits.parse::<u64>().map_err(|_| refused())? * unit;
        if seconds > WEEK_S { Err(refused()) } else { Ok(Length(seconds)) }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            s if s != 0 && s.is_multiple_of(3600) => format!("{}h", s / 3600),
            s if s != 0 && s.is_multiple_of(60) => format!("{}m", s / 60),
            s => format!("{s}s"),
        };
        f.pad(&text)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
