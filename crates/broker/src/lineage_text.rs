//! A lineage as text, as it stands in Redis.

use event::{Fork, ForkKind, Lineage, Seq};

use crate::number_text::number_from;

/// Writes a lineage: for each fork `EPOCH:AFTER:w` or `:l`, with commas.
pub(crate) fn lineage_text(lineage: &Lineage) -> String {
    let fork = |fork: &Fork| {
        let kind = match fork.kind {
            ForkKind::Whole => 'w',
            ForkKind::Lossy => 'l',
        };
        format!("{}:{}:{kind}", fork.epoch, fork.after)
    };
    lineage.forks().iter().map(fork).collect::<Vec<_>>().join(",")
}

/// Writes a lineage whose last epoch begins at the head that the log has when it is stored.
pub(crate) fn lineage_text_at_any_head(lineage: &Lineage) -> String {
    let text = lineage_text(lineage);
    let (before, kind) = text.rsplit_once(':').unwrap_or_default();
    let (before, _) = before.rsplit_once(':').unwrap_or_default();
    format!("{before}:@:{kind}")
}

/// Reads a lineage.
pub(crate) fn lineage_from(text: &str) -> Option<Lineage> {
    let fork = |text: &str| {
        let mut parts = text.split(':');
        let (epoch, after, kind) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = match kind {
            "w" => ForkKind::Whole,
            "l" => ForkKind::Lossy,
            _ => return None,
        };
        Some(Fork { epoch: epoch.parse().ok()?, after: Seq(number_from(after)?), kind })
    };
    Lineage::from_forks(text.split(',').map(fork).collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests {
    use event::{Epoch, ForkKind, Lineage, Seq};

    use super::{lineage_from, lineage_text, lineage_text_at_any_head};

    #[test]
    fn a_lineage_round_trips() {
        let mut lineage = Lineage::lossy_origin(Epoch::from_bits(1));
        lineage.fork(Epoch::from_bits(2), Seq(5), ForkKind::Whole);
        lineage.fork(Epoch::from_bits(3), Seq(9), ForkKind::Lossy);
        assert_eq!(lineage_from(&lineage_text(&lineage)), Some(lineage.clone()));
        let text = lineage_text_at_any_head(&lineage);
        assert_eq!(text, lineage_text(&lineage).replace(":9:l", ":@:l"));
        for text in [
            "",
            "x",
            "0000000000001:5",
            "0000000000001:5:x",
            "0000000000001:-1:w",
            "0000000000001:9007199254740993:w",
        ] {
            assert_eq!(lineage_from(text), None, "{text}");
        }
    }
}
