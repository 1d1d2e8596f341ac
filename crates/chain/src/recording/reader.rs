//! Reading a feed's file, line by line; never more than a line and the recent transactions are held.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
    sync::Arc,
};

use flate2::bufread::MultiGzDecoder;

use super::{
    FORMAT, FeedError, FeedEvent, FeedHeader, FeedLine, LineFault, VERSION,
    fault::LINE_BYTES_MAX,
    line::{AnyLine, BlockLine, Mention},
    recent::Recent,
};
use crate::{Block, config::CHAINS_MAX};

/// Reads the lines of a feed. After an error or the end it gives nothing more.
#[derive(Debug)]
pub struct FeedReader<R: BufRead> {
    input: R,
    chains: Vec<FeedHeader>,
    recent: Recent,
    line: Vec<u8>,
    lines: u64,
    /// The line behind the headers, which was read to see that it is none.
    ahead: Option<Result<AnyLine, FeedError>>,
    is_done: bool,
}

/// Opens a file for reading, with `gzip` around it or not, whatever its name.
///
/// # Errors
///
/// The file can't be read.
pub fn open_unpacked(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    unpacked(BufReader::with_capacity(1 << 16, File::open(path)?))
}

fn unpacked(mut input: impl BufRead + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    if input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(input))))
    } else {
        Ok(Box::new(input))
    }
}

impl FeedReader<Box<dyn BufRead + Send>> {
    /// Opens a file, with `gzip` around it or not, whatever its name, and reads its header.
    ///
    /// # Errors
    ///
    /// The file can't be read, or is no feed.
    pub fn open(path: &Path) -> Result<Self, FeedError> {
        Self::of(open_unpacked(path))
    }

    /// Reads bytes that the program has.
    ///
    /// # Errors
    ///
    /// They are no feed.
    pub fn from_bytes(bytes: &'static [u8]) -> Result<Self, FeedError> {
        Self::of(unpacked(Cursor::new(bytes)))
    }

    fn of(input: io::Result<Box<dyn BufRead + Send>>) -> Result<Self, FeedError> {
        FeedReader::new(input.map_err(|source| FeedError::Io { lines: 0, source })?)
    }
}

impl<R: BufRead> FeedReader<R> {
    /// Reads the headers that the feed begins with, and the line behind them.
    ///
    /// # Errors
    ///
    /// The first one can't be read, or is none. What is wrong behind it is told in its turn.
    pub fn new(input: R) -> Result<Self, FeedError> {
        let mut reader = FeedReader {
            input,
            chains: Vec::new(),
            recent: Recent::default(),
            line: Vec::new(),
            lines: 0,
            ahead: None,
            is_done: false,
        };
        match reader.read_line()? {
            true => {}
            false => return Err(FeedError::Cut { lines: 0 }),
        }
        let line = reader.parse().map_err(|fault| match fault {
            LineFault::Json(_) => LineFault::NotAFeed,
            fault => fault,
        });
        let header = line.and_then(|line| match line.format {
            Some(_) => reader.begin_chain(line),
            None => Err(LineFault::NotAFeed),
        });
        header.map_err(|fault| FeedError::Line { number: 1, fault })?;
        reader.ahead = Some(reader.first_behind_headers());
        Ok(reader)
    }

    fn first_behind_headers(&mut self) -> Result<AnyLine, FeedError> {
        loop {
            let line = self.any_line()?;
            if line.format.is_none() {
                return Ok(line);
            }
            let number = self.lines;
            self.begin_chain(line).map_err(|fault| FeedError::Line { number, fault })?;
        }
    }

    /// Returns the chains whose headers were read by now, in their order: from the beginning those
    /// that the feed begins with.
    pub fn chains(&self) -> &[FeedHeader] {
        &self.chains
    }

    /// Returns how many whole lines were read, the one ahead included.
    pub fn line_count(&self) -> u64 {
        self.lines
    }

    fn read(&mut self) -> Result<Option<FeedLine>, FeedError> {
        loop {
            let line = match self.ahead.take() {
                Some(line) => line?,
                None => self.any_line()?,
            };
            let number = self.lines;
            let bad = |fault| FeedError::Line { number, fault };
            if line.format.is_some() {
                self.begin_chain(line).map_err(bad)?;
            } else if line.end.is_some() {
                self.check_end(&line).map_err(bad)?;
                return self.check_nothing_follows();
            } else {
                return self.observed(line).map(Some).map_err(bad);
            }
        }
    }

    fn any_line(&mut self) -> Result<AnyLine, FeedError> {
        if !self.read_line()? {
            return Err(FeedError::Cut { lines: self.lines });
        }
        let number = self.lines;
        self.parse().map_err(|fault| FeedError::Line { number, fault })
    }

    /// Reads a whole line; says whether there was one.
    fn read_line(&mut self) -> Result<bool, FeedError> {
        self.line.clear();
        let lines = self.lines;
        let read = (&mut self.input).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut self.line);
        match read {
            Ok(_) if self.line.last() == Some(&b'\n') => {
                self.lines += 1;
                Ok(true)
            }
            Ok(read) if read as u64 > LINE_BYTES_MAX => {
                Err(FeedError::Line { number: lines + 1, fault: LineFault::TooLong })
            }
            Ok(_) => Ok(false),
            // So ends a `gzip` that was cut.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(source) => Err(FeedError::Io { lines, source }),
        }
    }

    fn parse(&self) -> Result<AnyLine, LineFault> {
        serde_json::from_slice(&self.line).map_err(LineFault::Json)
    }

    fn begin_chain(&mut self, line: AnyLine) -> Result<(), LineFault> {
        if line.format.as_deref() != Some(FORMAT) {
            return Err(LineFault::NotAFeed);
        }
        let version = line.version.ok_or(LineFault::NotAFeed)?;
        if version != VERSION {
            return Err(LineFault::Version { version });
        }
        let (Some(chain_key), Some(chain_id), Some(recorded_unix_ms)) =
            (line.chain_key, line.chain_id, line.recorded_unix_ms)
        else {
            return Err(LineFault::NotAFeed);
        };
        if self.chains.iter().any(|known| known.chain_key == chain_key) {
            return Err(LineFault::ChainAgain(chain_key));
        }
        if self.chains.len() >= CHAINS_MAX {
            return Err(LineFault::TooManyChains);
        }
        self.chains.push(FeedHeader { chain_key, chain_id, recorded_unix_ms });
        Ok(())
    }

    fn observed(&mut self, line: AnyLine) -> Result<FeedLine, LineFault> {
        let chain = match line.chain {
            Some(chain) if self.chains.iter().any(|known| known.chain_key == chain) => chain,
            Some(chain) => return Err(LineFault::ChainUnknown(chain)),
            None => self.chains[0].chain_key.clone(),
        };
        let at_ms = line.at_ms.ok_or(LineFault::Shape)?;
        let event = match (line.pending, line.block, line.rollback) {
            (Some(transaction), None, None) => {
                self.recent.insert(&transaction);
                FeedEvent::Pending(transaction)
            }
            (None, Some(block), None) => FeedEvent::Block(Arc::new(self.whole(block)?)),
            (None, None, Some(head)) => FeedEvent::Rollback(head),
            _ => return Err(LineFault::Shape),
        };
        Ok(FeedLine { chain, at_ms, event })
    }

    fn whole(&mut self, block: BlockLine) -> Result<Block, LineFault> {
        let mut transactions = Vec::with_capacity(block.transactions.len());
        for mention in block.transactions {
            transactions.push(match mention {
                Mention::Hash(hash) => {
                    let known = self.recent.get(&hash).map(Arc::clone);
                    known.ok_or(LineFault::TransactionUnknown(hash))?
                }
                Mention::Full(transaction) => {
                    self.recent.insert(&transaction);
                    transaction
                }
            });
        }
        Ok(Block { header: block.header, transactions })
    }

    fn check_end(&self, line: &AnyLine) -> Result<(), LineFault> {
        let (Some(true), Some(counted)) = (line.end, line.lines) else {
            return Err(LineFault::Shape);
        };
        let lines = self.lines - 1;
        if counted == lines { Ok(()) } else { Err(LineFault::Count { counted, lines }) }
    }

    fn check_nothing_follows(&mut self) -> Result<Option<FeedLine>, FeedError> {
        let lines = self.lines;
        match self.input.fill_buf() {
            Ok([]) => Ok(None),
            Ok(_) => Err(FeedError::Line { number: lines + 1, fault: LineFault::BehindEnd }),
            Err(source) => Err(FeedError::Io { lines, source }),
        }
    }
}

impl<R: BufRead> Iterator for FeedReader<R> {
    type Item = Result<FeedLine, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let read = self.read().transpose();
        self.is_done = !matches!(read, Some(Ok(_)));
        read
    }
}
