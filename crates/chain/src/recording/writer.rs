//! Writing a feed's file.

use std::{collections::BTreeSet, io, sync::Arc};

use serde::Serialize;

use super::{
    FORMAT, FeedEvent, FeedHeader, FeedLine, VERSION,
    line::{BlockOut, EndOut, EventOut, HeaderOut, LineOut, Mention},
    recent::Recent,
};
use crate::{Block, ChainKey, config::CHAINS_MAX};

/// Writes the lines of a feed. A file that was not finished reads as cut, up to its last whole line.
#[derive(Debug)]
pub struct FeedWriter<W: io::Write> {
    output: W,
    chains: BTreeSet<ChainKey>,
    first: ChainKey,
    recent: Recent,
    line: Vec<u8>,
    lines: u64,
}

impl<W: io::Write> FeedWriter<W> {
    /// Begins a file. What is written to should be buffered.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub fn new(output: W, header: &FeedHeader) -> io::Result<Self> {
        let mut writer = FeedWriter {
            output,
            chains: BTreeSet::new(),
            first: header.chain_key.clone(),
            recent: Recent::default(),
            line: Vec::new(),
            lines: 0,
        };
        writer.chain(header)?;
        Ok(writer)
    }

    /// Adds a chain; one that is known is not added again.
    ///
    /// # Errors
    ///
    /// It could not be written, or there are as many as a feed may have (`InvalidInput`).
    pub fn chain(&mut self, header: &FeedHeader) -> io::Result<()> {
        if self.chains.contains(&header.chain_key) {
            return Ok(());
        }
        if self.chains.len() >= CHAINS_MAX {
            let text = format!("a feed has at most {CHAINS_MAX} chains");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        self.chains.insert(header.chain_key.clone());
        self.put(&HeaderOut { format: FORMAT, version: VERSION, header })
    }

    /// Writes a line.
    ///
    /// # Errors
    ///
    /// It could not be written, or is of a chain that has no header (`InvalidInput`).
    pub fn write(&mut self, line: &FeedLine) -> io::Result<()> {
        if !self.chains.contains(&line.chain) {
            let text = format!("the feed has no header for the chain {}", line.chain);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let event = match &line.event {
            FeedEvent::Pending(transaction) => {
                self.recent.insert(transaction);
                EventOut::Pending(transaction)
            }
            FeedEvent::Block(block) => EventOut::Block(self.shorten(block)),
            FeedEvent::Rollback(head) => EventOut::Rollback(*head),
        };
        let chain = (line.chain != self.first).then_some(&line.chain);
        self.put(&LineOut { at_ms: line.at_ms, chain, event })
    }

    /// Hands everything on that was written.
    ///
    /// # Errors
    ///
    /// It could not be handed on.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Writes the last line, and returns what was written to.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(&EndOut { end: true, lines: self.lines })?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn shorten<'a>(&mut self, block: &'a Block) -> BlockOut<'a> {
        let mut transactions = Vec::with_capacity(block.transactions.len());
        for transaction in &block.transactions {
            // The same bytes, or the reader would be told of others.
            if self.recent.get(&transaction.hash).is_some_and(|known| known == transaction) {
                transactions.push(Mention::Hash(transaction.hash));
            } else {
                self.recent.insert(transaction);
                transactions.push(Mention::Full(Arc::clone(transaction)));
            }
        }
        BlockOut { header: &block.header, transactions }
    }

    fn put(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.output.write_all(&self.line)?;
        self.lines += 1;
        Ok(())
    }
}
