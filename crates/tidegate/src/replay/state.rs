//! The state of chains that a replay searches and simulates on: of a node, or as it was kept.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use chain::{
    ChainKey, EndpointAddress, FeedHeader, NewFeedFile, open_unpacked,
    rpc::{Client, RpcLimits},
};
use node_runtime::{RerunState, StateFileReader, StateFileWriter};
use sim::{NodeState, RecordedState, StateRecorder, StateSource};

use crate::{cli::ReplayArgs, failure::Failure};

/// Where state comes from.
pub(super) enum States {
    /// There is none: nothing is searched or simulated.
    None,
    /// A file's.
    Kept(BTreeMap<ChainKey, Arc<RecordedState>>),
    /// A node's.
    Node(EndpointAddress),
}

impl States {
    /// Returns what the arguments name.
    ///
    /// # Errors
    /// Fails where a file can't be read, or is not one of state, and where an address is none.
    pub(super) fn of(args: &ReplayArgs) -> Result<States, Failure> {
        if let Some(path) = &args.state {
            let unread =
                |error| Failure::usage(format!("{} is not read", path.display())).because(error);
            let file = open_unpacked(path).map_err(|error| {
                Failure::usage(format!("{} is not read: {error}", path.display()))
            })?;
            let read = StateFileReader::read(file).map_err(unread)?;
            return Ok(States::Kept(
                read.into_iter().map(|(key, it)| (key, Arc::new(it))).collect(),
            ));
        }
        let Some(node) = &args.node else { return Ok(States::None) };
        let address: EndpointAddress =
            node.parse().map_err(|error| Failure::usage(format!("--node: {error}")))?;
        if address.is_web_socket() {
            return Err(Failure::usage("--node begins with http:// or https://"));
        }
        Ok(States::Node(address))
    }

    /// Returns the state of each chain of a feed, and what remembers it where a node is asked.
    ///
    /// # Errors
    /// Fails where one node would be asked for several chains, or can't be.
    pub(super) fn chains(&self, chains: &[FeedHeader]) -> Result<ChainStates, Failure> {
        match self {
            States::None => Ok(ChainStates::default()),
            States::Kept(kept) => {
                let of = |header: &FeedHeader| {
                    let source = Arc::clone(kept.get(&header.chain_key)?) as Arc<dyn StateSource>;
                    Some((
                        header.chain_key.clone(),
                        RerunState { chain_id: header.chain_id, source },
                    ))
                };
                Ok(ChainStates { states: chains.iter().filter_map(of).collect(), recorder: None })
            }
            States::Node(address) => {
                let [FeedHeader { chain_key, chain_id, .. }] = chains else {
                    return Err(Failure::usage(format!(
                        "the feed has {} chains: --node can be asked for one",
                        chains.len()
                    )));
                };
                let client =
                    Client::new(address.clone(), RpcLimits::default()).map_err(|error| {
                        Failure::failed("the node can't be asked for state").because(error)
                    })?;
                let recorder = Arc::new(StateRecorder::new(Arc::new(NodeState::new(client))));
                let source = Arc::clone(&recorder) as Arc<dyn StateSource>;
                let state = RerunState { chain_id: *chain_id, source };
                Ok(ChainStates {
                    states: [(chain_key.clone(), state)].into(),
                    recorder: Some((chain_key.clone(), recorder)),
                })
            }
        }
    }
}

/// The state of each chain, for one replay.
#[derive(Default)]
pub(super) struct ChainStates {
    pub(super) states: BTreeMap<ChainKey, RerunState>,
    pub(super) recorder: Option<(ChainKey, Arc<StateRecorder>)>,
}

/// A file that keeps what a node answers; it has its name once it is whole.
pub(super) struct Keeper {
    path: PathBuf,
    file: StateFileWriter<NewFeedFile>,
    of: ChainKey,
    recorder: Arc<StateRecorder>,
}

impl Keeper {
    /// Begins a file.
    ///
    /// # Errors
    /// Fails where there is such a file already, or it can't be written.
    pub(super) fn new(
        path: &Path,
        (of, recorder): (ChainKey, Arc<StateRecorder>),
    ) -> Result<Self, Failure> {
        let file = NewFeedFile::create(path).and_then(StateFileWriter::new);
        let file = file.map_err(|error| unkept(path, error))?;
        Ok(Keeper { path: path.to_owned(), file, of, recorder })
    }

    /// Adds what was answered since this was last called.
    ///
    /// # Errors
    /// Fails where the file can't be written.
    pub(super) fn keep(&mut self) -> Result<(), Failure> {
        for answer in self.recorder.take() {
            self.file.add(&self.of, &answer).map_err(|error| unkept(&self.path, error))?;
        }
        Ok(())
    }

    /// Ends the file, and waits until it is on disk.
    ///
    /// # Errors
    /// Fails where it can't be written.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let ended = self.file.finish().and_then(NewFeedFile::keep);
        ended.map_err(|error| unkept(&self.path, error))
    }
}

fn unkept(path: &Path, error: io::Error) -> Failure {
    let path = path.display();
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Failure::usage(format!("{path} is there already: name another file, or move it"));
    }
    Failure::failed(format!("{path} can't be written")).because(error)
}
