//! What is told of transactions, against hand-made truth and hostile calldata.

mod batches;
mod fees;
mod hostile;
mod one_inch;
mod routers;
mod support;
mod tokens;
mod whole;
