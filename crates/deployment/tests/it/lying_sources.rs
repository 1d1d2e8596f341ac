//! Sources that hang, lie or say nothing: that is said, and is never a zero.

use conductor::Sighting;

use crate::{
    guards::{arms, say, with_guard},
    support::{
        http::{Reply, Server},
        stage::Stage,
    },
};

const ERRORS: &str =
    "measure = \"errors\"; source = 'SOURCE'; watch = \"S1\"; stable_rate = \"0.5%\"; ratio = 4.0";
const FAMILY: &str = "tidegate_http_requests_total";

fn total(number: &str) -> String {
    format!("{FAMILY}{{status_class=\"2xx\"}} {number}\n")
}

#[tokio::test]
async fn what_can_t_be_trusted_names_the_replica_and_the_family() {
    let stage = Stage::watched().await;
    let acting = with_guard(&stage, ERRORS, FAMILY);
    let good = total("5");
    let cases = [
        (total("NaN"), "`tidegate_http_requests_total` is NaN"),
        (total("-1"), "is -1"),
        (String::new(), "no family `tidegate_http_requests_total`"),
        ("<html>\n".into(), "line 1 of its metrics can't be read"),
        (total("5 1600000000000"), "another time than now"),
        (format!("{good}{good}"), "stands there twice"),
        (good.trim_end().to_owned(), "end before"),
    ];
    for (text, part) in cases {
        say(&stage, [&good, &good, &text]);
        let error = acting.look(0).await.unwrap_err().0;
        assert!(error.contains("the replica c1 (canary): ") && error.contains(part), "{error}");
    }
    stage.canary.set_hanging(true);
    let error = acting.look(0).await.unwrap_err().0;
    assert!(error.contains("nothing whole came within 2 s"), "{error}");
    stage.hands.replicas.lock().unwrap().truncate(2);
    let error = acting.look(0).await.unwrap_err().0;
    assert_eq!(error, "no replica of the canary is known");
}

#[tokio::test]
async fn what_came_while_one_could_not_be_trusted_is_not_lost() {
    let stage = Stage::watched().await;
    let acting = with_guard(&stage, ERRORS, FAMILY);
    say(&stage, [&total("5"), &total("5"), &total("5")]);
    assert_eq!(acting.look(0).await, Ok(Sighting::First));
    say(&stage, [&total("9"), &total("5"), &total("NaN")]);
    assert!(acting.look(1000).await.is_err());
    say(&stage, [&total("9"), &total("6"), &total("7")]);
    assert_eq!(arms(acting.look(2000).await), [(2.0, 0.0), (5.0, 0.0)]);
}

#[tokio::test]
async fn an_answer_without_an_end_is_refused() {
    let stage = Stage::watched().await;
    let acting = with_guard(&stage, ERRORS, FAMILY);
    let long = Server::start(|_| async { Reply::text(200, "# x\n".repeat(3 << 20)) }).await;
    let torn = Server::start(|_| async {
        Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ntidegate".to_vec())
    })
    .await;
    let kept = Server::start(|_| async {
        Reply::Full(200, vec![("age".into(), "60".into())], total("5").into_bytes())
    })
    .await;
    let refused = Server::start(|_| async { Reply::text(403, "no") }).await;
    let cases = [
        (&long, "more than 8388608 bytes"),
        (&torn, "does not answer"),
        (&kept, "come from a cache"),
        (&refused, "403"),
    ];
    say(&stage, [&total("5"), &total("5"), &total("5")]);
    for (server, part) in cases {
        stage.hands.replicas.lock().unwrap()[2].url = server.url();
        let error = acting.look(0).await.unwrap_err().0;
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn one_that_hangs_holds_up_no_other_guard() {
    let stage = Stage::watched().await;
    let steps = format!(
        "{}\n   ```toml guard\n   id = \"h\"\n   measure = \"down\"\n   source = \"/api/health\"\n   \
         within = \"1m\"\n   ```\n",
        crate::guards::guarded(&ERRORS.replace("SOURCE", FAMILY))
    );
    let acting = stage.act(&steps);
    stage.canary.set_hanging(true);
    let hanging = acting.look(0);
    tokio::pin!(hanging);
    let other = conductor::World::look(&acting.deployment, &acting.plan.guards[1], guard::At(0));
    tokio::select! {
        biased;
        seen = &mut hanging => panic!("{seen:?}"),
        seen = other => assert_eq!(seen, Ok(Sighting::Up(true))),
    }
    assert!(hanging.await.is_err());
}
