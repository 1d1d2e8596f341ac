//! Texts that look like SurrealQL are texts, wherever they stand.

use store::{Amendment, Member, Message, Standing};

use crate::kit;

const TEXTS: &[&str] = &[
    "'; REMOVE TABLE message; --",
    "\"]; DELETE message RETURN BEFORE; //",
    "a', 1]..['z",
    "$mark",
    "` ⟨x⟩ message:['t', 1]",
    "{ THROW 'x' }",
    "\\' \\u{27} %27 \u{0}",
    "𝔱𝔥𝔯𝔢𝔞𝔡 \u{202e}",
];

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_texts_with_surrealql_in_them_are_harmless() {
    let store = kit::open(kit::memory()).await;
    let chat = store.chat();
    let witness = kit::messages("witness", 1, 3);
    chat.write(&witness).await.unwrap();
    for text in TEXTS {
        let thread = kit::thread(text, text);
        chat.create_thread(&thread).await.unwrap();
        assert_eq!(chat.thread(text).await.unwrap(), Some(thread.clone()));
        assert_eq!(chat.threads("org-1", text, "", 10).await.unwrap().threads, [thread]);
        let message = Message {
            message_id: (*text).into(),
            author_id: (*text).into(),
            body: (*text).into(),
            attachments: vec![(*text).into()],
            request_id: Some((*text).into()),
            ..kit::message(text, 1)
        };
        chat.write(std::slice::from_ref(&message)).await.unwrap();
        let read = chat.read(text, 0, 10).await.unwrap();
        assert_eq!(read.len(), 1, "{text}");
        assert_eq!(read[0].message, message);
        assert_eq!(chat.seq_of(text, text).await.unwrap(), Some(1));
        assert_eq!(chat.head(text).await.unwrap().seq, 1);
        let member = Member { user_id: (*text).into(), standing: Standing::Owner, joined_at_ms: 1 };
        assert_eq!(chat.set_member(text, &member, 1).await.unwrap(), member);
        assert_eq!(chat.members(text, "", 10).await.unwrap().members, [member]);
        assert_eq!(chat.advance_read_cursor(text, text, 4).await.unwrap(), 4);
        let edit = Amendment::Edited { body: (*text).into(), at_ms: 1 };
        assert_eq!(chat.amend(text, 1, &edit).await.unwrap(), edit);
    }
    let read = chat.read("witness", 0, 10).await.unwrap();
    let read: Vec<_> = read.into_iter().map(|amended| amended.message).collect();
    assert_eq!(read, witness);
}
