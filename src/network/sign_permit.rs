//! Permits that are ready at the same moment get one signature of the core system (ADR 0008).

use std::{
    mem,
    sync::{Mutex, PoisonError},
};

use tokio::{
    sync::oneshot::{self, Sender},
    task::yield_now,
};

use super::NetworkFault;
use crate::{crypto::signing::SigningKey, ledger::group_signature::sign_together};

/// The permits that wait for the signature of whoever looks next.
#[derive(Debug, Default)]
pub(super) struct WaitingPermits(Mutex<Waiting>);

/// Messages, and in the same order where their signatures go.
#[derive(Debug, Default)]
struct Waiting {
    messages: Vec<Vec<u8>>,
    signatures: Vec<Sender<Vec<u8>>>,
}

impl WaitingPermits {
    /// Signs `message` with all others that came until every task that is ready to run has had its turn. There is no timer:
    /// when no other is ready it is signed at once, alone.
    ///
    /// Each that waits looks after its turn, so it does not matter whether another who waits goes away.
    ///
    /// # Errors
    /// When the task that had taken it to sign has ended by a panic.
    pub(super) async fn sign(
        &self,
        key: &SigningKey,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, NetworkFault> {
        let (sender, signature) = oneshot::channel();
        {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.messages.push(message);
            waiting.signatures.push(sender);
        }
        yield_now().await;
        let group = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let signed = sign_together(key, &group.messages);
        for (sender, signature) in group.signatures.into_iter().zip(signed) {
            // Who does not take it has gone away.
            drop(sender.send(signature));
        }
        signature.await.map_err(|_| NetworkFault::NotSigned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::group_signature::GroupVerifier;

    #[tokio::test]
    async fn one_that_waits_alone_has_a_signature_of_its_own() {
        let key = SigningKey::generate().unwrap();
        let waiting = WaitingPermits::default();
        let signature = waiting.sign(&key, b"alone".to_vec()).await.unwrap();
        assert_eq!(key.verifying_key().verify(b"alone", &signature), Ok(()));
    }

    #[tokio::test]
    async fn those_that_wait_together_are_signed_together_each_its_own_message() {
        let key = SigningKey::generate().unwrap();
        let waiting = WaitingPermits::default();
        let [one, other] = [b"one".to_vec(), b"other".to_vec()];
        let (first, second) = tokio::join!(
            waiting.sign(&key, one.clone()),
            waiting.sign(&key, other.clone())
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first[..64], second[..64], "one signature for both");
        let verifier = GroupVerifier::new(key.verifying_key());
        assert_eq!(verifier.verify(&one, &first), Ok(()));
        assert_eq!(verifier.verify(&other, &second), Ok(()));
        assert!(verifier.verify(&one, &second).is_err());
    }

    #[tokio::test]
    async fn one_that_goes_away_keeps_nobody_waiting() {
        let key = SigningKey::generate().unwrap();
        let waiting = WaitingPermits::default();
        let mut gone = Box::pin(waiting.sign(&key, b"gone".to_vec()));
        assert!(futures_pending(gone.as_mut()).await);
        drop(gone);
        let signature = waiting.sign(&key, b"stays".to_vec()).await.unwrap();
        let verifier = GroupVerifier::new(key.verifying_key());
        assert_eq!(verifier.verify(b"stays", &signature), Ok(()));
    }

    /// Polls once.
    async fn futures_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
        })
        .await
    }
}
