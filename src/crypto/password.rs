//! Password hashes: Argon2id, version 1.3. Source: RFC 9106 §4, with the parameters of OWASP's minimum (19 MiB, 2 passes).

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use ring::rand::{SecureRandom, SystemRandom};

/// The length of a salt, in bytes. Source: RFC 9106 §3.1.
const SALT_BYTES: usize = 16;

/// A password could not be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password could not be hashed")]
pub struct HashFault;

/// Hashes a password with a new salt; a PHC string. Takes tens of milliseconds: never in an async task.
///
/// # Errors
/// When the system gives no randomness.
pub fn hash(password: &str) -> Result<String, HashFault> {
    let mut salt = [0; SALT_BYTES];
    SystemRandom::new().fill(&mut salt).map_err(|_| HashFault)?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(|_| HashFault)?.to_string())
}

/// Whether a password has this hash. Takes as long for a wrong one as for the right one.
pub fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_has_its_hash() {
        let hashed = hash("correct horse").unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$"), "{hashed}");
        assert!(verify("correct horse", &hashed));
        assert!(!verify("correct horse ", &hashed));
        assert!(!verify("correct horse", "not a hash"));
        assert_ne!(hash("correct horse").unwrap(), hashed, "each has its salt");
    }
}
