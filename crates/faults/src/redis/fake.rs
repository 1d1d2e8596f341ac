//! A server that only looks like Redis: each command is answered as the test says.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Says what is sent for a command, given as its words; `None` sends nothing.
type Answer = dyn Fn(&[String]) -> Option<Vec<u8>> + Send + Sync;

/// The server. It ends with the handle.
pub struct FakeRedis {
    address: SocketAddr,
    _task: JoinSet<()>,
}

impl FakeRedis {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// Panics where loopback has no free port.
    pub async fn start(
        answer: impl Fn(&[String]) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let answer: Arc<Answer> = Arc::new(answer);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                open.spawn(async move {
                    // Its end is the client's doing.
                    let _ = serve(stream, &*answer).await;
                });
            }
        });
        FakeRedis { address, _task: task }
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("redis://{}/", self.address)
    }

    /// Returns what a server that is ready answers to the commands of a new connection.
    pub fn greeting(command: &[String], version: &str) -> Option<Vec<u8>> {
        let word = command.first().map(|word| word.to_ascii_uppercase());
        let answer = match word.as_deref()? {
            "HELLO" => "%1\r\n+proto\r\n:3\r\n".to_owned(),
            "INFO" => {
                let info = format!("redis_version:{version}\r\nrun_id:fake\r\nrole:master\r\n");
                format!("${}\r\n{info}\r\n", info.len())
            }
            "PING" => "+PONG\r\n".to_owned(),
            "FUNCTION" | "SCRIPT" => "+OK\r\n".to_owned(),
            _ => return None,
        };
        Some(answer.into_bytes())
    }
}

async fn serve(stream: TcpStream, answer: &Answer) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut command = Vec::new();
        for _ in 0..number(&mut stream, b'*').await? {
            let mut word = vec![0; number(&mut stream, b'$').await? + 2];
            stream.read_exact(&mut word).await?;
            word.truncate(word.len() - 2);
            command.push(String::from_utf8_lossy(&word).into_owned());
        }
        if let Some(bytes) = answer(&command) {
            stream.get_mut().write_all(&bytes).await?;
        }
    }
}

/// Reads a line as `*3` or `$12`.
async fn number(stream: &mut BufReader<TcpStream>, mark: u8) -> std::io::Result<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let number = line.trim_end().strip_prefix(char::from(mark));
    let number = number.and_then(|number| number.parse().ok());
    number.ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}
