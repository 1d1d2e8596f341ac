//! The console of a server: its page, and the routes by which that reads runs and speaks to them.
//!
//! Owns: which files the page is made of and what a browser may do with them, and the form in which
//! runs are shown over HTTP. Must not know: how a run goes on, and what counts of what people say; the
//! process that carries a run out says so. The page itself is `web/console`, built into `dist` by `bun
//! run build`, so that a server needs no Node to be built.

mod asset;
mod routes;
mod runs;

use std::{path::PathBuf, sync::Arc};

use axum::Router;
use viz_api::{AppState, surface::Annex};

pub use self::{
    asset::{ASSETS, Asset, CONTENT_SECURITY_POLICY},
    routes::CONSOLE_ROUTES,
};

/// The console of a process.
#[derive(Clone, Debug)]
pub struct Console {
    runs: runs::Shelf,
}

impl Console {
    /// Returns the console over the runs in a folder, which need not be there.
    pub fn new(runs_dir: PathBuf) -> Self {
        Console { runs: runs::Shelf::new(runs_dir) }
    }
}

impl Annex for Console {
    fn routes(&self) -> Router<Arc<AppState>> {
        routes::router(self.clone())
    }

    fn document(&self) -> &'static str {
        include_str!("openapi.json")
    }
}

/// Returns the console of a process, where its settings have one.
pub fn annex(state: &Arc<node_runtime::State>) -> Option<Arc<dyn Annex>> {
    let settings = &state.settings.console;
    settings.is_on.then(|| Arc::new(Console::new(settings.runs_dir.clone())) as Arc<dyn Annex>)
}
