//! One exchange over the runtime socket: a line of commands, and everything until HAProxy ends it.

use std::{convert::Infallible, fmt, io, path::PathBuf, str::FromStr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use crate::RouterError;

/// The longest answer that is taken: `show sess` with 100,000 streams has about 40 MB.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Where HAProxy's runtime socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Socket {
    /// A path.
    Unix(PathBuf),
    /// `host:port`.
    Tcp(String),
}

impl FromStr for Socket {
    type Err = Infallible;

    /// What has a `/` is a path.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let is_path = text.contains('/');
        Ok(if is_path { Socket::Unix(text.into()) } else { Socket::Tcp(text.to_owned()) })
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Socket::Unix(path) => path.display().fmt(f),
            Socket::Tcp(address) => address.fmt(f),
        }
    }
}

/// Sends a line; returns what came until the end.
pub(super) async fn exchange(
    socket: &Socket,
    line: &str,
    within: Duration,
) -> Result<String, RouterError> {
    let said = timeout(within, connect_and_exchange(socket, line)).await;
    let router = || format!("HAProxy at {socket}");
    let bytes = match said {
        Err(_) => {
            return Err(RouterError::Silent { router: router(), command: line.to_owned(), within });
        }
        Ok(Err(source)) => return Err(RouterError::Unreachable { router: router(), source }),
        Ok(Ok(bytes)) => bytes,
    };
    let command = line.to_owned();
    if bytes.len() > ANSWER_BYTES_MAX {
        let bytes_max = ANSWER_BYTES_MAX;
        return Err(RouterError::TooLong { router: router(), command, bytes_max });
    }
    String::from_utf8(bytes).map_err(|_| {
        let what = "no UTF-8".to_owned();
        RouterError::Unreadable { router: router(), command, what }
    })
}

async fn connect_and_exchange(socket: &Socket, line: &str) -> io::Result<Vec<u8>> {
    match socket {
        Socket::Unix(path) => speak(UnixStream::connect(path).await?, line).await,
        Socket::Tcp(address) => speak(TcpStream::connect(address).await?, line).await,
    }
}

async fn speak(mut stream: impl AsyncRead + AsyncWrite + Unpin, line: &str) -> io::Result<Vec<u8>> {
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    let mut bytes = Vec::new();
    let most = ANSWER_BYTES_MAX as u64 + 1;
    match stream.take(most).read_to_end(&mut bytes).await {
        // What came is looked at: it has no end, and is told as such.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(bytes),
        Err(error) => Err(error),
        Ok(_) => Ok(bytes),
    }
}
