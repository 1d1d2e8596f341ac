// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

// Carries a path of swaps out, all or nothing: as a simulation does to confirm an opportunity, and tests do
// on a node. It is never sent to a real chain. Made by:
// `npx -p solc@0.8.30 solcjs --bin --optimize Executor.sol -o .`, whose Executor_sol_Executor.bin is
// Executor.bin here; without the 28 bytes that leave it, that is the code of an account.

interface Token {
    function balanceOf(address owner) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
}

interface Pair {
    function getReserves() external view returns (uint112, uint112, uint32);
    function swap(uint256 out0, uint256 out1, address to, bytes calldata data) external;
    function token0() external view returns (address);
    function token1() external view returns (address);
}

interface Pool {
    function swap(address to, bool zeroForOne, int256 amount, uint160 limit, bytes calldata data)
        external
        returns (int256, int256);
    function token0() external view returns (address);
    function token1() external view returns (address);
}

contract Executor {
    // A step: its kind (2 or 3), its pool, the pool's fee in millionths, whether the first token goes in.
    struct Step {
        uint8 kind;
        address pool;
        uint32 feePpm;
        bool zeroForOne;
    }

    uint256 private constant MILLION = 1_000_000;
    uint160 private constant LOWEST = 4295128740;
    uint160 private constant HIGHEST = 1461446703485210103287273052203988822378723970341;

    // The pool that may call back now.
    address private open;

    // Swaps an amount that it has along a path; returns how much came out.
    function run(Step[] calldata path, uint256 amountIn, uint256 least) external returns (uint256) {
        uint256 amount = along(path, 0, amountIn);
        require(amount >= least, "less than was asked for");
        return amount;
    }

    // Swaps an amount that it has not along a path that ends with the token that it begins with: the first
    // pool gives before it is paid, of what the others give. Returns what is left over.
    function cycle(Step[] calldata path, uint256 amountIn, uint256 least) external returns (uint256) {
        Token token = Token(tokenIn(path[0]));
        uint256 before = token.balanceOf(address(this));
        bytes memory rest = abi.encode(path, amountIn);
        if (path[0].kind == 2) {
            giveByReserves(path[0], amountIn, rest);
        } else {
            giveByRange(path[0], amountIn, rest);
        }
        uint256 gained = token.balanceOf(address(this)) - before;
        require(gained >= least, "less than was asked for");
        return gained;
    }

    function along(Step[] memory path, uint256 from, uint256 amountIn) private returns (uint256 amount) {
        amount = amountIn;
        for (uint256 at = from; at < path.length; at++) {
            if (path[at].kind == 2) {
                pay(tokenIn(path[at]), path[at].pool, amount);
                amount = giveByReserves(path[at], amount, "");
            } else {
                amount = giveByRange(path[at], amount, "");
            }
        }
    }

    // Takes what a pair gives for an amount; with data it calls back before it looks whether it was paid.
    function giveByReserves(Step memory step, uint256 amountIn, bytes memory data)
        private
        returns (uint256 amountOut)
    {
        Pair pair = Pair(step.pool);
        (uint112 reserve0, uint112 reserve1,) = pair.getReserves();
        (uint256 reserveIn, uint256 reserveOut) =
            step.zeroForOne ? (uint256(reserve0), uint256(reserve1)) : (uint256(reserve1), uint256(reserve0));
        uint256 kept = amountIn * (MILLION - step.feePpm);
        amountOut = kept * reserveOut / (reserveIn * MILLION + kept);
        address before = open;
        open = step.pool;
        pair.swap(step.zeroForOne ? 0 : amountOut, step.zeroForOne ? amountOut : 0, address(this), data);
        open = before;
    }

    // Takes what a pool gives for an amount; it always calls back to be paid.
    function giveByRange(Step memory step, uint256 amountIn, bytes memory rest) private returns (uint256) {
        require(amountIn <= uint256(type(int256).max), "the amount is too large");
        address before = open;
        open = step.pool;
        (int256 change0, int256 change1) = Pool(step.pool).swap(
            address(this),
            step.zeroForOne,
            int256(amountIn),
            step.zeroForOne ? LOWEST : HIGHEST,
            abi.encode(tokenIn(step), rest)
        );
        open = before;
        (int256 changeIn, int256 changeOut) = step.zeroForOne ? (change0, change1) : (change1, change0);
        require(changeIn == int256(amountIn), "the pool did not take all of it");
        return uint256(-changeOut);
    }

    function uniswapV2Call(address, uint256 out0, uint256 out1, bytes calldata data) external {
        require(msg.sender == open, "nobody is paid now");
        (Step[] memory path, uint256 due) = abi.decode(data, (Step[], uint256));
        along(path, 1, out0 + out1);
        pay(tokenIn(path[0]), msg.sender, due);
    }

    function uniswapV3SwapCallback(int256 change0, int256 change1, bytes calldata data) external {
        require(msg.sender == open, "nobody is paid now");
        (uint256 due, uint256 given) = change0 > 0
            ? (uint256(change0), uint256(-change1))
            : (uint256(change1), uint256(-change0));
        (address token, bytes memory rest) = abi.decode(data, (address, bytes));
        if (rest.length > 0) {
            (Step[] memory path,) = abi.decode(rest, (Step[], uint256));
            along(path, 1, given);
        }
        pay(token, msg.sender, due);
    }

    function tokenIn(Step memory step) private view returns (address) {
        return step.zeroForOne ? Pair(step.pool).token0() : Pair(step.pool).token1();
    }

    // Some tokens return nothing, USDT's among them: what they do not take back was sent.
    function pay(address token, address to, uint256 amount) private {
        (bool done, bytes memory said) = token.call(abi.encodeCall(Token.transfer, (to, amount)));
        require(done && (said.length == 0 || abi.decode(said, (bool))), "the token was not sent");
    }
}
