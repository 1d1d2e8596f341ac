//! What is checked, and the connections to it.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc, time::Duration};

use ::evidence::{Redactor, Signer};
use ::store::{OpenError, QueryError, Store, StoreOptions};
use broker::RedisBroker;
use futures_util::future::join_all;
use gotong_api::LogPlace;
use node_runtime::{
    Settings,
    settings::{ChatTransport, DataBackend, Scope, Scopes, Secret, Values},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::timeout;
use ulid::Ulid;

use super::report::Finding;
use crate::{cli::GatesArgs, client::Api, failure::Failure, target::Target};

/// The fewest replicas between which anything can be compared.
const REPLICAS_MIN: usize = 2;

/// What was asked for.
pub(super) struct Plan {
    pub(super) targets: Vec<Target>,
    pub(super) settings: Settings,
    pub(super) options: StoreOptions,
    /// Where the database is, for people.
    pub(super) place: String,
    pub(super) production: bool,
    /// What the engine is said to be.
    pub(super) engine: Option<String>,
    /// The migration checksum of the release artefact.
    pub(super) checksum: String,
    pub(super) out: Option<PathBuf>,
    pub(super) signer: Option<Signer>,
    pub(super) deadline: Duration,
    /// Takes secrets out of whatever is said.
    pub(super) redactor: Redactor,
}

impl Plan {
    /// # Errors
    /// Fails on everything that makes no sense.
    pub(super) fn of(args: &GatesArgs) -> Result<Self, Failure> {
        let values = args.config.values()?;
        let parsed = Settings::parse(&values);
        let settings = parsed.map_err(|error| Failure::usage(error.to_string()))?;
        if settings.data.backend != DataBackend::Surreal {
            let what = "DATA_BACKEND is not surreal: replicas share a server, and it is checked";
            return Err(Failure::usage(what));
        }
        let options = gotong_api::store_options(&settings).map_err(Failure::usage)?;
        let key = args.key_file.as_deref().map(read_line).transpose()?;
        let key = key.as_deref().or(args.key.as_deref());
        let scopes = Scopes::none().with(Scope::Publish).with(Scope::Subscribe);
        let targets = Target::all(&args.replicas, key, &values, scopes)?;
        let different: BTreeSet<_> = targets.iter().map(Target::shown).collect();
        if different.len() < REPLICAS_MIN {
            return Err(Failure::usage("give --replica twice or more, each another one"));
        }
        if let Some(out) = args.out.as_ref().filter(|out| out.exists()) {
            let what = format!("--out {} is there already: give a new folder", out.display());
            return Err(Failure::usage(what));
        }
        let signer = args.sign_key.as_deref().map(|file| {
            let text = read_line(file)?;
            let what = || format!("{} holds no private key", file.display());
            text.parse::<Signer>().map_err(|error| Failure::usage(what()).because(error))
        });
        Ok(Plan {
            place: gotong_api::store_place(&settings),
            redactor: redactor(&settings, &values, key),
            targets,
            options,
            settings,
            production: args.production,
            engine: args.engine.clone(),
            checksum: args.checksum.clone().unwrap_or_else(::store::checksum),
            out: args.out.clone(),
            signer: signer.transpose()?,
            deadline: args.deadline,
        })
    }

    /// Returns what is checked, for the report.
    pub(super) fn document(&self) -> Value {
        let replicas: Vec<_> = self.targets.iter().map(Target::shown).collect();
        json!({
            "replicas": replicas,
            "database": self.place,
            "production": self.production,
            "migration_checksum": self.checksum,
            "program": {
                "version": node_runtime::VERSION,
                "migration_checksum": ::store::checksum(),
            },
        })
    }

    pub(super) fn without_secrets(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.redactor.redact(text.as_bytes())).into_owned()
    }
}

/// Reads a file that has one line.
fn read_line(file: &std::path::Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file);
    let what = || format!("{} can't be read", file.display());
    let text = text.map_err(|error| Failure::usage(what()).because(error))?;
    Ok(text.trim().to_owned())
}

/// Returns what takes out the secrets of the settings; those that are too short to be told from text
/// are left, and stand in no text of ours.
fn redactor(settings: &Settings, values: &Values, key: Option<&str>) -> Redactor {
    let redis = settings.realtime.redis_url.as_ref().map(Secret::expose);
    let redis = redis.and_then(|url| {
        let user = url.split_once("://")?.1.rsplit_once('@')?.0;
        Some(user.split_once(':').map_or(user, |(_, password)| password))
    });
    let secrets = [
        ("key", key.or(values.get("TIDEGATE_KEY"))),
        ("SURREAL_PASS", settings.data.password.as_ref().map(Secret::expose)),
        ("REDIS_URL", redis),
    ];
    let mut redactor = Redactor::default();
    for (name, secret) in secrets {
        let Some(secret) = secret else { continue };
        redactor = redactor.clone().with(name, secret).unwrap_or(redactor);
    }
    let entries = values.get("TIDEGATE_KEYS").unwrap_or_default().split(',');
    for key in entries.filter_map(|entry| entry.split_once('=')?.1.split([':', '@']).next()) {
        redactor = redactor.clone().with("key", key).unwrap_or(redactor);
    }
    redactor
}

/// One replica.
pub(super) struct Replica {
    pub(super) target: Target,
    pub(super) api: Result<Api, String>,
    /// What its health says, or why it says nothing.
    pub(super) health: Result<Value, String>,
}

impl Replica {
    /// Asks for its health, within the time that a check may take.
    async fn ask(&mut self, deadline: Duration) {
        self.health = match &self.api {
            Ok(api) => match timeout(deadline, api.health()).await {
                Ok(health) => health.map_err(|refusal| refusal.chain()),
                Err(_) => Err(format!("it does not answer within {} s", deadline.as_secs())),
            },
            Err(error) => Err(error.clone()),
        };
    }
}

/// What was written, noted before it is, so that it can be removed.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// Threads in the database and in Redis.
    pub(super) threads: BTreeSet<String>,
    /// Databases beside the candidate's.
    pub(super) databases: BTreeSet<String>,
    /// The scope in which a thread may have been made whose id nobody told.
    pub(super) unknown_in: Option<String>,
}

/// What is checked, with connections.
pub(super) struct Candidate {
    pub(super) plan: Plan,
    pub(super) replicas: Vec<Replica>,
    pub(super) store: Result<Store, String>,
    pub(super) redis: Result<RedisBroker, String>,
    pub(super) written: Arc<Mutex<Written>>,
    /// What everything that is written here is called.
    pub(super) run: String,
}

impl Candidate {
    /// Returns it without a connection.
    pub(super) fn of(plan: Plan) -> Self {
        let unconnected = || "not tried".to_owned();
        let replica = |target: &Target| Replica {
            target: target.clone(),
            api: Api::new(target.clone()).map_err(|failure| failure.chain()),
            health: Err(unconnected()),
        };
        Candidate {
            replicas: plan.targets.iter().map(replica).collect(),
            store: Err(unconnected()),
            redis: Err(unconnected()),
            written: Arc::default(),
            run: format!("tidegate-gates-{}", Ulid::generate()),
            plan,
        }
    }

    /// Connects to everything, and asks each replica for its health.
    pub(super) async fn connect(&mut self) {
        let mut options = self.plan.options.clone();
        options.open_deadline = options.open_deadline.min(self.plan.deadline);
        options.deadline = options.deadline.min(self.plan.deadline);
        let opened = timeout(self.plan.deadline, Store::attach(options.clone())).await;
        self.store = match opened {
            Ok(Ok(store)) => Ok(store),
            Ok(Err(OpenError::Query(QueryError::Other))) => {
                Err("no store of this program was ever opened there".to_owned())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it does not answer".to_owned()),
        };
        self.plan.options = options;
        let realtime = &self.plan.settings.realtime;
        self.redis = match realtime.redis_url {
            None => Err("REDIS_URL is not set".to_owned()),
            Some(_) => RedisBroker::start(gotong_api::log_options(realtime))
                .map_err(|error| error.to_string()),
        };
        let deadline = self.plan.deadline;
        let asked = self.replicas.iter_mut().map(|replica| replica.ask(deadline));
        join_all(asked).await;
    }

    /// Returns the database, or what is to be said without it.
    pub(super) fn store(&self) -> Result<&Store, Finding> {
        let unreachable = |error: &String| {
            let seen = format!("the database at {} can't be checked: {error}", self.plan.place);
            Finding::error(
                seen,
                "See that it runs, and SURREAL_ENDPOINT, SURREAL_USER and SURREAL_PASS.",
            )
        };
        self.store.as_ref().map_err(unreachable)
    }

    /// Returns where the logs are by these settings.
    pub(super) fn log_place(&self) -> LogPlace {
        let run = self.redis.as_ref().ok().and_then(RedisBroker::run_name);
        LogPlace::of(&self.plan.settings.realtime.chat_channel_prefix, run.as_deref())
    }

    /// Returns whether the settings keep logs in Redis.
    pub(super) fn is_shared(&self) -> bool {
        self.plan.settings.realtime.chat_transport == ChatTransport::Redis
    }
}
