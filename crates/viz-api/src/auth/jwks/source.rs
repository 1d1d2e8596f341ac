//! Where a key set is read from: a file or a URL.

use std::{io, path::PathBuf, time::Duration};

use jsonwebtoken::jwk::JwkSet;
use node_runtime::settings::Secret;
use tokio::io::AsyncReadExt;

const FETCH_TIME_MAX: Duration = Duration::from_secs(5);
const SET_BYTES_MAX: usize = 1 << 20;

/// The place of a key set.
#[derive(Debug)]
pub(super) enum Source {
    File(PathBuf),
    /// It may hold a password.
    Url(Secret),
}

/// Why a key set can't be read. None of these names the place.
#[derive(Debug, thiserror::Error)]
pub(in crate::auth) enum ReadError {
    #[error("the file can't be read")]
    File(#[source] io::Error),
    #[error("the URL can't be fetched")]
    Url(#[source] reqwest::Error),
    #[error("it is larger than {SET_BYTES_MAX} bytes")]
    TooLarge,
    #[error("it is no key set (RFC 7517)")]
    Malformed(#[source] serde_json::Error),
}

impl Source {
    pub(super) async fn read(&self) -> Result<JwkSet, ReadError> {
        let bytes = match self {
            Source::File(path) => read_file(path).await.map_err(ReadError::File)?,
            Source::Url(url) => {
                let fetched = fetch(url.expose()).await;
                fetched.map_err(|error| ReadError::Url(error.without_url()))?
            }
        };
        if bytes.len() > SET_BYTES_MAX {
            return Err(ReadError::TooLarge);
        }
        serde_json::from_slice(&bytes).map_err(ReadError::Malformed)
    }
}

/// Reads one byte more than is allowed at most.
async fn read_file(path: &PathBuf) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(SET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// Fetches a piece more than is allowed at most.
async fn fetch(url: &str) -> Result<Vec<u8>, reqwest::Error> {
    let client = reqwest::Client::builder().timeout(FETCH_TIME_MAX).build()?;
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut body = Vec::new();
    while body.len() <= SET_BYTES_MAX
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
