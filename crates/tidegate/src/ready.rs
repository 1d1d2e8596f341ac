//! `tidegate ready`: whether a server may be sent traffic, for whoever has no other client: an image
//! without a shell has none.

use std::time::Duration;

use reqwest::{Client, Url, redirect::Policy};
use serde_json::{Value, json};

use crate::{
    cli::{ReadyArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
    target::Target,
};

/// How long an answer may take: both routes ask nobody.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// Carries the command out.
///
/// # Errors
/// Fails on settings that make no sense, and where the server does not answer.
pub(crate) async fn run(args: ReadyArgs, style: Style) -> Result<Exit, Failure> {
    let base = Target::place(args.url.as_deref(), &args.config.values()?)?;
    let path = if args.live { "/health" } else { "/ready" };
    let (status, body) = ask(&base, path).await?;
    let reason = body["reason"].as_str();
    let is_good = status == 200;
    console::conclude(&match style {
        Style::Json => json!({"ok": is_good, "status": status, "answer": body}).to_string(),
        Style::Human if is_good => "ok".to_owned(),
        Style::Human => format!("not ready: {}", reason.unwrap_or("it starts or ends")),
    });
    Ok(if is_good { Exit::Done } else { Exit::Failed })
}

async fn ask(base: &Url, path: &str) -> Result<(u16, Value), Failure> {
    let shown = base.as_str().trim_end_matches('/');
    let silent = |error: reqwest::Error| {
        Failure::unreachable(format!("{shown} does not answer")).because(error.without_url())
    };
    let client = Client::builder().timeout(ANSWER_TIME_MAX).redirect(Policy::none()).no_proxy();
    let client = client.build().map_err(silent)?;
    let response = client.get(format!("{shown}{path}")).send().await.map_err(silent)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(silent)?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}
