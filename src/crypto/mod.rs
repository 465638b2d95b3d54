//! Sealing and opening, signatures, symbol derivation and certificates: the only room that uses `ring`, `hpke` and `argon2`.

pub mod certificate;
pub mod digest;
pub(crate) mod files;
pub mod identity;
pub mod kept_context;
pub mod password;
pub mod pki;
pub mod sealed_stream;
pub mod sealing;
pub mod sealing_key;
pub mod signing;
pub mod symbol;
pub mod vault;
