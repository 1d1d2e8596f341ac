//! A number as text, as it stands in Redis.

/// The largest number that is believed: our functions count in doubles, and a sum of two of these is
/// far from where 64 bits end.
pub(crate) const NUMBER_MAX: u64 = 1 << 53;

/// Reads a number; `None` where it is none, or larger than any of ours.
pub(crate) fn number_from(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number <= NUMBER_MAX)
}

#[cfg(test)]
mod tests {
    use super::number_from;

    #[test]
    fn numbers_of_ours_are_read_and_larger_ones_are_none() {
        for (text, number) in [
            ("0", Some(0)),
            ("9007199254740992", Some(1 << 53)),
            ("9007199254740993", None),
            ("18446744073709551615", None),
            ("18446744073709551616", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(number_from(text), number, "{text}");
        }
    }
}
