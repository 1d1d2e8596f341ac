//! Withdrawals by what is seen, without a router.
