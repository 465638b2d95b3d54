//! SCM, セキュリティ: the keys that answers to the caller's institution are sealed to.

use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::{Fields, timestamp},
    proto::v1::{self, sealing_key_service_server::SealingKeyService},
    status::ToStatus,
};
use crate::{crypto::sealing_key::SealingPublicKey, domain::sealing_key::RegisteredKey};

/// The service of the family SCM.
pub struct SealingKeys(pub Surface);

#[tonic::async_trait]
impl SealingKeyService for SealingKeys {
    async fn register_sealing_key(
        &self,
        request: Request<v1::RegisterSealingKeyRequest>,
    ) -> Result<Response<v1::RegisterSealingKeyResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let now = entered.world.now();
        let mut fields = Fields::default();
        let key = fields.public_key("public_key", &message.public_key);
        let from = fields.time("valid_from", message.valid_from).unwrap_or(now);
        let to = fields.time("valid_to", message.valid_to);
        if message.valid_to.is_none() {
            fields.flaw("valid_to", "is required", "必須項目です");
        }
        let (key, to) = fields.finish(key.zip(to))?;
        let registered = entered
            .see_through(move |world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.register_sealing_key(&key, (from, to), now).await?)
            })
            .await?;
        Ok(Response::new(v1::RegisterSealingKeyResponse {
            key: Some(encode(&registered)),
        }))
    }

    async fn list_sealing_keys(
        &self,
        request: Request<v1::ListSealingKeysRequest>,
    ) -> Result<Response<v1::ListSealingKeysResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let server = entered.server()?;
        let own = server.own_sealing_key();
        let registered = server.sealing_keys().to_status()?;
        let keys = own.as_ref().map(encode_own).into_iter();
        Ok(Response::new(v1::ListSealingKeysResponse {
            keys: keys.chain(registered.iter().map(encode)).collect(),
        }))
    }

    async fn revoke_sealing_key(
        &self,
        request: Request<v1::RevokeSealingKeyRequest>,
    ) -> Result<Response<v1::RevokeSealingKeyResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let fingerprint = request.into_inner().fingerprint;
        let revoked = entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.revoke_sealing_key(&fingerprint, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::RevokeSealingKeyResponse {
            key: Some(encode(&revoked)),
        }))
    }
}

fn encode(key: &RegisteredKey) -> v1::SealingKey {
    v1::SealingKey {
        fingerprint: key.fingerprint.clone(),
        public_key: key.public_key.to_vec(),
        valid_from: Some(timestamp(key.valid_from)),
        valid_to: Some(timestamp(key.valid_to)),
        held_by_server: false,
    }
}

fn encode_own(key: &SealingPublicKey) -> v1::SealingKey {
    v1::SealingKey {
        fingerprint: key.fingerprint().to_string(),
        public_key: key.as_bytes().to_vec(),
        valid_from: None,
        valid_to: None,
        held_by_server: true,
    }
}
