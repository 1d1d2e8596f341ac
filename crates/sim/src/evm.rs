//! The simulator that runs `revm`.
//!
//! It takes zero for what is missing and runs on, to find in one run what else would be asked for;
//! what such a run says is thrown away. Loops are cut when the view says that the time is over.

mod database;
mod overlay;
mod result;
mod transaction;
mod watch;

use revm::{
    Context, ExecuteEvm, Journal,
    context::{
        BlockEnv as RevmBlock, CfgEnv, Evm, TxEnv,
        result::{EVMError, ExecutionResult},
    },
    context_interface::{block::BlobExcessGasAndPrice, local::FrameStack},
    handler::{EthFrame, EthPrecompiles, instructions::EthInstructions},
    interpreter::interpreter::EthInterpreter,
    primitives::U256,
    state::EvmState,
};

use self::database::{Database, Stop};
use crate::{
    BlockEnv, Bundle, Call, Hardfork, InvalidReason, Lack, Outcome, Rules, SimulationLimits,
    Simulator, StateView, Status,
};

/// What `revm` keeps beside the machine.
type Ctx<'v> = Context<RevmBlock, TxEnv, CfgEnv, Database<'v>, Journal<Database<'v>>>;

/// A machine that stands in a block, with what it knows of the state.
type Machine<'v> = Evm<
    Ctx<'v>,
    (),
    EthInstructions<EthInterpreter, Ctx<'v>>,
    EthPrecompiles,
    EthFrame<EthInterpreter>,
>;

/// Simulates with `revm`, by the rules of one chain.
#[derive(Clone, Copy, Debug)]
pub struct EvmSimulator {
    rules: Rules,
    limits: SimulationLimits,
}

/// Why a call has no result.
enum Unable {
    /// No block would take it.
    Invalid(InvalidReason),
    /// It is not known; where state is missing the database has noted that.
    Lack(Lack),
}

impl EvmSimulator {
    /// Returns a simulator of a chain.
    pub fn new(rules: Rules, limits: SimulationLimits) -> Self {
        EvmSimulator { rules, limits }
    }

    /// Returns a machine that stands in a block; `None` where its rules are not simulated.
    fn machine<'v>(&self, env: &BlockEnv, state: &'v mut dyn StateView) -> Option<Machine<'v>> {
        let spec = self.rules.hardfork(env).spec()?;
        let blobs = self.rules.blobs(env);
        let mut context: Ctx<'v> =
            Context::new(Database::new(state, self.limits.missing_max), spec);
        context.cfg.chain_id = self.rules.chain_id;
        context.cfg.tx_gas_limit_cap = self.rules.transaction_gas_max;
        context.cfg.max_blobs_per_tx = Some(blobs.blobs_max);
        context.cfg.blob_base_fee_update_fraction = Some(blobs.update_fraction);
        context.block = revm_block(env, blobs.update_fraction);
        let mut instructions = EthInstructions::new_mainnet_with_spec(spec);
        watch::insert(&mut instructions, env.excess_blob_gas.is_none());
        Some(Evm {
            ctx: context,
            inspector: (),
            instruction: instructions,
            precompiles: EthPrecompiles::new(spec),
            // Frames are made when they are needed: each has room for a whole stack.
            frame_stack: FrameStack::new(),
        })
    }

    /// Returns the outcomes of a bundle by rules that are not simulated.
    fn without_rules(&self, bundle: &Bundle) -> Vec<Outcome> {
        let status = Status::Incomplete { missing: Vec::new(), why: Lack::Rules };
        let outcome = Outcome::nothing(self.rules.hardfork(&bundle.env), status);
        vec![outcome; bundle.calls.len()]
    }

    fn run(&self, machine: &mut Machine<'_>, bundle: &Bundle) -> Vec<Outcome> {
        let hardfork = self.rules.hardfork(&bundle.env);
        machine.ctx.journaled_state.database.begin(&bundle.overrides);
        let mut gas_left = self.limits.bundle_gas_max;
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(bundle.calls.len());
        for call in &bundle.calls {
            let ran = attempt(machine, &bundle.env, call, gas_left);
            let (outcome, state) = outcome(machine, hardfork, ran);
            gas_left = gas_left.saturating_sub(outcome.gas_used);
            let is_before_known = outcomes.last().is_none_or(Outcome::is_complete);
            outcomes.push(if is_before_known { outcome } else { stands_on_unknown(outcome) });
            // Nobody reads what the last one leaves.
            if let Some(state) = state.filter(|_| outcomes.len() < bundle.calls.len()) {
                machine.ctx.journaled_state.database.commit(state);
            }
        }
        outcomes
    }
}

impl Simulator for EvmSimulator {
    fn simulate(&self, bundle: &Bundle, state: &mut dyn StateView) -> Vec<Outcome> {
        match self.machine(&bundle.env, state) {
            Some(mut machine) => self.run(&mut machine, bundle),
            None => self.without_rules(bundle),
        }
    }

    fn simulate_each(&self, bundles: &[Bundle], state: &mut dyn StateView) -> Vec<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(bundles.len());
        // One machine serves all that stand in the same block: to make it costs as much as a transfer.
        for alike in bundles.chunk_by(|one, next| one.env == next.env) {
            match self.machine(&alike[0].env, state) {
                Some(mut machine) => {
                    outcomes.extend(alike.iter().map(|bundle| self.run(&mut machine, bundle)));
                }
                None => outcomes.extend(alike.iter().map(|bundle| self.without_rules(bundle))),
            }
        }
        outcomes
    }
}

fn revm_block(env: &BlockEnv, update_fraction: u64) -> RevmBlock {
    // Where it is not known, nothing that depends on it is shown.
    let excess = env.excess_blob_gas.unwrap_or_default();
    RevmBlock {
        number: U256::from(env.number),
        beneficiary: env.beneficiary,
        timestamp: U256::from(env.timestamp),
        gas_limit: env.gas_limit,
        basefee: env.base_fee_per_gas,
        difficulty: U256::from_be_bytes(env.prevrandao.0),
        prevrandao: Some(env.prevrandao),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(excess, update_fraction)),
        slot_num: 0,
    }
}

/// Runs one call.
fn attempt(
    machine: &mut Machine<'_>,
    env: &BlockEnv,
    call: &Call,
    gas_left: u64,
) -> Result<(ExecutionResult, EvmState), Unable> {
    let database = &mut machine.ctx.journaled_state.database;
    if database.is_stopped() {
        return Err(Unable::Lack(Lack::Before));
    }
    if call.gas_limit > gas_left {
        return Err(Unable::Lack(Lack::GasLimit));
    }
    if call.tx_type == 3 && env.excess_blob_gas.is_none() {
        return Err(Unable::Lack(Lack::BlobFee));
    }
    database.begin_call();
    let nonce = match call.nonce {
        Some(nonce) => nonce,
        None => database.nonce(call.from)?,
    };
    machine.ctx.cfg.disable_base_fee = call.fees.is_none();
    let transaction = transaction::of(call, nonce, machine.ctx.cfg.chain_id)?;
    let result = machine.transact_one(transaction);
    let state = machine.finalize();
    Ok((result?, state))
}

/// Returns what a run says, and the state that it leaves.
fn outcome(
    machine: &mut Machine<'_>,
    hardfork: Hardfork,
    ran: Result<(ExecutionResult, EvmState), Unable>,
) -> (Outcome, Option<EvmState>) {
    let database = &mut machine.ctx.journaled_state.database;
    let lack = database.lack();
    match (ran, lack) {
        (Ok((result, state)), None) => {
            let changes = database.balance_changes(&state);
            (result::outcome(hardfork, result, changes), Some(state))
        }
        (Err(Unable::Invalid(reason)), None) => {
            (Outcome::nothing(hardfork, Status::Invalid { reason }), None)
        }
        (Err(Unable::Lack(why)), None) => (lacks(database, hardfork, why), None),
        // What was guessed is kept for the guesses that stand on it.
        (ran, Some(why)) => (lacks(database, hardfork, why), ran.ok().map(|(_, state)| state)),
    }
}

/// Returns the outcome of a call of which something is not known.
fn lacks(database: &mut Database<'_>, hardfork: Hardfork, why: Lack) -> Outcome {
    let missing = database.take_missing();
    Outcome::nothing(hardfork, Status::Incomplete { missing, why })
}

/// Returns the outcome of a call behind an incomplete one: it too is not known.
fn stands_on_unknown(outcome: Outcome) -> Outcome {
    let missing = match outcome.status {
        Status::Incomplete { missing, .. } => missing,
        _ => Vec::new(),
    };
    let status = Status::Incomplete { missing, why: Lack::Before };
    Outcome::nothing(outcome.hardfork, status)
}

impl From<Stop> for Unable {
    fn from(_: Stop) -> Unable {
        // The database has noted why.
        Unable::Lack(Lack::Internal)
    }
}

impl From<InvalidReason> for Unable {
    fn from(reason: InvalidReason) -> Unable {
        Unable::Invalid(reason)
    }
}

impl From<EVMError<Stop>> for Unable {
    fn from(error: EVMError<Stop>) -> Unable {
        match error {
            EVMError::Transaction(refusal) => Unable::Invalid(refusal.into()),
            EVMError::Database(stop) => stop.into(),
            EVMError::Header(_) | EVMError::Custom(_) | EVMError::CustomAny(_) => {
                Unable::Lack(Lack::Internal)
            }
        }
    }
}
