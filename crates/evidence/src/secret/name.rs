//! Names whose values are secret, by their words: `DB_PASS`, `apiKey`, `--client-secret`.

/// Words that name a secret wherever they stand in a name.
const WORDS: [&str; 15] = [
    "pass",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pw",
    "secret",
    "secrets",
    "token",
    "tokens",
    "credential",
    "credentials",
    "apikey",
    "bearer",
    "jwt",
];

/// What words end in that are written together, as `PGPASSWORD`.
const ENDS: [&str; 8] =
    ["password", "passwd", "passphrase", "pass", "secret", "token", "apikey", "credentials"];

/// Words that end so and mean something else.
const OTHERS: [&str; 7] =
    ["bypass", "compass", "overpass", "underpass", "surpass", "trespass", "encompass"];

/// Last words that say something about a secret and are not it.
const ABOUT: [&str; 51] = [
    "file",
    "files",
    "path",
    "dir",
    "directory",
    "name",
    "names",
    "id",
    "url",
    "uri",
    "ttl",
    "expiry",
    "expires",
    "expiration",
    "age",
    "length",
    "len",
    "size",
    "count",
    "limit",
    "max",
    "min",
    "type",
    "policy",
    "rotation",
    "enabled",
    "required",
    "header",
    "env",
    "var",
    "arn",
    "ref",
    "algorithm",
    "version",
    "prompt",
    "stdin",
    "source",
    "store",
    "manager",
    "endpoint",
    "issuer",
    "audience",
    "keeper",
    "owner",
    "role",
    "holder",
    "status",
    "format",
    "prefix",
    "check",
    "usage",
];

/// Words before a token that is none to keep.
const OPEN_TOKENS: [&str; 12] = [
    "next",
    "page",
    "continuation",
    "cancellation",
    "cancel",
    "max",
    "min",
    "stop",
    "eos",
    "bos",
    "pad",
    "csrf",
];

/// Words before a key that is none to keep.
const OPEN_KEYS: [&str; 24] = [
    "public",
    "primary",
    "foreign",
    "sort",
    "partition",
    "routing",
    "shard",
    "row",
    "cache",
    "map",
    "group",
    "lookup",
    "hot",
    "idempotency",
    "message",
    "object",
    "config",
    "feature",
    "issue",
    "project",
    "unique",
    "index",
    "record",
    "stream",
];

/// The longest name that is looked at, in bytes.
const NAME_BYTES_MAX: usize = 80;

/// Returns the name that a text ends with, without the hyphens of an option.
pub(super) fn last(text: &str) -> &str {
    let is_inner = |b: &u8| b.is_ascii_alphanumeric() || b"_-.".contains(b);
    let bytes = text.bytes().rev().take(NAME_BYTES_MAX).take_while(is_inner).count();
    text[text.len() - bytes..].trim_start_matches(['-', '.'])
}

/// Returns whether nothing but the structure of a document stands before a name.
pub(super) fn is_line_start(before: &str) -> bool {
    let before = before.trim_end_matches("export ");
    before.chars().all(|c| c.is_whitespace() || "->*{,".contains(c))
}

/// What one of the words of each such name has in it: most names have nothing of it.
const STEMS: [&[u8]; 10] = [
    b"pass",
    b"pw",
    b"secret",
    b"token",
    b"credential",
    b"key",
    b"auth",
    b"dsn",
    b"bearer",
    b"jwt",
];

/// Returns whether a value of such a name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let has = |stem: &&[u8]| {
        name.as_bytes().windows(stem.len()).any(|part| part.eq_ignore_ascii_case(stem))
    };
    if !STEMS.iter().any(has) {
        return false;
    }
    let words = words(name);
    let Some(last) = words.last().map(String::as_str) else { return false };
    if ABOUT.contains(&last) {
        return false;
    }
    let before = words.len().checked_sub(2).map(|at| words[at].as_str());
    match (last, before) {
        ("token" | "tokens", Some(before)) if OPEN_TOKENS.contains(&before) => return false,
        ("key" | "keys", Some(before)) => return !OPEN_KEYS.contains(&before),
        ("auth" | "dsn", Some(_)) => return true,
        // `PWD` alone is where one is.
        ("pwd", Some(_)) => return true,
        _ => {}
    }
    words.iter().any(|word| {
        WORDS.contains(&word.as_str())
            || (ENDS.iter().any(|end| word.ends_with(end)) && !OTHERS.contains(&word.as_str()))
    })
}

/// Returns whether a small number is no secret behind such a name, as in `max_tokens=100`.
pub(super) fn is_count(name: &str) -> bool {
    let words = words(name);
    words.last().is_some_and(|word| ["key", "keys", "tokens"].contains(&word.as_str()))
}

/// Splits a name at what is no letter and at humps, in lower case, without digits at the ends.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let (mut words, mut word) = (Vec::new(), String::new());
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        let is_hump = c.is_ascii_uppercase()
            && (before.is_some_and(|before| before.is_ascii_lowercase())
                || (before.is_some_and(|before| before.is_ascii_uppercase())
                    && after.is_some_and(char::is_ascii_lowercase)));
        if is_hump || !c.is_ascii_alphanumeric() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        }
    }
    words.push(word);
    let bare = words.iter().map(|word| word.trim_matches(|c: char| c.is_ascii_digit()).to_owned());
    bare.filter(|word| !word.is_empty()).collect()
}
