//! Signed notes and checkpoints: the examples that the specifications publish, and manglings.

use evidence::{Checkpoint, CheckpointError, Note, NoteError, Signer, Verifier};

/// Of the tests of Go's package `golang.org/x/mod/sumdb/note`.
const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PRIVATE: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
const SIGNATURE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg\
                         KvqfqdngotpRZb6KE6RyyBwJnAM=\n";

/// The example of C2SP's tlog-checkpoint.
const CHECKPOINT: &str = "example.com/behind-the-sofa\n\
    20852163\n\
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const CHECKPOINT_SIGNATURE: &str = "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URY\
    N7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

/// A key of another implementation's documents, with a note that it signed.
const FOO: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const FOO_NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi\
    2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn public() -> Verifier {
    PUBLIC.parse().unwrap()
}

fn note() -> String {
    format!("{TEXT}\n{SIGNATURE}")
}

#[test]
fn published_notes_are_made_and_opened() {
    let signer: Signer = PRIVATE.parse().unwrap();
    assert_eq!(signer.verifier().to_string(), PUBLIC);
    assert_eq!(signer.to_private_text(), PRIVATE);
    assert_eq!(Note::new(TEXT).unwrap().signed(&signer).to_string(), note());
    let parsed: Note = note().parse().unwrap();
    assert_eq!((parsed.text(), parsed.to_string()), (TEXT, note()));
    assert_eq!(parsed.open(&[&public()]).unwrap(), [&public()]);
    let foo: Verifier = FOO.parse().unwrap();
    assert_eq!(FOO_NOTE.parse::<Note>().unwrap().open(&[&public(), &foo]).unwrap(), [&foo]);
}

#[test]
fn the_published_checkpoint_is_read_and_written() {
    let note: Note = format!("{CHECKPOINT}\n{CHECKPOINT_SIGNATURE}").parse().unwrap();
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
    assert_eq!(checkpoint.size, 20_852_163);
    assert_eq!(
        checkpoint.root.to_string(),
        "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    );
    assert_eq!(checkpoint.to_string(), CHECKPOINT);
    assert_eq!(note.signatures()[0].id, 0x033d_e0ae);
    assert_eq!(note.open(&[&public()]), Err(NoteError::Unknown));
}

#[test]
fn texts_that_are_no_checkpoint_are_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let check = |text: &str, taken: bool| {
        assert_eq!(text.parse::<Checkpoint>().is_ok(), taken, "{text:?}");
    };
    check(&format!("o\n0\n{root}\n"), true);
    check(&format!("o\n0\n{root}\nextension\n"), true);
    for text in [
        String::new(),
        "o\n".to_owned(),
        format!("\n0\n{root}\n"),
        format!("o\n00\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n1 \n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("o\n1\n{root}"),
        format!("o\n1\n{root}\n\n"),
        format!("o\n1\n{root}\nx\n\ny\n"),
        "o\n1\nAAAA\n".to_owned(),
        // The last digit has bits that mean nothing; they are not zero.
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n".to_owned(),
    ] {
        check(&text, false);
    }
    assert_eq!("".parse::<Checkpoint>(), Err(CheckpointError));
}

#[test]
fn manglings_of_keys_are_refused() {
    for from in 0..PUBLIC.len() {
        for to in from + 1..=PUBLIC.len() {
            let whole = from == 0 && to == PUBLIC.len();
            assert_eq!(PUBLIC[from..to].parse::<Verifier>().is_ok(), whole, "{from}..{to}");
        }
    }
    for at in 0..PUBLIC.len() {
        let mut bytes = PUBLIC.as_bytes().to_vec();
        bytes[at] += 1;
        let mangled = String::from_utf8(bytes).unwrap();
        assert!(mangled.parse::<Verifier>().is_err(), "{mangled}");
        let private = PRIVATE.replace(PUBLIC.split('+').next().unwrap(), "PeterNeumanm");
        assert!(private.parse::<Signer>().is_err());
    }
    // A longer key and another algorithm, each with a fitting id.
    for bad in [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(bad.parse::<Verifier>().is_err(), "{bad}");
    }
    assert!(PUBLIC.parse::<Signer>().is_err());
}

#[test]
fn manglings_of_notes_are_refused() {
    for bad in [
        String::new(),
        TEXT.to_owned(),
        format!("{TEXT}\n"),
        format!("{TEXT}{SIGNATURE}"),
        note().trim_end().to_owned(),
        format!("{}\n", note()),
        note().replace("— ", "- "),
        note().replace("— ", "—\u{a0}"),
        note().replace("you think", "you\tthink"),
        note().replace(" x08", "  x08"),
        note().replace(" x08", "+x08"),
        note().replace("AM=", "AN="),
        format!("{TEXT}\n— PeterNeumann AAAA\n"),
        format!("{TEXT}\n{}", SIGNATURE.repeat(101)),
        format!("{}\n{SIGNATURE}", "x\n".repeat(1 << 20)),
    ] {
        let shown: String = bad.chars().take(80).collect();
        assert_eq!(bad.parse::<Note>(), Err(NoteError::Malformed), "{shown:?}");
    }
}

#[test]
fn who_signed_decides() {
    let signer: Signer = PRIVATE.parse().unwrap();
    let other = Signer::generate("example.com/other".parse().unwrap()).unwrap();
    let both = Note::new(TEXT).unwrap().signed(&signer).signed(&other);
    let (one, two) = (signer.verifier(), other.verifier());
    assert_eq!(both.open(&[one]).unwrap(), [one], "a signature of nobody known is passed over");
    assert_eq!(both.open(&[two, one]).unwrap(), [one, two]);
    assert_eq!(both.open(&[]), Err(NoteError::Unknown));
    let twice = Note::new(TEXT).unwrap().signed(&signer).signed(&signer);
    assert_eq!(twice.open(&[one]).unwrap(), [one]);
    let changed: Note = note().replace("cryptography", "Cryptography").parse().unwrap();
    assert_eq!(changed.open(&[one]), Err(NoteError::Wrong("PeterNeumann+c74f20a3".to_owned())));
    assert_eq!(Note::new("no newline"), Err(NoteError::Text));
    assert_eq!(Note::new("a\rb\n"), Err(NoteError::Text));
}
