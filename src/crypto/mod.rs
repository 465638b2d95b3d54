//! Sealing and opening, signatures, symbol derivation and certificates: the only room that uses `ring` and `hpke`.

pub mod digest;
pub mod signing;
