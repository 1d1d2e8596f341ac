//! An event of the server's own that goes the whole way: through the log, the pump, each worker's
//! ring and a socket. Whoever serves readers has shown that it does.

use std::{io, sync::Arc, time::Duration};

use broker::{Append, AppendError, AttachError, Broker, NewEvent};
use bytes::{Bytes, BytesMut};
use event::{After, Clock, Envelope, EventId, EventName, OrgId, Payload, Position, StreamName};
use tokio::{
    io::AsyncReadExt,
    net::UnixStream,
    time::{Instant, timeout_at},
};

use crate::{Delivery, OpenRequest, Reader, Socket, Terms, Transport};

/// Bytes that a probe may have read without finding its event; what lies before is forgotten.
const UNREAD_BYTES_MAX: usize = 64 << 10;

/// A reader of the probe stream in each worker.
#[derive(Debug)]
pub struct Probe {
    ends: Vec<End>,
}

#[derive(Debug)]
struct End {
    socket: UnixStream,
    unread: BytesMut,
}

/// A probe event that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probed {
    /// How long it took from publish to the last socket.
    pub took: Duration,
    /// Its place in the log.
    pub place: Position,
}

/// The probe event did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It could not be appended.
    #[error("the probe event could not be appended")]
    Append(#[source] AppendError),
    /// The stream of probes could not be opened.
    #[error("the probe stream could not be opened")]
    Attach(#[source] AttachError),
    /// The backend did not answer in time.
    #[error("the backend did not take the probe event within {} ms", .0.as_millis())]
    Unanswered(Duration),
    /// It did not come out in time.
    #[error("the probe event was not delivered within {} ms", .0.as_millis())]
    Late(Duration),
    /// A socket of the probe is gone.
    #[error("a socket of the probe is gone")]
    Socket(#[source] io::Error),
}

impl ProbeError {
    /// Returns whether the backend is at fault, rather than delivery.
    pub fn is_of_the_backend(&self) -> bool {
        match self {
            ProbeError::Append(_) | ProbeError::Attach(_) | ProbeError::Unanswered(_) => true,
            ProbeError::Late(_) | ProbeError::Socket(_) => false,
        }
    }
}

impl Probe {
    /// Attaches a reader of the probe stream in each worker.
    ///
    /// # Errors
    /// Fails where the backend can't answer or the system gives no socket pair.
    pub async fn open(delivery: &Delivery) -> Result<Self, ProbeError> {
        let mut ends = Vec::new();
        for worker in 0..delivery.workers() {
            let request = OpenRequest {
                stream: StreamName::Probe,
                after: After::Head,
                filter: None,
                terms: Terms::default(),
            };
            let opened = delivery.open(request).await.map_err(ProbeError::Attach)?;
            let (near, socket) = pair().map_err(ProbeError::Socket)?;
            let reader = Reader {
                socket: near,
                transport: Transport::probe,
                preamble: Bytes::new(),
                expires: None,
                permit: None,
            };
            delivery.serve_in(worker, opened, reader);
            ends.push(End { socket, unread: BytesMut::new() });
        }
        Ok(Probe { ends })
    }

    /// Publishes an event and waits until every worker has delivered it.
    ///
    /// # Errors
    /// Fails where it could not be appended, or did not come out within `within`.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped; the next call looks for its own event.
    pub async fn run(
        &mut self,
        broker: &Arc<dyn Broker>,
        clock: &dyn Clock,
        within: Duration,
    ) -> Result<Probed, ProbeError> {
        let began = clock.mono();
        let deadline = Instant::now() + within;
        let id = EventId::random(clock.unix(), &mut rand::rng());
        let append = broker.append(&StreamName::Probe, Append::one(probe_event(id)));
        let appended = timeout_at(deadline, append).await;
        let appended = appended.map_err(|_| ProbeError::Unanswered(within))?;
        let receipts = appended.map_err(ProbeError::Append)?;
        let place = receipts.receipts()[0].position;
        let delivered = async {
            for end in &mut self.ends {
                end.find(id).await.map_err(ProbeError::Socket)?;
            }
            Ok(())
        };
        timeout_at(deadline, delivered).await.map_err(|_| ProbeError::Late(within))??;
        Ok(Probed { took: clock.mono().since(began), place })
    }
}

impl End {
    async fn find(&mut self, id: EventId) -> io::Result<()> {
        let wanted = id.to_string();
        loop {
            let found = self.unread.windows(wanted.len()).position(|w| w == wanted.as_bytes());
            if let Some(at) = found {
                let _ = self.unread.split_to(at + wanted.len());
                return Ok(());
            }
            if self.unread.len() > UNREAD_BYTES_MAX {
                let _ = self.unread.split_to(self.unread.len() - wanted.len());
            }
            if self.socket.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn pair() -> io::Result<(Socket, UnixStream)> {
    let (near, far) = std::os::unix::net::UnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    Ok((Socket::unix(near), UnixStream::from_std(far)?))
}

fn probe_event(id: EventId) -> NewEvent {
    let event: EventName = "probe".parse().expect("a constant in the grammar");
    let org_id: OrgId = "probe".parse().expect("a constant in the grammar");
    let envelope = Envelope { id, org_id, event: event.clone(), payload: Payload::empty() };
    NewEvent { id, name: event, json: envelope.to_json() }
}
