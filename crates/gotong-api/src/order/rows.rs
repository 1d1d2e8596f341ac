//! The messages in the database, as far as their order needs them; tests put another one in its place.

use broker::BoxFuture;
use store::{Amended, Chat, ChatError, Head, Message, Requested, Thread};

/// Where messages are kept.
pub trait Rows: Send + Sync + 'static {
    /// Returns a thread.
    fn thread<'a>(&'a self, thread: &'a str) -> BoxFuture<'a, Result<Option<Thread>, ChatError>>;

    /// Returns how far a thread reaches.
    fn head<'a>(&'a self, thread: &'a str) -> BoxFuture<'a, Result<Head, ChatError>>;

    /// Writes messages and reads them back; writing one again is harmless.
    fn write<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), ChatError>>;

    /// Returns the messages after a number, in order and without a hole.
    fn read<'a>(
        &'a self,
        thread: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Amended>, ChatError>>;

    /// Returns of what requests the messages after a number came, of at most so many.
    fn requests<'a>(
        &'a self,
        thread: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Requested>, ChatError>>;

    /// Returns the messages that came of a request.
    fn of_request<'a>(
        &'a self,
        thread: &'a str,
        author: &'a str,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Message>, ChatError>>;

    /// Returns the number of a message.
    fn seq_of<'a>(
        &'a self,
        thread: &'a str,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<u64>, ChatError>>;
}

impl Rows for Chat {
    fn thread<'a>(&'a self, thread: &'a str) -> BoxFuture<'a, Result<Option<Thread>, ChatError>> {
        Box::pin(Chat::thread(self, thread))
    }

    fn head<'a>(&'a self, thread: &'a str) -> BoxFuture<'a, Result<Head, ChatError>> {
        Box::pin(Chat::head(self, thread))
    }

    fn write<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), ChatError>> {
        Box::pin(Chat::write(self, messages))
    }

    fn read<'a>(
        &'a self,
        thread: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Amended>, ChatError>> {
        Box::pin(Chat::read(self, thread, after, limit))
    }

    fn requests<'a>(
        &'a self,
        thread: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Requested>, ChatError>> {
        Box::pin(Chat::requests(self, thread, after, limit))
    }

    fn of_request<'a>(
        &'a self,
        thread: &'a str,
        author: &'a str,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Message>, ChatError>> {
        Box::pin(Chat::of_request(self, thread, author, request_id))
    }

    fn seq_of<'a>(
        &'a self,
        thread: &'a str,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<u64>, ChatError>> {
        Box::pin(Chat::seq_of(self, thread, message_id))
    }
}
