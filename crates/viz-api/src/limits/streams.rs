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
        let streams = {
            let mut orgs = self.orgs.lock();
            if orgs.len() > ENTRIES_KEPT {
                orgs.retain(|_, streams| streams.available_permits() < self.most);
            }
            let streams = orgs.entry(org.clone());
            Arc::clone(streams.or_insert_with(|| Arc::new(Semaphore::new(self.most))))
        };
        streams.try_acquire_owned().map_err(|_| {
            let message = format!("this organisation may have {} open streams", self.most);
            ApiError::new(Code::RateLimited, message).retry_after(5)
        })
    }
}
