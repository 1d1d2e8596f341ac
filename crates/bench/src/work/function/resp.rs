//! Just enough of Redis's protocol (RESP2) to call a function and to hear a wake-up.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Error(String),
    Nothing,
    List(Vec<Value>),
}

impl Value {
    /// Returns all texts in it, at whatever depth.
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Value::Text(text) => vec![text.clone()],
            Value::List(values) => values.iter().flat_map(Value::texts).collect(),
            Value::Error(_) | Value::Nothing => Vec::new(),
        }
    }
}

/// A connection that waits for its answers.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(super) fn to(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream: BufReader::new(stream) })
    }

    /// Bounds the time of each answer.
    pub(super) fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(Some(time))
    }

    pub(super) fn call(&mut self, arguments: &[&str]) -> io::Result<Value> {
        let arguments: Vec<_> = arguments.iter().map(|text| text.as_bytes()).collect();
        self.send(&arguments)?;
        self.receive()
    }

    pub(super) fn send(&mut self, arguments: &[&[u8]]) -> io::Result<()> {
        let mut command = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            command.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            command.extend_from_slice(argument);
            command.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&command)
    }

    pub(super) fn receive(&mut self) -> io::Result<Value> {
        read(&mut self.stream)
    }
}

fn read(from: &mut impl BufRead) -> io::Result<Value> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    let nonsense = || io::Error::new(io::ErrorKind::InvalidData, "no answer of Redis");
    let (kind, rest) = line.split_at_checked(1).ok_or_else(nonsense)?;
    let length = || rest.parse::<i64>().map_err(|_| nonsense());
    match kind {
        "+" | ":" => Ok(Value::Text(rest.to_owned())),
        "-" => Ok(Value::Error(rest.to_owned())),
        "$" => match usize::try_from(length()?) {
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                from.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Ok(Value::Text(String::from_utf8_lossy(&bytes).into_owned()))
            }
            Err(_) => Ok(Value::Nothing),
        },
        "*" => match length()? {
            ..0 => Ok(Value::Nothing),
            length => (0..length).map(|_| read(from)).collect::<io::Result<_>>().map(Value::List),
        },
        _ => Err(nonsense()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, read};

    #[test]
    fn answers_are_read() {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut bytes = &b"*3\r\n$3\r\na\r\n\r\n:7\r\n*2\r\n$-1\r\n+OK\r\n-ERR x\r\n"[..];
        let list = read(&mut bytes).unwrap();
        let inner = Value::List(vec![Value::Nothing, text("OK")]);
        assert_eq!(list, Value::List(vec![text("a\r\n"), text("7"), inner]));
        assert_eq!(list.texts(), ["a\r\n", "7", "OK"]);
        assert_eq!(read(&mut bytes).unwrap(), Value::Error("ERR x".to_owned()));
        for broken in [&b""[..], b"?1\r\n", b"$5\r\nab", b"*x\r\n"] {
            assert!(read(&mut &*broken).is_err(), "{broken:?}");
        }
    }
}
