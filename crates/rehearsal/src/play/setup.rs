//! What a rehearsal is made of: the stack, the router, the load, and the deployment that a run acts on.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use conductor::Pace;
use deployment::{Certificates, CommandSettings, DeploymentSettings, Secrets, Service};
use guard::Arm;
use jiff::Timestamp;
use runbook::Plan;
use traffic::{Owner, Router, haproxy::HaproxyRouter, withdraw::WithdrawSettings};

use super::{DatabaseScript, PlayError, PlaySettings, stage::Stage};
use crate::{
    Chain, ChatLoad, Crowd, Database, Keys, Layout, LoadSettings, RouterFiles, Stack, StackSettings,
};

/// The organisation of a rehearsal's clients.
const ORG: &str = "org_rehearsal";

/// The secret that is the key to the service, by its name.
const SERVICE_KEY: &str = "service-key";

pub(super) async fn stack(
    settings: &PlaySettings,
    told: &mut (dyn FnMut(&str) + Send),
) -> Result<(Stack, Keys), PlayError> {
    let script = &settings.script;
    let load = script.load;
    let crowd = Crowd { readers: load.readers, publishers: load.publishers, members: load.members };
    let keys = Keys::draw(ORG, crowd);
    let mut common = script.stack.settings.clone();
    common.insert("TIDEGATE_KEYS".to_owned(), keys.setting());
    let seconds = settings.drain.as_secs().max(1).to_string();
    common.insert("TIDEGATE_DRAIN_SECONDS".to_owned(), seconds);
    let stack = StackSettings {
        stable_replicas: script.stack.replicas,
        settings: common,
        drain: settings.drain,
        redis: script.stack.redis.then(|| PathBuf::from("redis-server")),
        database: match script.stack.database {
            DatabaseScript::None => Database::None,
            DatabaseScript::Embedded => Database::Embedded,
            DatabaseScript::Server => Database::Server { program: settings.surreal.clone() },
        },
        chain: script.stack.chain.map(|chain| Chain {
            program: settings.anvil.clone(),
            transactions_per_second: chain.transactions_per_second,
        }),
        ..StackSettings::new(settings.folder.join("stack"), settings.stable.clone())
    };
    told("the stack starts: Redis, the database, the chain, replicas, the router");
    Ok((Stack::start(stack, RouterFiles::haproxy).await?, keys))
}

pub(super) fn router(
    settings: &PlaySettings,
    layout: &Layout,
) -> Result<Arc<dyn Router>, PlayError> {
    let owner = settings.run.parse::<Owner>();
    let owner = owner.map_err(|error| PlayError::Router(error.to_string()))?;
    let router = HaproxyRouter::new(layout.router(), owner);
    Ok(Arc::new(router.map_err(|error| PlayError::Router(error.to_string()))?))
}

pub(super) fn load(settings: &PlaySettings, stack: &Stack, keys: Keys) -> LoadSettings {
    let script = settings.script.load;
    LoadSettings {
        events_per_second: script.events_per_second,
        repeat_every: script.repeat_every,
        pairs_per_second: script.pairs_per_second,
        churn: Some(script.churn),
        chat: (script.members > 0).then_some(ChatLoad {
            threads: script.threads,
            messages_per_second: script.messages_per_second,
        }),
        ..LoadSettings::new(stack.address(), keys)
    }
}

pub(super) fn deployment(
    settings: &PlaySettings,
    stage: &Stage,
    router: Arc<dyn Router>,
    keys: &Keys,
) -> DeploymentSettings {
    let url = format!("http://{}", stage.stack().address());
    let mut variables = settings.script.variables.clone();
    variables.extend(found_by_commands(settings, stage, &url));
    DeploymentSettings {
        service: Service { url, key: Some(SERVICE_KEY.to_owned()) },
        router: Some(router),
        withdraw: WithdrawSettings { leave_within: settings.drain, ..WithdrawSettings::default() },
        commands: CommandSettings {
            folder: settings.commands_in.clone(),
            variables,
            under_way: None,
        },
        webhook: None,
        sources: BTreeMap::new(),
        certificates: Certificates::default(),
        secrets: Secrets::given([(SERVICE_KEY, keys.service())]),
        lock: None,
    }
}

/// Returns what commands of a runbook find in their environment: where the stack is.
fn found_by_commands(
    settings: &PlaySettings,
    stage: &Stage,
    url: &str,
) -> BTreeMap<String, String> {
    let replicas = stage.stack().replicas_of(Arm::Stable);
    let replicas: Vec<_> = replicas.map(|it| format!("http://{}", it.address())).collect();
    let mut variables = stage.stack().settings().clone();
    variables.remove("TIDEGATE_KEYS");
    variables.insert("TIDEGATE_URL".to_owned(), url.to_owned());
    variables.insert("TIDEGATE_KEY".to_owned(), format!("secret:{SERVICE_KEY}"));
    // What the release gates are told by.
    variables.insert("GATES_REPLICAS".to_owned(), replicas.join(","));
    let program = settings.stable.path.display().to_string();
    variables.insert("GATES_TIDEGATE".to_owned(), program.clone());
    variables.insert("PREFLIGHT_TIDEGATE".to_owned(), program);
    variables
}

/// Returns the T0 with which the first step that has a time is due now.
pub(super) fn t0(plan: &Plan, pace: Pace) -> Option<Timestamp> {
    let first = plan.steps.iter().filter_map(|step| step.at).min()?;
    let before = Duration::from_secs(60 * u64::try_from(-first.minutes()).unwrap_or(0));
    Timestamp::now().checked_add(pace.of(before)).ok()
}
