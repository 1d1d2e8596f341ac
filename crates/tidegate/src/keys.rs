//! `tidegate keys new`: a random key, and how to use it.

mod sign;

use data_encoding::BASE64URL_NOPAD;
use node_runtime::settings::ApiKey;
use serde_json::json;

use crate::{
    cli::{KeysCommand, NewKeyArgs, Style},
    console,
    exit::Exit,
    failure::Failure,
};

const KEY_BYTES: usize = 32;

/// Carries the command out.
///
/// # Errors
/// Fails on an organisation, scopes or an author that the server would not take.
pub(crate) fn run(command: &KeysCommand, style: Style) -> Result<Exit, Failure> {
    let KeysCommand::New(args) = command;
    if let (Some(name), Some(out)) = (&args.sign, &args.out) {
        return sign::run(name, &args.role, out, style);
    }
    let key = BASE64URL_NOPAD.encode(&rand::random::<[u8; KEY_BYTES]>());
    let entry = entry(args, &key)?;
    match style {
        Style::Human => {
            console::conclude(&entry);
            console::note(&advice(&key));
        }
        Style::Json => console::document(&document(args, &key, &entry))?,
    }
    Ok(Exit::Done)
}

/// Writes the entry, and has the server's own parser find in it what was asked for.
fn entry(args: &NewKeyArgs, key: &str) -> Result<String, Failure> {
    let NewKeyArgs { org, scopes, author, .. } = args;
    let org = org.as_deref().unwrap_or_default();
    let author = author.as_ref().map(|author| format!("@{author}")).unwrap_or_default();
    let entry = format!("{org}={key}:{scopes}{author}");
    let parsed: ApiKey =
        entry.parse().map_err(|error| Failure::usage(format!("the key's entry {error}")))?;
    if parsed.org.as_str() != org || parsed.author.as_deref() != args.author.as_deref() {
        return Err(Failure::usage("ORG and --scopes have no `=`, `:` or `@`"));
    }
    Ok(entry)
}

fn advice(key: &str) -> String {
    format!(
        "\nserver: add the line above to TIDEGATE_KEYS (a comma between entries) and restart it\n\
         client: TIDEGATE_KEY={key} tidegate tail\n\
         HTTP:   x-api-key: {key}\n\
         The server keeps a digest only; nobody can show the key again."
    )
}

fn document(args: &NewKeyArgs, key: &str, entry: &str) -> serde_json::Value {
    let scopes: Vec<_> = args.scopes.split('+').collect();
    json!({"entry": entry, "key": key, "org": args.org, "scopes": scopes, "author": args.author})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_takes_is_made() {
        let check = |org: &str, scopes: &str, author: Option<&str>, taken: bool| {
            let args = NewKeyArgs {
                org: Some(org.to_owned()),
                scopes: scopes.to_owned(),
                author: author.map(ToOwned::to_owned),
                sign: None,
                role: "log".to_owned(),
                out: None,
            };
            assert_eq!(entry(&args, "0123456789abcdef").is_ok(), taken, "{args:?}");
        };
        check("acme", "publish+subscribe", None, true);
        check("acme", "admin", Some("billing"), true);
        check("acme", "", None, false);
        check("acme", "publish,subscribe", None, false);
        check("a=b", "publish", None, false);
        check("acme", "publish", Some("b@d"), false);
        check("acme", "publish@robot", None, false);
    }
}
