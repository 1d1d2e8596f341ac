// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

// What transactions of the tests do, each in one function. Made by:
// `npx solc@0.8.37 --bin --optimize --evm-version cancun Tool.sol -o .`, whose Tool_sol_Tool.bin is
// Tool.bin here.
contract Child {
    constructor() payable {}

    function end(address payable heir) external {
        selfdestruct(heir);
    }
}

contract Tool {
    error Refused(address who, uint256 code);

    event Said(bytes what);
    event Told(uint256 indexed at, uint256 value);

    mapping(uint256 => uint256) public kept;

    constructor() payable {}

    receive() external payable {
        emit Told(msg.value, address(this).balance);
    }

    function failText(string calldata text) external pure {
        revert(text);
    }

    function failOwn(uint256 code) external view {
        revert Refused(msg.sender, code);
    }

    function failPanic(uint256 divisor) external pure returns (uint256) {
        return 1 / divisor;
    }

    function failSilent() external pure {
        revert();
    }

    function invalid() external pure {
        assembly {
            invalid()
        }
    }

    function spin() external {
        while (true) kept[0]++;
    }

    function keep(uint256 at, uint256 value, uint256 count) external {
        for (uint256 i = 0; i < count; i++) kept[at + i] = value;
        emit Told(at, value);
    }

    function run(address target, bytes calldata input) external {
        (bool ok, bytes memory output) = target.call(input);
        kept[uint256(uint160(target))] = uint256(keccak256(output));
        emit Said(abi.encode(ok, output, gasleft()));
    }

    function block_() external {
        emit Said(abi.encode(block.number, block.timestamp, block.coinbase, block.prevrandao));
        emit Said(abi.encode(block.basefee, block.blobbasefee, block.chainid, block.gaslimit));
        emit Said(abi.encode(blockhash(block.number - 1), blockhash(block.number - 2)));
        emit Said(abi.encode(tx.gasprice, tx.origin, gasleft(), msg.sender.codehash));
        emit Said(abi.encode(address(this).balance, address(0xdead).balance, blobhash(0)));
    }

    function passOn(address payable[] calldata to) external payable {
        for (uint256 i = 0; i < to.length; i++) {
            (bool ok, ) = to[i].call{value: msg.value / to.length}("");
            emit Told(i, ok ? 1 : 0);
        }
    }

    function dieAtOnce(address payable heir) external payable {
        Child child = new Child{value: msg.value}();
        child.end(heir);
    }

    function die(address payable heir) external {
        selfdestruct(heir);
    }

    function makeAt(bytes32 salt) external payable returns (address) {
        Child child = new Child{salt: salt, value: msg.value}();
        emit Told(uint256(salt), uint160(address(child)));
        return address(child);
    }

    function tryInside(uint256 code) external {
        kept[77] = code;
        try this.failOwn(code) {} catch (bytes memory said) {
            emit Said(said);
        }
        assembly {
            tstore(1, code)
            sstore(99, tload(1))
        }
    }

    function deep(uint256 left) external {
        if (left == 0) return;
        Tool(payable(address(this))).deep(left - 1);
        emit Told(left, gasleft());
    }
}
