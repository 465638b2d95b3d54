//! The computer's clock, for what belongs to no world: the validity of certificates.

use jiff::Timestamp;

#[expect(
    clippy::disallowed_methods,
    reason = "a certificate is valid by the computer's clock, which TLS checks, and not by a world's"
)]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}
