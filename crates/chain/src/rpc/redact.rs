//! A node's words without what may be a key: nodes repeat parts of the address they were asked at.

use url::Url;

/// Most characters of a node's words.
const CHARACTERS_MAX: usize = 200;

/// Parts of an address that are shorter are words, not keys.
const KEY_BYTES_MIN: usize = 6;

/// Returns a node's words in one short line, without parts of the address.
pub(crate) fn words(text: &str, address: &Url) -> String {
    let mut text = text.to_owned();
    for part in secrets(address) {
        text = text.replace(&part, "***");
    }
    text.chars().filter(|c| !c.is_control()).take(CHARACTERS_MAX).collect()
}

fn secrets(address: &Url) -> Vec<String> {
    let path = address.path_segments().into_iter().flatten().map(str::to_owned);
    let query = address.query_pairs().map(|(_, value)| value.into_owned());
    let user = [address.username(), address.password().unwrap_or_default()].map(str::to_owned);
    let mut parts: Vec<String> = path.clone().chain(query).chain(user).collect();
    parts.retain(|part| part.len() >= KEY_BYTES_MIN);
    parts.extend(path.filter(|part| !part.is_empty()).map(|part| format!("/{part}")));
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn no_part_of_an_address_is_repeated() {
        let address = "https://user77:passw0rd@n.example/v3/k3yk3y?token=t0kent0ken"
            .parse()
            .expect("it is one");
        let said = "k3yk3y and t0kent0ken of user77 with passw0rd\nare over their limit";
        assert_eq!(words(said, &address), "*** and *** of *** with ***are over their limit");
        assert_eq!(words(&"é".repeat(900), &address).chars().count(), 200);
    }
}
