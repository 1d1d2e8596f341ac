//! The file of what nodes answered of the state of chains: one JSON object a line.
//!
//! ```json
//! {"format":"tidegate-state","version":1}
//! {"chain":"demo","block":{"number":4,"hash":"0x…"},"key":{"storage":["0x…","0x8"]},"value":{"storage":"0x1"}}
//! {"chain":"demo","block":{"number":4,"hash":"0x…"},"key":{"code":"0x…"},"error":"pruned"}
//! {"end":true,"lines":3}
//! ```
//!
//! The last line counts those before it: a file without it was cut.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read, Write},
};

use chain::ChainKey;
use serde::{Deserialize, Serialize};
use sim::{RecordedState, StateAnswer};

/// What the first line must say.
const FORMAT: &str = "tidegate-state";

/// The version that is written and read.
const VERSION: u32 = 1;

/// The longest line: a contract's code is at most 24 KiB (EIP-170), and an account may bring its own.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Why a file of state is not read.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// It can't be read.
    #[error("line {line} can't be read")]
    Io {
        /// Counted from 1.
        line: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Its first line is not that of such a file.
    #[error("the first line is not that of a file of state, `{{\"format\":\"{FORMAT}\",…}}`")]
    NotState,
    /// It is of another version.
    #[error("it is of version {version}; this program reads {VERSION}")]
    Version {
        /// What it says.
        version: u32,
    },
    /// A line is longer than any can be.
    #[error("line {line} is longer than {LINE_BYTES_MAX} bytes")]
    TooLong {
        /// Counted from 1.
        line: u64,
    },
    /// A line is not an answer.
    #[error("line {line} is not an answer of a node")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The last line is missing.
    #[error("it was cut behind line {lines}")]
    Cut {
        /// How many are whole.
        lines: u64,
    },
    /// The last line counts others.
    #[error("its last line counts {counted} lines, and there are {lines}")]
    Count {
        /// What it says.
        counted: u64,
        /// How many stand before it.
        lines: u64,
    },
    /// Something stands behind the last line.
    #[error("something stands behind its last line")]
    Behind,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct End {
    end: bool,
    lines: u64,
}

#[derive(Serialize)]
struct Written<'a> {
    chain: &'a ChainKey,
    #[serde(flatten)]
    answer: &'a StateAnswer,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    End(End),
    Answer {
        chain: ChainKey,
        #[serde(flatten)]
        answer: Box<StateAnswer>,
    },
}

/// Writes a file of state; without [`StateFileWriter::finish`] it counts as cut.
#[derive(Debug)]
pub struct StateFileWriter<W: Write> {
    output: W,
    lines: u64,
}

impl<W: Write> StateFileWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// The output takes nothing.
    pub fn new(output: W) -> io::Result<Self> {
        let mut writer = StateFileWriter { output, lines: 0 };
        writer.line(&Header { format: FORMAT.to_owned(), version: VERSION })?;
        Ok(writer)
    }

    /// Adds what a node answered.
    ///
    /// # Errors
    /// The output takes nothing.
    pub fn add(&mut self, chain: &ChainKey, answer: &StateAnswer) -> io::Result<()> {
        self.line(&Written { chain, answer })
    }

    /// Writes the last line, and returns the output for whoever makes it last.
    ///
    /// # Errors
    /// The output takes nothing.
    pub fn finish(mut self) -> io::Result<W> {
        let lines = self.lines;
        self.line(&End { end: true, lines })?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.output, line)?;
        self.output.write_all(b"\n")?;
        self.lines += 1;
        Ok(())
    }
}

/// Reads a file of state.
#[derive(Debug)]
pub struct StateFileReader<R: BufRead> {
    input: R,
    lines: u64,
    line: Vec<u8>,
}

impl<R: BufRead> StateFileReader<R> {
    /// Reads the whole file, into memory.
    ///
    /// # Errors
    /// See [`StateFileError`].
    pub fn read(input: R) -> Result<BTreeMap<ChainKey, RecordedState>, StateFileError> {
        let mut reader = StateFileReader { input, lines: 0, line: Vec::new() };
        reader.header()?;
        let mut states: BTreeMap<ChainKey, RecordedState> = BTreeMap::new();
        loop {
            match reader.next_line()? {
                Line::Answer { chain, answer } => states.entry(chain).or_default().add(*answer),
                Line::End(end) => {
                    reader.check_end(&end)?;
                    return Ok(states);
                }
            }
        }
    }

    fn header(&mut self) -> Result<(), StateFileError> {
        if !self.read_line()? {
            return Err(StateFileError::NotState);
        }
        let header: Header =
            serde_json::from_slice(&self.line).map_err(|_| StateFileError::NotState)?;
        if header.format != FORMAT {
            return Err(StateFileError::NotState);
        }
        match header.version {
            VERSION => Ok(()),
            version => Err(StateFileError::Version { version }),
        }
    }

    fn next_line(&mut self) -> Result<Line, StateFileError> {
        if !self.read_line()? {
            return Err(StateFileError::Cut { lines: self.lines });
        }
        let line = self.lines;
        serde_json::from_slice(&self.line).map_err(|source| StateFileError::Line { line, source })
    }

    fn check_end(&mut self, end: &End) -> Result<(), StateFileError> {
        let (counted, lines) = (end.lines, self.lines - 1);
        if !end.end || counted != lines {
            return Err(StateFileError::Count { counted, lines });
        }
        match self.read_line() {
            Ok(false) if self.line.is_empty() => Ok(()),
            Ok(_) => Err(StateFileError::Behind),
            Err(error) => Err(error),
        }
    }

    /// Reads a whole line; says whether there was one.
    fn read_line(&mut self) -> Result<bool, StateFileError> {
        self.line.clear();
        let line = self.lines + 1;
        let read = (&mut self.input).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut self.line);
        match read {
            Ok(_) if self.line.last() == Some(&b'\n') => {
                self.lines += 1;
                Ok(true)
            }
            Ok(read) if read as u64 > LINE_BYTES_MAX => Err(StateFileError::TooLong { line }),
            Ok(_) => Ok(false),
            Err(source) => Err(StateFileError::Io { line, source }),
        }
    }
}

#[cfg(test)]
mod tests;
