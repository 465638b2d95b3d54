//! Sealing and opening, signatures, symbol derivation and certificates: the only room that uses `ring` and `hpke`.

pub mod certificate;
pub mod digest;
pub(crate) mod files;
pub mod identity;
pub mod pki;
pub mod sealing;
pub mod sealing_key;
pub mod signing;
pub mod symbol;
pub mod vault;
