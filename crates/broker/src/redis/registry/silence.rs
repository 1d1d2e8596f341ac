//! Telling a subscription that is silent from one that is slow.
//!
//! Rule: a head that one check saw, and that grew while the stream was subscribed, has been heard
//! of by the next check.

use event::Seq;

/// What checks and wake-ups of one stream said since it was subscribed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// What was heard, or else the head, at the first check; what lies before it may have been
    /// published before the stream was subscribed.
    baseline: Option<Seq>,
    heard: Seq,
    /// What the last check saw and had not been heard of.
    expected: Option<Seq>,
}

impl Silence {
    pub(super) fn heard(&mut self, head: Seq) {
        // A log that began anew counts from lower numbers.
        self.heard = head;
    }

    /// Takes in the head that a check saw; returns whether the subscription was silent.
    pub(super) fn check(&mut self, head: Seq) -> bool {
        let silent = self.expected.is_some_and(|expected| self.heard < expected);
        let begin = if self.heard > Seq::ZERO { self.heard } else { head };
        let baseline = *self.baseline.get_or_insert(begin);
        self.expected = (head > baseline && head > self.heard).then_some(head);
        silent
    }
}

#[cfg(test)]
mod tests {
    use event::Seq;

    use super::Silence;

    #[test]
    fn growth_that_was_never_heard_of_is_silence() {
        let mut silence = Silence::default();
        assert!(!silence.check(Seq(5)));
        assert!(!silence.check(Seq(7)), "the wake-up may be on its way");
        assert!(silence.check(Seq(7)));
    }

    #[test]
    fn a_wake_up_between_two_checks_is_enough() {
        let mut silence = Silence::default();
        assert!(!silence.check(Seq(5)));
        assert!(!silence.check(Seq(7)));
        silence.heard(Seq(7));
        assert!(!silence.check(Seq(9)));
        silence.heard(Seq(8));
        silence.heard(Seq(9));
        assert!(!silence.check(Seq(9)));
        assert!(!silence.check(Seq(9)));
    }

    #[test]
    fn what_follows_a_wake_up_is_expected_from_the_first_check_on() {
        let mut silence = Silence::default();
        silence.heard(Seq(5));
        assert!(!silence.check(Seq(6)));
        assert!(silence.check(Seq(6)));
    }

    #[test]
    fn a_stream_at_rest_is_not_silent() {
        let mut silence = Silence::default();
        assert!(!(0..5).any(|_| silence.check(Seq(5))));
    }
}
