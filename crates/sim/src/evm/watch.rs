//! Instructions that look whether the time is over: no loop is without a jump or a call. To count
//! them costs nothing that can be measured; `revm`'s inspectors, which see each step, cost a third.

use revm::{
    bytecode::opcode,
    context::ContextTr,
    context_interface::context::ContextError,
    handler::instructions::{EthInstructions, InstructionProvider},
    interpreter::{
        Instruction, InstructionContext, InstructionExecResult, InstructionResult,
        instructions::{block_info, contract, control},
        interpreter::EthInterpreter,
    },
};

use super::Ctx;
use crate::Lack;

type At<'a, 'v> = InstructionContext<'a, Ctx<'v>, EthInterpreter>;

/// Puts them in place of the usual ones.
pub(super) fn insert<'v>(
    instructions: &mut EthInstructions<EthInterpreter, Ctx<'v>>,
    is_blob_fee_unknown: bool,
) {
    let mut put = |code: u8, instruction: Instruction<EthInterpreter, Ctx<'v>>| {
        let gas = instructions.gas_table()[usize::from(code)];
        instructions.insert_instruction(code, instruction, gas);
    };
    put(opcode::JUMP, Instruction::new(jump));
    put(opcode::JUMPI, Instruction::new(jump_if));
    put(opcode::CALL, Instruction::new(call::<{ opcode::CALL }>));
    put(opcode::CALLCODE, Instruction::new(call::<{ opcode::CALLCODE }>));
    put(opcode::DELEGATECALL, Instruction::new(call::<{ opcode::DELEGATECALL }>));
    put(opcode::STATICCALL, Instruction::new(call::<{ opcode::STATICCALL }>));
    if is_blob_fee_unknown {
        put(opcode::BLOBBASEFEE, Instruction::new(blob_base_fee));
    }
}

/// A call may run a precompiled contract, which takes as long as many jumps.
const CALL_TICKS: u32 = 64;

fn look(at: &mut At<'_, '_>, ticks: u32) -> InstructionExecResult {
    at.host.journaled_state.database.tick(ticks).map_err(|stop| {
        *at.host.error() = Err(ContextError::Db(stop));
        InstructionResult::FatalExternalError
    })
}

fn jump(mut at: At<'_, '_>) -> InstructionExecResult {
    look(&mut at, 1)?;
    control::jump(at)
}

fn jump_if(mut at: At<'_, '_>) -> InstructionExecResult {
    look(&mut at, 1)?;
    control::jumpi(at)
}

fn call<const KIND: u8>(mut at: At<'_, '_>) -> InstructionExecResult {
    look(&mut at, CALL_TICKS)?;
    contract::call::<KIND, _, _>(at)
}

/// The price is not known: what follows is a guess.
fn blob_base_fee(at: At<'_, '_>) -> InstructionExecResult {
    at.host.journaled_state.database.note(Lack::BlobFee);
    block_info::blob_basefee(at)
}
