//! Whether clients ended rightly.

use event::Clock;

use super::{
    client::{Client, Speaks},
    web::Web,
    world::World,
};

/// What the room allows a reader of an event stream to send.
const INPUT_BYTES_MAX: usize = 64 << 10;

impl World {
    /// Asserts that the room had a reason to let a client go.
    pub(crate) fn check_end(&mut self, client: &Client) {
        match client.goodbye() {
            Some("drain") => {
                assert!(self.draining);
                self.totals.drained += 1;
            }
            Some("token_expired") => {
                assert!(client.was_expired);
                self.totals.expired += 1;
            }
            Some(other) => panic!("no farewell of ours: {other}"),
            None => match &client.speaks {
                Speaks::Sse(_) => self.check_silent_end(client),
                Speaks::Web(web) => self.check_web_end(client, web),
            },
        }
    }

    fn check_silent_end(&mut self, client: &Client) {
        let wire = client.wire.borrow();
        if wire.dead || wire.half_closed || wire.read > INPUT_BYTES_MAX {
            self.totals.closed_by_client += 1;
        } else if self.draining || client.was_expired {
            assert!(wire.full_since.is_some(), "a reader that takes bytes is told farewell");
            self.totals.cut_at_farewell += 1;
        } else {
            assert!(self.lags(client), "closed without a reason");
            self.totals.closed_lagging += 1;
        }
    }

    fn check_web_end(&mut self, client: &Client, web: &Web) {
        let wire = client.wire.borrow();
        let code = web.closed.as_ref().and_then(|(code, _)| *code);
        if code == Some(1013) {
            assert!(client.was_lagging, "closed without a reason");
            self.totals.closed_lagging += 1;
        } else if wire.dead || wire.half_closed {
            self.totals.closed_by_client += 1;
        } else if web.closes {
            self.totals.closed_with_frame += 1;
        } else if web.is_garbled {
            let is_told = matches!(code, None | Some(1000..=4999));
            assert!(is_told || wire.full_since.is_some(), "{:?}", web.closed);
            self.totals.closed_garbled += 1;
        } else if web.is_revoked {
            assert!(code == Some(1008) || wire.full_since.is_some(), "{:?}", web.closed);
            self.totals.closed_by_session += 1;
        } else {
            assert_eq!(web.closed, None, "of those it was told nothing");
            assert!(wire.full_since.is_some(), "a client that takes bytes is told why");
            if self.draining || client.was_expired {
                self.totals.cut_at_farewell += 1;
            } else {
                assert!(client.was_lagging, "cut off without a reason");
                self.totals.closed_lagging += 1;
            }
        }
    }

    /// Returns whether a client is too far behind, so that the room may close it.
    pub(crate) fn lags(&self, client: &Client) -> bool {
        let (now, lag_max) = (self.clock.mono(), self.options.lag_max);
        let Some(full_since) = client.wire.borrow().full_since else { return false };
        let follows = client.follows();
        let truths = follows.iter().map(|follow| (follow.at, &self.streams[follow.stream].truth));
        let bytes: u64 = truths.clone().map(|(at, truth)| truth.bytes_after(at)).sum();
        let is_old = truths.into_iter().any(|(at, truth)| {
            // A loss hides what the next event was to be.
            truth
                .between(at, truth.head())
                .is_none_or(|next| next.last().is_some_and(|fact| now.since(fact.at) > lag_max))
        });
        now.since(full_since) > lag_max || bytes > self.options.lag_bytes_max || is_old
    }
}
