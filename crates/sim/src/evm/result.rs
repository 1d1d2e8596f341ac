//! What `revm` says, in our words.

use revm::context::result::{ExecutionResult, HaltReason as Halted};

use crate::{BalanceChange, HaltReason, Hardfork, Log, Outcome, RevertReason, Status};

/// Returns the outcome of a call that ran.
pub(super) fn outcome(
    hardfork: Hardfork,
    result: ExecutionResult,
    balance_changes: Vec<BalanceChange>,
) -> Outcome {
    let gas_used = result.tx_gas_used();
    let mut outcome =
        Outcome { gas_used, balance_changes, ..Outcome::nothing(hardfork, Status::Success) };
    match result {
        ExecutionResult::Success { logs, output, .. } => {
            outcome.created = output.address().copied();
            outcome.logs = logs.into_iter().map(Log::from).collect();
            outcome.output = output.into_data();
        }
        ExecutionResult::Revert { output: data, .. } => {
            outcome.output = data.clone();
            outcome.status = Status::Revert { reason: RevertReason::decode(&data), data };
        }
        ExecutionResult::Halt { reason, .. } => {
            outcome.status = Status::Halt { reason: reason.into() };
        }
    }
    outcome
}

impl From<revm::primitives::Log> for Log {
    fn from(log: revm::primitives::Log) -> Log {
        let (topics, data) = log.data.split();
        Log { address: log.address, topics, data }
    }
}

impl From<Halted> for HaltReason {
    fn from(reason: Halted) -> HaltReason {
        match reason {
            Halted::OutOfGas(_) => HaltReason::OutOfGas,
            Halted::OpcodeNotFound | Halted::InvalidFEOpcode | Halted::NotActivated => {
                HaltReason::InvalidInstruction
            }
            Halted::InvalidJump => HaltReason::InvalidJump,
            Halted::StackUnderflow => HaltReason::StackUnderflow,
            Halted::StackOverflow => HaltReason::StackOverflow,
            Halted::OutOfOffset => HaltReason::OutOfBounds,
            Halted::CreateCollision => HaltReason::CreateCollision,
            Halted::PrecompileError | Halted::PrecompileErrorWithContext(_) => {
                HaltReason::Precompile
            }
            Halted::NonceOverflow => HaltReason::NonceOverflow,
            Halted::CreateContractSizeLimit => HaltReason::CodeTooLong,
            Halted::CreateContractStartingWithEF => HaltReason::CodeBeginsWithEf,
            Halted::CreateInitCodeSizeLimit => HaltReason::InitCodeTooLong,
            Halted::OverflowPayment => HaltReason::BalanceOverflow,
            Halted::StateChangeDuringStaticCall | Halted::CallNotAllowedInsideStatic => {
                HaltReason::StaticState
            }
            Halted::OutOfFunds => HaltReason::OutOfFunds,
            Halted::CallTooDeep => HaltReason::CallDepth,
        }
    }
}
