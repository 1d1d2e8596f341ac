//! Who sends to which threads, with which keys. Pure.
//!
//! With fewer threads than authors every author is a member of every thread. With more, a thread has
//! its owner alone, and is sent to by that author's connections: to make every author a member of
//! thousands of threads would take longer than what is measured.

use std::fmt::Write;

/// More authors than this would tell nothing more.
const AUTHORS_MAX: usize = 16;

const READER_KEY: &str = "bench-key-of-reader";

/// The people of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cast {
    pub(super) threads: usize,
    pub(super) authors: usize,
}

impl Cast {
    pub(super) fn new(threads: usize, senders: usize) -> Self {
        Cast { threads, authors: senders.clamp(1, AUTHORS_MAX) }
    }

    /// Returns who a sender sends as.
    pub(super) fn author(&self, sender: usize) -> usize {
        sender % self.authors
    }

    /// Returns who makes a thread.
    pub(super) fn owner(&self, thread: usize) -> usize {
        thread % self.authors
    }

    /// Returns who joins which thread, beside the owners.
    pub(super) fn joins(&self) -> Vec<(usize, usize)> {
        if self.threads >= self.authors {
            return Vec::new();
        }
        let all = (0..self.threads).flat_map(|t| (0..self.authors).map(move |a| (t, a)));
        all.filter(|(thread, author)| self.owner(*thread) != *author).collect()
    }

    /// Returns the thread that a sender's message of this number goes to.
    pub(super) fn thread(&self, sender: usize, number: u64) -> usize {
        let turn = number as usize;
        if self.threads < self.authors {
            return (sender + turn) % self.threads;
        }
        let author = self.author(sender);
        let own = (self.threads - author).div_ceil(self.authors);
        author + self.authors * ((sender / self.authors + turn) % own)
    }

    /// Returns the setting of all keys.
    pub(super) fn keys(&self) -> String {
        let mut keys = format!("bench={READER_KEY}:subscribe");
        for author in 0..self.authors {
            let _to_a_string = write!(keys, ",bench={}@{}", key(author), author_name(author));
        }
        keys
    }
}

/// Returns an author's key.
pub(super) fn key(author: usize) -> String {
    format!("bench-key-of-author-{author}")
}

/// Returns the key of readers.
pub(super) fn reader_key() -> &'static str {
    READER_KEY
}

/// Returns what an author is called.
pub(super) fn author_name(author: usize) -> String {
    format!("author-{author}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(threads: usize, senders: usize) {
        let cast = Cast::new(threads, senders);
        let joins = cast.joins();
        let mut sent_to = vec![0; threads];
        for sender in 0..senders {
            for number in 1..=2 * threads as u64 {
                let thread = cast.thread(sender, number);
                sent_to[thread] += 1;
                let author = cast.author(sender);
                let is_member = cast.owner(thread) == author || joins.contains(&(thread, author));
                assert!(is_member, "{sender} sends to {thread}");
            }
        }
        let (least, most) = (sent_to.iter().min(), sent_to.iter().max());
        assert!(least.unwrap() * 3 >= *most.unwrap(), "{sent_to:?}");
    }

    #[test]
    fn every_sender_is_a_member_and_every_thread_is_sent_to() {
        for (threads, senders) in [(1, 1), (1, 32), (3, 2), (5, 64), (16, 16), (100, 40)] {
            check(threads, senders);
        }
    }

    #[test]
    fn every_author_has_a_key() {
        let keys = Cast::new(1, 2).keys();
        assert_eq!(keys.matches("bench=").count(), 3, "{keys}");
        assert!(keys.contains("bench=bench-key-of-author-1@author-1"), "{keys}");
    }
}
