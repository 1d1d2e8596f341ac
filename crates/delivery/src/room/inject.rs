//! A room in which things go wrong, for tests of what watches a release.

use event::MonoMs;

use super::{Room, socket::Sink};
use crate::{EndCause, Transport, inject::Faults};

impl<S: Sink> Room<S> {
    /// Makes these faults with the streams that readers follow from now on.
    pub fn inject(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Cuts those connections whose turn it is; the server's own are spared.
    pub(super) fn cut_some(&mut self, now: MonoMs) {
        let clients = self.readers.iter().map(|(_, reader)| reader);
        let clients = clients.filter(|reader| reader.transport != Transport::probe);
        for key in self.cuts.take(&self.faults, now, clients.map(|reader| reader.key)) {
            self.remove(key, EndCause::Injected);
        }
    }
}
