//! The grammar of `TIDEGATE_KEYS`.

use node_runtime::{
    Scope, Scopes,
    settings::{ApiKey, KeyError},
};

use crate::support::{parsed, problems};

/// An entry, and the organisation, the key, the scopes and the author that it names.
type Row<'a> = (&'a str, &'a str, &'a str, &'a [Scope], Option<&'a str>);

fn scopes(of: &[Scope]) -> Scopes {
    of.iter().fold(Scopes::none(), |scopes, &scope| scopes.with(scope))
}

#[test]
fn an_entry_names_organisation_key_scopes_and_author() {
    use Scope::{Admin, Publish, Subscribe};
    let long = format!("o={}", "k".repeat(256));
    let table: [Row<'_>; 9] = [
        ("org_a=key-of-a", "org_a", "key-of-a", &[Publish, Subscribe], None),
        ("org_a=key-of-a:publish", "org_a", "key-of-a", &[Publish], None),
        ("org_a=key-of-a:subscribe+publish", "org_a", "key-of-a", &[Publish, Subscribe], None),
        ("org_a=key-of-a:admin", "org_a", "key-of-a", &[Admin], None),
        ("O.1-x=key-of-a:admin+admin", "O.1-x", "key-of-a", &[Admin], None),
        ("org_a=key-of-a:publish@bot.1", "org_a", "key-of-a", &[Publish], Some("bot.1")),
        ("org_a=key-of-a@bot", "org_a", "key-of-a", &[Publish, Subscribe], Some("bot")),
        ("org_a=k=/+~!#%y", "org_a", "k=/+~!#%y", &[Publish, Subscribe], None),
        (&long, "o", &long[2..], &[Publish, Subscribe], None),
    ];
    for (entry, org, key, of, author) in table {
        let parsed: ApiKey = entry.parse().unwrap_or_else(|error| panic!("{entry} {error}"));
        assert_eq!((parsed.org.as_str(), parsed.digest), (org, ApiKey::digest(key)), "{entry}");
        assert_eq!((parsed.scopes, parsed.author.as_deref()), (scopes(of), author), "{entry}");
    }
}

#[test]
fn a_malformed_entry_is_named_by_what_is_wrong() {
    let (long, author) =
        (format!("o={}", "k".repeat(257)), format!("o=key-of-a@{}", "a".repeat(65)));
    let table = [
        ("", KeyError::Form),
        ("org_a", KeyError::Form),
        ("org_a:key-of-a", KeyError::Form),
        ("org_a=short-7", KeyError::Key),
        ("org_a=", KeyError::Key),
        (&long, KeyError::Key),
        ("org_a=key of a", KeyError::Key),
        ("org_a=schlüssel", KeyError::Key),
        ("org_a=key-of-a:", KeyError::Scope),
        ("org_a=key-of-a:read", KeyError::Scope),
        ("org_a=key-of-a:publish,", KeyError::Scope),
        ("org_a=key-of-a:publish+", KeyError::Scope),
        ("org_a=key-of-a:Publish", KeyError::Scope),
        ("org_a=key-of-a:publish:admin", KeyError::Scope),
        ("org_a=key-of-a@", KeyError::Author),
        ("org_a=key-of-a@a b", KeyError::Author),
        ("org_a=key-of-a@bot:publish", KeyError::Author),
        (&author, KeyError::Author),
    ];
    for (entry, expected) in table {
        assert_eq!(entry.parse::<ApiKey>(), Err(expected), "{entry}");
    }
    for entry in
        ["=key-of-a", "org a=key-of-a", "org:a=key-of-a", "-org=key-of-a", "{org}=key-of-a"]
    {
        assert!(matches!(entry.parse::<ApiKey>(), Err(KeyError::Org(_))), "{entry}");
    }
}

#[test]
fn a_list_is_divided_by_commas_and_each_slip_is_counted() {
    let settings =
        parsed(&[("TIDEGATE_KEYS", "org_a=key-of-a:publish, org_b=key-of-b ,org_a=key-2-of-a")]);
    let orgs: Vec<_> = settings.keys.iter().map(|key| key.org.as_str()).collect();
    assert_eq!(orgs, ["org_a", "org_b", "org_a"]);
    let problems =
        problems(&[("TIDEGATE_KEYS", "org_a=key-of-a,nonsense,org_b=key-of-a,org_c=short")]);
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    for (text, part) in
        texts.iter().zip(["entry 2 is not", "entry 3 repeats a key", "entry 4 has a key"])
    {
        assert!(text.contains(part), "{text}");
    }
}
