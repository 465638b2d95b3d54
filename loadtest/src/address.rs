//! Whom a load may be put on: this machine, and others only for those who say that they are theirs.

use std::net::SocketAddr;

use tokio::net::lookup_host;

use crate::Fault;

/// Finds out where `target` (`host:port`) is.
///
/// # Errors
/// When it is nowhere, or anywhere but on this machine and `is_own` was not said.
pub(crate) async fn checked(target: &str, is_own: bool) -> Result<(), Fault> {
    let found = lookup_host(target).await;
    let found = found.map_err(|fault| format!("{target}: {fault}; write HOST:PORT"))?;
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        return Err(format!("{target} has no address").into());
    }
    refuse_strangers(&found, is_own)
}

fn refuse_strangers(found: &[SocketAddr], is_own: bool) -> Result<(), Fault> {
    let stranger = found
        .iter()
        .find(|at| !at.ip().to_canonical().is_loopback());
    match stranger.filter(|_| !is_own) {
        None => Ok(()),
        Some(at) => Err(format!(
            "{at} is not on this machine: a load on somebody else's server is an attack; say --i-own-this-target if it is yours"
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(found: &[&str], is_own: bool) -> bool {
        let found: Vec<_> = found.iter().map(|at| at.parse().unwrap()).collect();
        refuse_strangers(&found, is_own).is_err()
    }

    #[test]
    fn only_this_machine_is_loaded_unless_somebody_says_that_another_is_theirs() {
        for own in [
            "127.0.0.1:1",
            "127.8.8.8:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(!refused(&[own], false), "{own}");
        }
        for other in [
            "192.0.2.1:1",
            "[2001:db8::1]:1",
            "0.0.0.0:1",
            "[::ffff:192.0.2.1]:1",
        ] {
            assert!(refused(&[other], false), "{other}");
            assert!(refused(&["127.0.0.1:1", other], false), "{other}");
            assert!(!refused(&[other], true), "{other}");
        }
    }
}
