//! How many streams an organisation has open.

use std::{collections::HashMap, sync::Arc};

use event::OrgId;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, Code};

/// Entries beyond which organisations without an open stream are forgotten.
const ENTRIES_KEPT: usize = 1024;

/// The open streams of each organisation.
#[derive(Debug)]
pub(crate) struct StreamQuota {
    most: usize,
    orgs: Mutex<HashMap<OrgId, Arc<Semaphore>>>,
}

impl StreamQuota {
    pub(crate) fn new(most: usize) -> Self {
        StreamQuota { most, orgs: Mutex::default() }
    }

    /// Takes a share; it is given back when it is dropped.
    pub(crate) fn take(&self, org: &OrgId) -> Result<OwnedSemaphorePermit, ApiError> {
        let mut orgs = self.orgs.lock();
        if orgs.len() >= orgs.capacity().max(ENTRIES_KEPT) {
            // As often as the map would double, so that each open costs the same.
            orgs.retain(|_, streams| streams.available_permits() < self.most);
        }
        let streams = orgs.entry(org.clone());
        let streams = streams.or_insert_with(|| Arc::new(Semaphore::new(self.most)));
        // Under the lock: an entry without a share may be forgotten.
        Arc::clone(streams).try_acquire_owned().map_err(|_| {
            let message = format!("this organisation may have {} open streams", self.most);
            ApiError::new(Code::RateLimited, message).retry_after(5)
        })
    }
}
