//! What is secret is in no message and no debug text.

use node_runtime::{RuntimeBuilder, Settings, State};

use crate::support::{parse, parsed, values};

const GOOD: [(&str, &str); 5] = [
    ("TIDEGATE_KEYS", "org_a=hidden-key-1,org_b=hidden-key-2:admin@bot"),
    ("TIDEGATE_JWT_HS256_SECRET", "hidden-secret-of-at-least-32-bytes"),
    ("REDIS_URL", "redis://user:hidden-password@127.0.0.1"),
    ("SURREAL_USER", "chat"),
    ("SURREAL_PASS", "hidden-password"),
];

#[test]
fn debug_texts_name_and_do_not_show() {
    let values = values(&GOOD);
    let settings = parsed(&GOOD);
    let state = State::new(settings.clone());
    let builder = RuntimeBuilder::new(settings.clone());
    let texts = [
        format!("{values:?}"),
        format!("{values:#?}"),
        format!("{settings:?}"),
        format!("{settings:#?}"),
        format!("{state:?}"),
        format!("{builder:?}"),
        format!("{:?}", settings.keys),
        format!("{:?}", settings.jwt),
        format!("{:?}", settings.realtime),
        format!("{:?}", settings.data),
    ];
    for text in texts {
        assert!(!text.contains("hidden"), "{text}");
    }
    assert!(format!("{values:?}").contains("REDIS_URL"));
}

#[test]
fn a_problem_with_a_secret_names_it() {
    let bad = [
        ("TIDEGATE_KEYS", "org_a=hidden-key:nonsense,hidden-key"),
        ("TIDEGATE_JWT_HS256_SECRET", "hidden"),
    ];
    let error = parse(&bad).expect_err("both are wrong");
    for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
        assert!(!text.contains("hidden"), "{text}");
        assert!(
            text.contains("TIDEGATE_KEYS") && text.contains("TIDEGATE_JWT_HS256_SECRET"),
            "{text}"
        );
    }
    assert!(error.problems.iter().all(|problem| problem.given.is_none()));
}

#[test]
fn a_secret_can_be_used_all_the_same() {
    let settings: Settings = parsed(&GOOD);
    let url = settings.realtime.redis_url.expect("it was given");
    assert_eq!(url.expose(), "redis://user:hidden-password@127.0.0.1");
    let password = settings.data.password.expect("it was given");
    assert_eq!(password.expose(), "hidden-password");
}
