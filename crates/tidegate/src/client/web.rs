//! A WebSocket to the server (RFC 6455), as texts in both directions.
//!
//! The library knows frames and does no IO: bytes are read from the same two kinds of connection as
//! for event streams, in the same pieces.

mod follow;
mod frames;
mod link;
mod message;
mod publish;
mod upgrade;

pub(super) use self::follow::WebStream;
pub(crate) use self::publish::{Draft, WebPublisher};
use self::{
    frames::{Frames, Over},
    link::Link,
};
use super::{Api, Ended, Refusal};
use crate::target::Target;

/// The codes of close frames that tell more than that the stream is over.
mod close_code {
    /// The server found our frames, or our messages, broken.
    pub(super) const OUR_FAULT: [u16; 4] = [1002, 1003, 1007, 1009];
    /// The credential, or a permission, is lost.
    pub(super) const POLICY: u16 = 1008;
    /// The reader is too slow.
    pub(super) const TRY_AGAIN_LATER: u16 = 1013;
}

/// An open WebSocket.
#[derive(Debug)]
struct WebSocket {
    link: Link,
    frames: Frames,
}

impl WebSocket {
    /// Opens a WebSocket.
    ///
    /// # Errors
    /// Fails where the server can't be reached, or does not agree.
    async fn open(
        target: &Target,
        api: &Api,
        receive_buffer: Option<u32>,
    ) -> Result<Self, Refusal> {
        let link = upgrade::open(target, api, receive_buffer).await?;
        Ok(WebSocket { link, frames: Frames::new() })
    }

    /// Says something; it goes out with the next read.
    ///
    /// # Errors
    /// Fails where the connection is closed.
    fn say(&mut self, text: &str) -> Result<(), Ended> {
        self.frames.say(text).map_err(ended)
    }

    /// Waits for bytes and hands on each text that they complete; returns how many bytes came.
    ///
    /// # Errors
    /// Fails where the connection is over; what came before that was handed on.
    ///
    /// # Cancel safety
    /// Nothing is lost: texts are handed on in the same poll in which their bytes are taken.
    async fn read(&mut self, mut on: impl FnMut(&str)) -> Result<usize, Ended> {
        let WebSocket { link, frames } = self;
        link.write(frames.out()).await?;
        let (mut came, mut fed) = (0, Ok(()));
        let read = link.read(|bytes| {
            came += bytes.len();
            fed = frames.feed(bytes, &mut on);
        });
        let more = read.await?;
        if let Err(over) = fed {
            // The other end waits for the answer to its close frame, if it still can.
            let _gone = link.write(frames.out()).await;
            return Err(ended(over));
        }
        if more { Ok(came) } else { Err(Ended::Closed) }
    }
}

fn ended(over: Over) -> Ended {
    match over {
        Over::Closed { code: close_code::POLICY, reason } => {
            Ended::Refused(Refusal::Closed { code: close_code::POLICY, reason })
        }
        Over::Closed { code: close_code::TRY_AGAIN_LATER, .. } => Ended::Lagged,
        Over::Closed { code, reason } if close_code::OUR_FAULT.contains(&code) => {
            Ended::Garbled(format!("the server could not read what we sent: {code} {reason}"))
        }
        Over::Closed { .. } => Ended::Closed,
        Over::Garbled(what) => Ended::Garbled(what),
    }
}
