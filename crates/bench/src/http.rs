//! Answers of HTTP/1.1, as they come off a socket: their status and body, one after another.

use httparse::{EMPTY_HEADER, Status};

const HEADERS_MAX: usize = 64;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Whether the connection ends with it.
    pub(crate) closes: bool,
}

impl Answer {
    /// Returns what it says, if it does not say yes.
    pub(crate) fn refusal(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.body);
        let refused = !(200..300).contains(&self.status);
        refused.then(|| format!("answers {}: {}", self.status, text.trim()))
    }
}

/// Why bytes are no answer that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("answers with bytes that are no HTTP/1.1: {0}")]
pub(crate) struct Malformed(String);

/// Gathers bytes into answers.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    bytes: Vec<u8>,
}

impl Answers {
    /// Takes bytes in.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next answer out, if it is whole.
    ///
    /// # Errors
    /// Fails on what is no answer.
    pub(crate) fn next(&mut self) -> Result<Option<Answer>, Malformed> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let malformed = |error: httparse::Error| Malformed(error.to_string());
        let Status::Complete(body_at) = head.parse(&self.bytes).map_err(malformed)? else {
            return Ok(None);
        };
        let status = head.code.unwrap_or(0);
        let keeps = head.version == Some(1);
        let header = |name: &str| {
            let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.and_then(|header| std::str::from_utf8(header.value).ok())
        };
        let closes =
            header("connection").map_or(!keeps, |value| value.eq_ignore_ascii_case("close"));
        let rest = &self.bytes[body_at..];
        let whole = if let Some(length) = header("content-length") {
            let length = length.trim().parse::<usize>();
            let length = length.map_err(|_| Malformed("its content-length".to_owned()))?;
            rest.get(..length).map(|body| (body.to_vec(), length))
        } else if header("transfer-encoding").is_some() {
            chunked(rest)?
        } else {
            Some((Vec::new(), 0))
        };
        let Some((body, used)) = whole else { return Ok(None) };
        self.bytes.drain(..body_at + used);
        Ok(Some(Answer { status, body, closes }))
    }
}

/// Returns a body that came in chunks, and how many bytes it took.
fn chunked(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let size = httparse::parse_chunk_size(&bytes[at..]);
        let Status::Complete((head, size)) =
            size.map_err(|_| Malformed("a chunk's size".to_owned()))?
        else {
            return Ok(None);
        };
        let start = at + head;
        let Some(chunk) = bytes.get(start..start + size as usize + 2) else { return Ok(None) };
        body.extend_from_slice(&chunk[..size as usize]);
        at = start + chunk.len();
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_one_by_one_wherever_they_are_cut() {
        let text: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc\
            HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n3\r\npe!\r\n0\r\n\r\n";
        let expected = [(201, "abc"), (204, ""), (500, "nope!")];
        for size in [1, 7, text.len()] {
            let mut answers = Answers::default();
            let mut seen = Vec::new();
            for piece in text.chunks(size) {
                answers.feed(piece);
                while let Some(answer) = answers.next().unwrap() {
                    seen.push((answer.status, String::from_utf8(answer.body).unwrap()));
                }
            }
            assert_eq!(seen, expected.map(|(status, body)| (status, body.to_owned())), "{size}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let mut answers = Answers::default();
        answers.feed(b"SSH-2.0-x\r\n\r\n");
        assert!(answers.next().is_err());
        let answer = Answer { status: 429, body: b"slow\n".to_vec(), closes: false };
        assert_eq!(answer.refusal().unwrap(), "answers 429: slow");
        assert_eq!(Answer { status: 202, body: Vec::new(), closes: true }.refusal(), None);
    }
}
