//! Which server a client talks to, and with which credential.
//!
//! What is not given comes from the settings that `serve` would use here, so that a client beside
//! its server needs no arguments at all.

mod credential;

use node_runtime::{
    Settings, local_key,
    settings::{Scopes, Values},
};
use reqwest::Url;

pub(crate) use self::credential::Credential;
use crate::{cli::ClientArgs, failure::Failure};

/// A server and the credential for it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The server's address, with neither query nor a slash at its end.
    base: Url,
    /// What proves who we are.
    pub(crate) credential: Credential,
}

impl Target {
    /// Returns the server of a client's arguments.
    ///
    /// # Errors
    /// Fails where the address or the key is malformed, or where neither they nor the settings
    /// say what to use.
    pub(crate) fn of(args: &ClientArgs, scopes: Scopes) -> Result<Self, Failure> {
        let urls: Vec<_> = args.url.iter().cloned().collect();
        let mut all = Target::all(&urls, args.key.as_deref(), &args.config.values()?, scopes)?;
        Ok(all.swap_remove(0))
    }

    /// Returns the servers of these arguments, at least one.
    ///
    /// # Errors
    /// As for [`Target::of`].
    pub(crate) fn all(
        urls: &[String],
        key: Option<&str>,
        values: &Values,
        scopes: Scopes,
    ) -> Result<Vec<Self>, Failure> {
        let urls = urls_of(urls, values)?;
        let credential = match key.or(given(values, "TIDEGATE_KEY")) {
            Some(key) => Credential::new(key)?,
            None => key_of_settings(values, scopes)?,
        };
        let target =
            |url: &String| Ok(Target { base: base_of(url)?, credential: credential.clone() });
        urls.iter().map(target).collect()
    }

    /// Returns where a server is, the first of several, for what needs no credential.
    ///
    /// # Errors
    /// Fails where the address is malformed, or where the settings don't say what to use.
    pub(crate) fn place(url: Option<&str>, values: &Values) -> Result<Url, Failure> {
        let urls: Vec<_> = url.into_iter().map(str::to_owned).collect();
        base_of(&urls_of(&urls, values)?.swap_remove(0))
    }

    /// Returns the server's address.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the server's address as it is shown.
    pub(crate) fn shown(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Returns the address of a path on the server; `path` begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shown())
    }
}

fn given<'a>(values: &'a Values, setting: &str) -> Option<&'a str> {
    values.get(setting).filter(|text| !text.is_empty())
}

/// Returns the addresses of these arguments or of the settings, at least one.
fn urls_of(urls: &[String], values: &Values) -> Result<Vec<String>, Failure> {
    Ok(match (urls, given(values, "TIDEGATE_URL")) {
        ([], Some(urls)) => urls.split(',').map(|url| url.trim().to_owned()).collect(),
        ([], None) => vec![url_of_settings(values)?],
        (urls, _) => urls.to_vec(),
    })
}

fn base_of(text: &str) -> Result<Url, Failure> {
    let shown = without_secrets(text);
    let refuse = |why: &str| Failure::usage(format!("--url or TIDEGATE_URL: `{shown}` {why}"));
    let url = Url::parse(text).map_err(|error| refuse("is not a URL").because(error))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refuse("is not http://HOST or https://HOST"));
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if url.query().is_some() || url.fragment().is_some() || has_user {
        return Err(refuse("has a part that has no meaning here"));
    }
    Ok(url)
}

/// Returns an address, well-formed or not, without the parts where a password or a key may stand.
fn without_secrets(text: &str) -> String {
    // The last `@`: a password that should have been escaped may hold any of the other marks.
    let (user, rest) =
        text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
    let place = rest.split_inclusive(['?', '#']).next().unwrap_or_default();
    let cut = if place.len() < rest.len() { "…" } else { "" };
    let user = user.map_or_else(String::new, |user| {
        let scheme = user.split_once("://").map(|(scheme, _)| format!("{scheme}://"));
        format!("{}…@", scheme.unwrap_or_default())
    });
    format!("{user}{place}{cut}")
}

fn settings(values: &Values) -> Result<Settings, Failure> {
    Settings::parse(values).map_err(|error| Failure::usage(error.to_string()))
}

fn url_of_settings(values: &Values) -> Result<String, Failure> {
    let mut bind = settings(values)?.bind;
    if bind.port() == 0 {
        return Err(Failure::usage("VIZ_API_BIND leaves the port open: give --url"));
    }
    if bind.ip().is_unspecified() {
        bind.set_ip(match bind.ip() {
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(format!("http://{bind}"))
}

fn key_of_settings(values: &Values, scopes: Scopes) -> Result<Credential, Failure> {
    let settings = settings(values)?;
    if let Some(entries) = values.get("TIDEGATE_KEYS").filter(|text| !text.is_empty()) {
        return credential::first_with(entries, scopes).ok_or_else(|| {
            Failure::usage(format!("no entry of TIDEGATE_KEYS has {scopes:?}: give --key"))
        });
    }
    match local_key::read(&settings.realtime.state_dir) {
        Some(key) if !settings.has_auth() => Credential::new(&key),
        _ => Err(Failure::usage(
            "no key: give --key, TIDEGATE_KEY or the server's TIDEGATE_KEYS, or run this where \
             its REALTIME_STATE_DIR is",
        )),
    }
}

#[cfg(test)]
mod tests;
