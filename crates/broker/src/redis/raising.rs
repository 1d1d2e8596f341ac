//! Letting a log go on behind a number that its events have elsewhere: a database kept them longer
//! than Redis did.

use event::{ForkKind, Seq, StreamName};
use redis::Cmd;

use super::{
    RedisBroker, TRIES_MAX, answer::Words, failure::Failure, library::Function, new_epoch, restless,
};
use crate::lineage_text::lineage_text;

impl RedisBroker {
    /// Lets a log go on behind this number, where it has not come so far. What lies between is a hole
    /// here, what is in the window goes, and keys stay.
    pub(crate) async fn raise_now(&self, stream: &StreamName, to: Seq) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        let keys = [names.stream.as_str(), &names.meta, &names.ages, &names.digests];
        for _ in 0..TRIES_MAX {
            let state = self.state(stream, &names).await?;
            if state.head >= to {
                return Ok(());
            }
            let mut lineage = state.lineage.clone();
            lineage.fork(new_epoch(), to, ForkKind::Lossy);
            let arguments = |command: &mut Cmd, _: &str| {
                command.arg(state.lineage.current().to_string()).arg(state.head.0).arg(&state.run);
                command.arg(lineage_text(&lineage)).arg(lineage.current().to_string()).arg(to.0);
                command.arg(&names.wake).arg(names.publish);
            };
            let answered = self.call(&names, Function::Raise, &keys, &arguments).await?;
            let mut words = Words::read(answered.value)?;
            match words.word() {
                "raised" => {
                    let seen = self.known(stream);
                    self.learn(stream, words.state()?, seen.as_ref());
                    return Ok(());
                }
                // Somebody else was faster; what is there now is judged when Redis is asked again.
                "state" | "absent" | "orphan" => {}
                _ => return Err(words.unexpected()),
            }
        }
        Err(restless())
    }
}
