//! Who may do what in a thread.

use store::{Privacy, Standing};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Read messages, members and the thread itself.
    Read,
    /// Send a message, change one's own, keep a read cursor.
    Write,
    /// Become a member.
    Join,
    /// Be a member no longer.
    Leave,
    /// Say who may become one.
    Invite,
}

/// Who wants to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A credential of the organisation that names no user.
    Nobody,
    /// A user, with the standing to the thread if there is one.
    User(Option<Standing>),
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The credential names no user.
    #[error("this credential names no user: it needs a `sub`, or a key with an author")]
    NoUser,
    /// The user is no member.
    #[error("only members may do this")]
    NotMember,
    /// The thread is private, and the user was not invited.
    #[error("this thread is private, and you were not invited")]
    NotInvited,
    /// The user does not own the thread.
    #[error("only the owner may do this")]
    NotOwner,
    /// A thread has an owner as long as it lives.
    #[error("the owner can't leave the thread")]
    OwnerStays,
}

/// Decides.
///
/// Messages of a public thread are for everybody of the organisation to read; whoever writes is a
/// member.
///
/// # Errors
/// Fails with why not.
pub fn may(act: Act, privacy: Privacy, who: Who) -> Result<(), Refusal> {
    let standing = match who {
        Who::Nobody if act == Act::Read && privacy == Privacy::Public => return Ok(()),
        Who::Nobody => return Err(Refusal::NoUser),
        Who::User(standing) => standing,
    };
    let is_member = standing.is_some_and(Standing::is_member);
    match act {
        Act::Read if privacy == Privacy::Public || is_member => Ok(()),
        Act::Read | Act::Write if !is_member => Err(Refusal::NotMember),
        Act::Read | Act::Write => Ok(()),
        Act::Join if is_member || privacy == Privacy::Public => Ok(()),
        Act::Join if standing == Some(Standing::Invited) => Ok(()),
        Act::Join => Err(Refusal::NotInvited),
        Act::Leave if standing == Some(Standing::Owner) => Err(Refusal::OwnerStays),
        Act::Leave => Ok(()),
        Act::Invite if standing == Some(Standing::Owner) => Ok(()),
        Act::Invite => Err(Refusal::NotOwner),
    }
}

#[cfg(test)]
mod tests {
    use Act::{Invite, Join, Leave, Read, Write};
    use Privacy::{Private, Public};
    use Standing::{Invited, Left, Member, Owner};

    use super::*;

    #[test]
    fn the_whole_table() {
        let users = [None, Some(Left), Some(Invited), Some(Member), Some(Owner)];
        let check = |act, privacy, nobody: bool, expected: [bool; 5]| {
            assert_eq!(may(act, privacy, Who::Nobody).is_ok(), nobody, "{act:?} {privacy:?}");
            let found = users.map(|user| may(act, privacy, Who::User(user)).is_ok());
            assert_eq!(found, expected, "{act:?} {privacy:?}");
        };
        //                            none   left   invited member owner
        check(Read, Public, true, [true, true, true, true, true]);
        check(Read, Private, false, [false, false, false, true, true]);
        check(Write, Public, false, [false, false, false, true, true]);
        check(Write, Private, false, [false, false, false, true, true]);
        check(Join, Public, false, [true, true, true, true, true]);
        check(Join, Private, false, [false, false, true, true, true]);
        check(Leave, Public, false, [true, true, true, true, false]);
        check(Leave, Private, false, [true, true, true, true, false]);
        check(Invite, Public, false, [false, false, false, false, true]);
        check(Invite, Private, false, [false, false, false, false, true]);
    }

    #[test]
    fn whoever_is_refused_is_told_why() {
        let why = |act, privacy, who| may(act, privacy, who).expect_err("it is refused");
        assert_eq!(why(Write, Public, Who::Nobody), Refusal::NoUser);
        assert_eq!(why(Read, Private, Who::User(Some(Invited))), Refusal::NotMember);
        assert_eq!(why(Join, Private, Who::User(Some(Left))), Refusal::NotInvited);
        assert_eq!(why(Leave, Private, Who::User(Some(Owner))), Refusal::OwnerStays);
        assert_eq!(why(Invite, Public, Who::User(Some(Member))), Refusal::NotOwner);
    }
}
