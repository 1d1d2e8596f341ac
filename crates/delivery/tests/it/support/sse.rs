//! A reader of event streams, by the parsing rules of the WHATWG standard
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>).

/// A block of an event stream; what was not there is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) id: Option<String>,
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) retry_ms: Option<u32>,
    pub(crate) comments: usize,
}

/// Bytes come in as they like; whole blocks come out.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    unread: Vec<u8>,
}

impl Parser {
    /// Takes in bytes; returns the blocks that have ended with them.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Block> {
        self.unread.extend_from_slice(bytes);
        let mut blocks = Vec::new();
        let mut from = 0;
        while let Some(end) = self.unread[from..].windows(2).position(|pair| pair == b"\n\n") {
            blocks.push(block(&self.unread[from..from + end]));
            from += end + 2;
        }
        self.unread.drain(..from);
        blocks
    }
}

fn block(bytes: &[u8]) -> Block {
    let text = std::str::from_utf8(bytes).expect("an event stream is UTF-8");
    let mut block = Block::default();
    for line in text.split('\n') {
        match line.split_once(": ") {
            Some(("", _)) => block.comments += 1,
            Some(("id", id)) => block.id = Some(id.to_owned()),
            Some(("event", name)) => block.event.push_str(name),
            Some(("data", data)) => block.data.push_str(data),
            Some(("retry", ms)) => block.retry_ms = Some(ms.parse().expect("retry is a number")),
            _ => panic!("no line of an event stream of ours: {line:?}"),
        }
    }
    block
}
