//! Which database the settings mean.

use node_runtime::{
    Settings,
    settings::{DataBackend, DataSettings},
};
use store::{Backend, Credentials, Endpoint, Password, Place, Server, StoreOptions};

/// The embedded database's folder in the state folder.
const FOLDER: &str = "store";

/// Returns what the store is opened with.
///
/// # Errors
/// Fails on an address or a name that settings let through and the store does not take.
pub fn store_options(settings: &Settings) -> Result<StoreOptions, String> {
    let data = &settings.data;
    Ok(StoreOptions::new(match data.backend {
        DataBackend::Memory => Backend::Memory,
        DataBackend::Embedded => Backend::Embedded(settings.realtime.state_dir.join(FOLDER)),
        DataBackend::Surreal => Backend::Surreal(server(data)?),
    }))
}

fn server(data: &DataSettings) -> Result<Server, String> {
    let endpoint = Endpoint::parse(&data.endpoint).map_err(|e| format!("SURREAL_ENDPOINT {e}"))?;
    let place = Place::new(&data.namespace, &data.database)
        .map_err(|e| format!("SURREAL_NS or SURREAL_DB {e}"))?;
    let credentials = data.user.clone().zip(data.password.as_ref());
    let credentials = credentials
        .map(|(user, password)| Credentials { user, password: Password::new(password.expose()) });
    Ok(Server { endpoint, place, credentials })
}

/// Says where the database is, for people; it never holds a password.
pub fn store_place(settings: &Settings) -> String {
    let data = &settings.data;
    match data.backend {
        DataBackend::Memory => "the process's memory".to_owned(),
        DataBackend::Embedded => settings.realtime.state_dir.join(FOLDER).display().to_string(),
        DataBackend::Surreal => {
            format!("{} ({}/{})", data.endpoint, data.namespace, data.database)
        }
    }
}
