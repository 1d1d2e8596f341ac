//! The two requests that the floor knows.

/// A request's head is shorter than this.
const HEADERS_MAX: usize = 16;

/// What is asked of the floor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// `POST /STREAM` with `events` and the frames.
    Publish { stream: usize, frames: &'a [u8], events: usize },
    /// `GET /STREAM` with `back`.
    Subscribe { stream: usize, back: u64, upgrade: bool },
}

/// The request is of no known form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Request<'_> {
    /// Returns the stream that it is for.
    pub(super) fn stream(&self) -> usize {
        match self {
            Request::Publish { stream, .. } | Request::Subscribe { stream, .. } => *stream,
        }
    }

    /// Reads the first request and how long it is; `None` where it is not whole yet.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Request<'_>, usize)>, Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Request::new(&mut headers);
        let body_at = match head.parse(bytes).map_err(|_| Malformed)? {
            httparse::Status::Complete(at) => at,
            httparse::Status::Partial => return Ok(None),
        };
        let header = |name: &str| {
            let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.and_then(|header| std::str::from_utf8(header.value).ok())
        };
        let number = |name: &str| header(name).and_then(|value| value.parse::<u64>().ok());
        let stream = head.path.and_then(|path| path.strip_prefix('/')?.parse().ok());
        let stream = stream.ok_or(Malformed)?;
        if head.method == Some("GET") {
            let (back, upgrade) = (number("back").unwrap_or(0), header("upgrade").is_some());
            return Ok(Some((Request::Subscribe { stream, back, upgrade }, body_at)));
        }
        let events = number("events").ok_or(Malformed)? as usize;
        let length = number("content-length").ok_or(Malformed)? as usize;
        let Some(frames) = bytes[body_at..].get(..length) else { return Ok(None) };
        Ok(Some((Request::Publish { stream, frames, events }, body_at + length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_requests_are_read_and_others_waited_for() {
        let post = b"POST /3 HTTP/1.1\r\nevents: 2\r\ncontent-length: 4\r\n\r\naabbGET";
        let publish = Request::Publish { stream: 3, frames: b"aabb", events: 2 };
        assert_eq!(Request::parse(post), Ok(Some((publish, post.len() - 3))));
        for cut in 0..post.len() - 3 {
            assert_eq!(Request::parse(&post[..cut]), Ok(None), "{cut}");
        }
        let get = b"GET /0 HTTP/1.1\r\nback: 7\r\n\r\n";
        let subscribe = Request::Subscribe { stream: 0, back: 7, upgrade: false };
        assert_eq!(Request::parse(get), Ok(Some((subscribe, get.len()))));
        assert_eq!(Request::parse(b"GET /x HTTP/1.1\r\n\r\n"), Err(Malformed));
        assert_eq!(Request::parse(b"POST /1 HTTP/1.1\r\n\r\n"), Err(Malformed));
    }
}
