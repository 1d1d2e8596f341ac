//! What the compose file describes, as processes of this machine: every part by its own command and
//! environment, with other addresses. TiKV is not here; the database keeps its rows in memory.

use serde_json::json;

use crate::{
    deployment::{composed, environment},
    support::{
        edge::{Edge, EdgePlan},
        http::{Answer, Request},
        peers::{RedisOfCompose, SurrealOfCompose},
        server::{ALICE, BOB, Plan, Server},
        sse::Sse,
        wait::until,
        ws::Ws,
    },
};

/// The deployment.
struct Deployment {
    edge: Edge,
    replicas: Vec<Server>,
    _redis: RedisOfCompose,
    _database: SurrealOfCompose,
}

impl Deployment {
    fn start() -> Self {
        let (redis, database) = (RedisOfCompose::start(), SurrealOfCompose::start());
        let composed = composed();
        let replicas = ["replica-1", "replica-2"].map(|replica| {
            let mut plan = Plan::empty();
            for (name, value) in environment(&composed, replica) {
                let value = match &*name {
                    "VIZ_API_BIND" => "127.0.0.1:0".to_owned(),
                    "REALTIME_STATE_DIR" => "state".to_owned(),
                    "REDIS_URL" => {
                        value.replace("redis:6379", &format!("127.0.0.1:{}", redis.port()))
                    }
                    "SURREAL_ENDPOINT" => database.endpoint(),
                    _ => value,
                };
                plan = plan.set(&name, value);
            }
            plan.start()
        });
        let replicas = Vec::from(replicas);
        let edge = EdgePlan::before([replicas[0].address, replicas[1].address]).start();
        Deployment { edge, replicas, _redis: redis, _database: database }
    }

    fn stream(&self, thread: &str, place: &str) -> Sse {
        let path = format!("/v1/chat/threads/{thread}/messages/stream");
        Sse::open(self.edge.address, &path, &[("x-api-key", BOB), ("last-event-id", place)])
    }

    fn try_say(&self, thread: &str, body: &str) -> Answer {
        let path = format!("/v1/chat/threads/{thread}/messages/send");
        let request = Request::new("POST", &path)
            .key(ALICE)
            .header("idempotency-key", body.replace(' ', "-"));
        self.edge.send(&request.json(&json!({"body": body}).to_string()))
    }
}

#[test]
fn chat_goes_on_in_one_order_while_a_replica_is_killed() {
    const SENT: usize = 60;
    let mut deployment = Deployment::start();
    let thread = deployment.replicas[0].thread(ALICE, "public");
    let mut reader = deployment.stream(&thread, "0");
    let mut sent = Vec::new();
    for n in 0..SENT {
        if n == SENT / 2 {
            // A dropped replica is killed.
            drop(deployment.replicas.remove(0));
        }
        let body = format!("message {n}");
        until("it is taken", || {
            let answer = deployment.try_say(&thread, &body);
            // The kill may have come between a question and its answer.
            assert!([201, 502, 503].contains(&answer.status), "{}", answer.text());
            answer.status == 201
        });
        sent.push(body);
    }
    until("it is taken out", || deployment.edge.state_of("replica-1") == "DOWN");
    assert_eq!(deployment.replicas[0].bodies(BOB, &thread, 0), sent);
    let (mut seen, mut place) = (Vec::new(), "0".to_owned());
    while seen.len() < SENT {
        match reader.next() {
            Some(frame) if frame.is("message") => {
                frame.cursor().clone_into(&mut place);
                seen.push(frame.json()["body"].as_str().expect("a text").to_owned());
            }
            Some(frame) => assert!(!frame.is("gap"), "{frame:?}"),
            None => reader = deployment.stream(&thread, &place),
        }
    }
    assert_eq!(seen, sent);
    let path = format!("/v1/chat/threads/{thread}/messages/ws?after=0");
    let mut ws = Ws::open(deployment.edge.address, &path, BOB);
    for body in &sent {
        assert_eq!(ws.next_of("event")["envelope"]["payload"]["body"], *body);
    }
}
