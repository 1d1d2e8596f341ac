//! What every backend keeps to; each runs the whole of it.

use store::{Amendment, ChatError, Head, LedgerState, Member, Message, Standing, Store, files};
use tokio::task::JoinSet;

use crate::kit::{message, messages, thread};

/// Runs everything, on one database.
pub(crate) async fn all(store: &Store) {
    migrations_are_there(store).await;
    a_group_is_read_back_and_may_be_written_again(store).await;
    another_content_is_a_fault(store).await;
    a_page_is_a_range_and_a_hole_is_a_fault(store).await;
    the_head_is_found_with_holes_too(store).await;
    a_head_finds_no_hole_where_others_write(store).await;
    groups_may_have_several_threads(store).await;
    messages_are_found_by_their_request(store).await;
    groups_have_bounds(store).await;
    amendments_do_not_depend_on_their_order(store).await;
    threads_are_written_once(store).await;
    members_are_folded(store).await;
    an_invitation_takes_no_membership_away(store).await;
    members_are_paged(store).await;
    cursors_only_advance(store).await;
    writers_at_once_lose_nothing(store).await;
}

async fn migrations_are_there(store: &Store) {
    let status = store.status().await.expect("it answers");
    assert_eq!(status.ledger, LedgerState::Current);
    let applied: Vec<_> = status.applied.iter().map(|entry| entry.name.as_str()).collect();
    let named: Vec<_> = files().iter().map(|file| file.name).collect();
    assert_eq!(applied, named);
    assert_eq!(status.checksum, store::checksum());
    assert_eq!(status.version, store::SURREALDB_VERSION);
}

fn sent(read: Vec<store::Amended>) -> Vec<Message> {
    read.into_iter().map(|amended| amended.message).collect()
}

async fn a_group_is_read_back_and_may_be_written_again(store: &Store) {
    let chat = store.chat();
    let group = messages("group", 1, 20);
    chat.write(&group).await.expect("it answers");
    chat.write(&group[5..9]).await.expect("it answers");
    chat.write(&messages("group", 15, 25)).await.expect("it answers");
    assert_eq!(
        sent(chat.read("group", 0, 100).await.expect("it answers")),
        messages("group", 1, 25)
    );
    assert_eq!(chat.head("group").await.expect("it answers"), Head { seq: 25, missing: 0 });
    assert_eq!(chat.seq_of("group", "msg_group_17").await.expect("it answers"), Some(17));
    assert_eq!(chat.seq_of("group", "msg_other_17").await.expect("it answers"), None);
    chat.write(&[]).await.expect("it answers");
}

async fn another_content_is_a_fault(store: &Store) {
    let chat = store.chat();
    chat.write(&messages("other", 1, 3)).await.expect("it answers");
    let changed = Message { body: "forged".into(), author_id: "eve".into(), ..message("other", 2) };
    let group = [message("other", 1), changed, message("other", 4)];
    let fault = chat.write(&group).await.expect_err("it is refused");
    let ChatError::Differs(difference) = &fault else { panic!("{fault}") };
    assert_eq!(difference.fields, ["author_id", "body"]);
    assert_eq!((difference.table, difference.id.as_str()), ("message", "other 2"));
    assert!(!fault.to_string().contains("forged"), "{fault}");
    let read = sent(chat.read("other", 0, 3).await.expect("it answers"));
    assert_eq!(read, messages("other", 1, 3), "what was there stays");
    let without = Message { correlation_id: Some("c".into()), ..message("other", 3) };
    let fault = chat.write(&[without]).await.expect_err("it is refused");
    assert!(matches!(&fault, ChatError::Differs(d) if d.fields == ["correlation_id"]), "{fault}");
}

async fn a_page_is_a_range_and_a_hole_is_a_fault(store: &Store) {
    let chat = store.chat();
    chat.write(&messages("page", 1, 30)).await.expect("it answers");
    chat.write(&messages("page-", 1, 5)).await.expect("it answers");
    assert_eq!(sent(chat.read("page", 10, 7).await.expect("it answers")), messages("page", 11, 17));
    assert_eq!(
        sent(chat.read("page", 25, 200).await.expect("it answers")),
        messages("page", 26, 30)
    );
    assert!(chat.read("page", 30, 200).await.expect("it answers").is_empty());
    assert!(chat.read("page", u64::MAX, 200).await.expect("it answers").is_empty());
    assert!(chat.read("no such thread", 0, 200).await.expect("it answers").is_empty());
    chat.write(&messages("page", 33, 34)).await.expect("it answers");
    let fault = chat.read("page", 28, 200).await.expect_err("it is refused");
    assert_eq!(fault, ChatError::Hole { thread: "page".into(), seq: 31 });
}

async fn the_head_is_found_with_holes_too(store: &Store) {
    let chat = store.chat();
    assert_eq!(chat.head("no such thread").await.expect("it answers"), Head::default());
    chat.write(&[message("holes", 7)]).await.expect("it answers");
    assert_eq!(chat.head("holes").await.expect("it answers"), Head { seq: 7, missing: 6 });
    chat.write(&messages("holes", 1, 3)).await.expect("it answers");
    chat.write(&[message("holes", 1_000_000)]).await.expect("it answers");
    let head = Head { seq: 1_000_000, missing: 1_000_000 - 5 };
    assert_eq!(chat.head("holes").await.expect("it answers"), head);
}

async fn a_head_finds_no_hole_where_others_write(store: &Store) {
    let chat = store.chat();
    let writing = async {
        for n in 0..40 {
            chat.write(&messages("growing", n * 5 + 1, n * 5 + 5)).await.expect("it answers");
        }
    };
    let looking = async {
        for _ in 0..60 {
            assert_eq!(chat.head("growing").await.expect("it answers").missing, 0);
        }
    };
    tokio::join!(writing, looking);
}

async fn groups_may_have_several_threads(store: &Store) {
    let chat = store.chat();
    let group: Vec<_> =
        (1..=50).map(|n| message(&format!("many-{}", n % 10), n / 10 + 1)).collect();
    chat.write(&group).await.expect("it answers");
    for wanted in &group {
        let read = sent(chat.read(&wanted.thread_id, wanted.seq - 1, 1).await.expect("it answers"));
        assert_eq!(read, std::slice::from_ref(wanted));
    }
}

async fn messages_are_found_by_their_request(store: &Store) {
    let chat = store.chat();
    let again = Message { message_id: "again".into(), seq: 3, ..message("asked", 1) };
    let other = Message { author_id: "user-2".into(), seq: 4, ..message("asked", 1) };
    let all = [message("asked", 1), message("asked", 2), again.clone(), other.clone()];
    chat.write(&all).await.expect("it answers");
    let of = async |author: &str, request: &str| {
        chat.of_request("asked", author, request).await.expect("it answers")
    };
    assert_eq!(of("user-1", "request 1").await, [message("asked", 1), again]);
    assert_eq!(of("user-2", "request 1").await, [other]);
    assert_eq!(of("user-1", "request 9").await, []);
}

async fn groups_have_bounds(store: &Store) {
    let chat = store.chat();
    let most = store::GROUP_MESSAGES_MAX as u64;
    chat.write(&messages("bounds", 1, most)).await.expect("it answers");
    assert_eq!(chat.head("bounds").await.expect("it answers").seq, most);
    let error = chat.write(&messages("bounds", 1, most + 1)).await.expect_err("it is refused");
    assert!(matches!(error, ChatError::Group(_)), "{error}");
    let large = Message { body: "x".repeat(store::GROUP_BYTES_MAX), ..message("bounds", 1) };
    assert!(matches!(chat.write(&[large]).await.expect_err("it is refused"), ChatError::Group(_)));
    let zero = chat.write(&[message("bounds", 0)]).await.expect_err("it is refused");
    assert!(matches!(zero, ChatError::Group(_)), "{zero}");
}

async fn amendments_do_not_depend_on_their_order(store: &Store) {
    let chat = store.chat();
    chat.write(&messages("amended", 1, 4)).await.expect("it answers");
    let edit = |body: &str, at_ms| Amendment::Edited { body: body.into(), at_ms };
    assert_eq!(
        chat.amend("amended", 2, &edit("second", 20)).await.expect("it answers"),
        edit("second", 20)
    );
    assert_eq!(
        chat.amend("amended", 2, &edit("first", 10)).await.expect("it answers"),
        edit("second", 20)
    );
    assert_eq!(
        chat.amend("amended", 2, &edit("third", 30)).await.expect("it answers"),
        edit("third", 30)
    );
    let deleted = Amendment::Deleted { at_ms: 5 };
    assert_eq!(
        chat.amend("amended", 3, &edit("gone", 50)).await.expect("it answers"),
        edit("gone", 50)
    );
    assert_eq!(chat.amend("amended", 3, &deleted).await.expect("it answers"), deleted);
    assert_eq!(chat.amend("amended", 3, &edit("again", 60)).await.expect("it answers"), deleted);
    let read = chat.read("amended", 0, 100).await.expect("it answers");
    let bodies: Vec<_> = read.iter().map(store::Amended::body).collect();
    assert_eq!(bodies, [&*message("", 1).body, "third", "", &*message("", 4).body]);
    assert_eq!(read[1].edited_at_ms(), Some(30));
    assert_eq!(read[2].deleted_at_ms(), Some(5));
    // What was sent is still what is compared.
    chat.write(&messages("amended", 1, 4)).await.expect("it answers");
}

async fn threads_are_written_once(store: &Store) {
    let chat = store.chat();
    assert_eq!(chat.thread("t-1").await.expect("it answers"), None);
    for n in 1..=5 {
        chat.create_thread(&thread(&format!("t-{n}"), "scope")).await.expect("it answers");
    }
    chat.create_thread(&thread("t-9", "other scope")).await.expect("it answers");
    chat.create_thread(&thread("t-1", "scope")).await.expect("it answers");
    assert_eq!(chat.thread("t-1").await.expect("it answers"), Some(thread("t-1", "scope")));
    let fault = chat.create_thread(&thread("t-1", "other scope")).await.expect_err("it is refused");
    assert!(matches!(&fault, ChatError::Differs(d) if d.fields == ["scope_id"]), "{fault}");
    let page = chat.threads("org-1", "scope", "", 3).await.expect("it answers");
    let ids = |page: &store::ThreadPage| -> Vec<_> {
        page.threads.iter().map(|thread| thread.thread_id.clone()).collect()
    };
    assert_eq!((ids(&page), page.has_more), (vec!["t-1".into(), "t-2".into(), "t-3".into()], true));
    let page = chat.threads("org-1", "scope", "t-3", 3).await.expect("it answers");
    assert_eq!((ids(&page), page.has_more), (vec!["t-4".into(), "t-5".into()], false));
    let elsewhere = chat.threads("org-2", "scope", "", 3).await.expect("it answers");
    assert_eq!(elsewhere.threads, []);
}

fn member(user: &str, standing: Standing) -> Member {
    Member { user_id: user.into(), standing, joined_at_ms: 7 }
}

async fn members_are_folded(store: &Store) {
    let chat = store.chat();
    assert_eq!(chat.member("m", "ann").await.expect("it answers"), None);
    let steps = [Standing::Invited, Standing::Member, Standing::Left, Standing::Owner];
    for (step, standing) in steps.into_iter().enumerate() {
        // The clock goes back; the order stays.
        let now_ms = 1000 - step as u64 * 100;
        let set = chat.set_member("m", &member("ann", standing), now_ms).await.expect("it answers");
        assert_eq!(set, member("ann", standing));
        assert_eq!(
            chat.member("m", "ann").await.expect("it answers"),
            Some(member("ann", standing))
        );
    }
}

async fn an_invitation_takes_no_membership_away(store: &Store) {
    let chat = store.chat();
    // The invitation was decided on before the user joined.
    chat.set_member("raced", &member("ann", Standing::Member), 1).await.expect("it answers");
    let invited = chat.set_member("raced", &member("ann", Standing::Invited), 9).await;
    assert_eq!(invited.expect("it answers"), member("ann", Standing::Member));
    chat.set_member("raced", &member("ann", Standing::Left), 10).await.expect("it answers");
    let again = chat.set_member("raced", &member("ann", Standing::Invited), 11).await;
    assert_eq!(again.expect("it answers"), member("ann", Standing::Invited));
    let joined = chat.set_member("raced", &member("ann", Standing::Member), 11).await;
    assert_eq!(joined.expect("it answers"), member("ann", Standing::Member));
}

async fn members_are_paged(store: &Store) {
    let chat = store.chat();
    for n in 0..7 {
        let user = format!("user-{n}");
        chat.set_member("paged", &member(&user, Standing::Invited), 1).await.expect("it answers");
        chat.set_member("paged", &member(&user, Standing::Member), 2).await.expect("it answers");
    }
    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let page = chat.members("paged", &after, 3).await.expect("it answers");
        seen.extend(page.members);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    let wanted: Vec<_> = (0..7).map(|n| member(&format!("user-{n}"), Standing::Member)).collect();
    assert_eq!(seen, wanted);
}

async fn cursors_only_advance(store: &Store) {
    let chat = store.chat();
    assert_eq!(chat.read_cursor("c", "ann").await.expect("it answers"), 0);
    assert_eq!(chat.advance_read_cursor("c", "ann", 5).await.expect("it answers"), 5);
    assert_eq!(chat.advance_read_cursor("c", "ann", 3).await.expect("it answers"), 5);
    assert_eq!(chat.advance_read_cursor("c", "ann", 9).await.expect("it answers"), 9);
    assert_eq!(chat.advance_read_cursor("c", "bob", 1).await.expect("it answers"), 1);
    assert_eq!(chat.read_cursor("c", "ann").await.expect("it answers"), 9);
}

/// Groups of one thread and facts of one user, from several tasks: everything that was acknowledged is
/// there at the end.
async fn writers_at_once_lose_nothing(store: &Store) {
    const WRITERS: u64 = 8;
    const GROUPS: u64 = 10;
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let chat = store.chat();
        tasks.spawn(async move {
            for group in 0..GROUPS {
                let from = (group * WRITERS + writer) * 5 + 1;
                chat.write(&messages("at once", from, from + 4)).await.expect("it answers");
                chat.advance_read_cursor("at once", "ann", from + 4).await.expect("it answers");
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("it does not panic");
    }
    let chat = store.chat();
    let last = WRITERS * GROUPS * 5;
    assert_eq!(chat.head("at once").await.expect("it answers"), Head { seq: last, missing: 0 });
    assert_eq!(
        sent(chat.read("at once", 0, 1000).await.expect("it answers")),
        messages("at once", 1, last)
    );
    assert_eq!(chat.read_cursor("at once", "ann").await.expect("it answers"), last);
}
