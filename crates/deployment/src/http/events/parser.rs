//! Server-Sent Events by the WHATWG rules, however the bytes are cut
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>).
//! Pure.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::Event;

/// The longest event that is taken.
const EVENT_BYTES_MAX: usize = 8 << 20;

/// What was read of an event that is not over.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    has_begun: bool,
    name: String,
    data: String,
    id: String,
}

impl Parser {
    /// Reads a piece and adds the events that it completes.
    ///
    /// # Errors
    /// Fails on an event that is too long.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        to: &mut VecDeque<Event>,
    ) -> Result<(), &'static str> {
        for &byte in bytes {
            let follows_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if follows_cr => {}
                b'\n' | b'\r' => self.end_line(to),
                byte => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > EVENT_BYTES_MAX {
                return Err("sent an event that is too long");
            }
        }
        Ok(())
    }

    fn end_line(&mut self, to: &mut VecDeque<Event>) {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let line = if is_first { line.strip_prefix('\u{feff}').unwrap_or(&line) } else { &line };
        if line.is_empty() {
            return self.dispatch(to);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "event" => value.clone_into(&mut self.name),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            _ => {}
        }
    }

    fn dispatch(&mut self, to: &mut VecDeque<Event>) {
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        if data.pop().is_none() {
            return;
        }
        let name = if name.is_empty() { "message".to_owned() } else { name };
        to.push_back(Event { name, data, id: self.id.clone(), at: Timestamp::now() });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::Parser;

    #[test]
    fn events_are_read_wherever_the_bytes_are_cut() {
        let text = "\u{feff}retry: 5\r\n: hello\r\nevent: connected\r\nid: 1\r\ndata: {\"a\":1}\r\n\r\n\
            data:one\ndata: two\n\nid: 3\n\nevent:x\ndata\n\nevent: lost\ndata: no end\n";
        let expected =
            [("connected", "1", "{\"a\":1}"), ("message", "1", "one\ntwo"), ("x", "3", "")];
        for at in 0..=text.len() {
            let (mut parser, mut events) = (Parser::default(), VecDeque::new());
            parser.feed(&text.as_bytes()[..at], &mut events).unwrap();
            parser.feed(&text.as_bytes()[at..], &mut events).unwrap();
            let seen: Vec<_> = events
                .iter()
                .map(|it| (it.name.as_str(), it.id.as_str(), it.data.as_str()))
                .collect();
            assert_eq!(seen, expected, "cut at {at}");
        }
    }

    #[test]
    fn an_event_without_an_end_is_refused() {
        let (mut parser, mut events) = (Parser::default(), VecDeque::new());
        let piece = vec![b'a'; 1 << 20];
        let all = (0..9).try_for_each(|_| parser.feed(&piece, &mut events));
        assert!(all.is_err());
    }
}
