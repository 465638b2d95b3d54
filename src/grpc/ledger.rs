//! Proofs over the trees of the caller's institution, and the head of the core system's.

use tonic::{Request, Response, Status};

use super::{
    caller::{Entered, Surface},
    proto::v1::{self, ledger_service_server::LedgerService},
    status::{ToStatus, status_of},
};
use crate::{
    domain::refusal::{FieldFlaw, Refusal, Thing},
    ledger::{Checkpoint, LedgerFault, Owner, TreeId},
    world::WorldFault,
};

/// The service of checkpoints and proofs.
pub struct Ledgers(pub Surface);

#[tonic::async_trait]
impl LedgerService for Ledgers {
    async fn list_trees(
        &self,
        request: Request<v1::ListTreesRequest>,
    ) -> Result<Response<v1::ListTreesResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let trees = entered.world.records().ledger().trees().into_iter();
        let own = trees.filter(|(tree, _)| is_own(&entered, *tree));
        Ok(Response::new(v1::ListTreesResponse {
            trees: own
                .map(|(tree, size)| v1::Tree {
                    name: tree.to_string(),
                    size,
                })
                .collect(),
        }))
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let tree = readable_head(&entered, &request.get_ref().tree)?;
        Ok(Response::new(v1::GetCheckpointResponse {
            checkpoint: Some(encode(&checkpoint(&entered, tree).await?)),
        }))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let tree = parse(&message.tree)?;
        if !is_own(&entered, tree) {
            return Err(status_of(&Refusal::NotFound(Thing::Tree)));
        }
        let head = checkpoint(&entered, tree).await?;
        let ledger = entered.world.records().ledger();
        let leaf = found(ledger.read(tree, message.index), Thing::Leaf)?;
        let proof = ledger.inclusion_proof(tree, message.index, head.size);
        let path = found(proof, Thing::Leaf)?;
        Ok(Response::new(v1::GetInclusionProofResponse {
            checkpoint: Some(encode(&head)),
            path: path.into_iter().map(Vec::from).collect(),
            leaf_hash: leaf.leaf_hash.to_vec(),
            salt: leaf.salt.to_vec(),
            body: leaf.body,
            recorded_at_ms: leaf.at_ms,
        }))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let tree = readable_head(&entered, &message.tree)?;
        let head = checkpoint(&entered, tree).await?;
        if message.old_size == 0 || message.old_size > head.size {
            return Err(status_of(&Refusal::Malformed(vec![FieldFlaw::new(
                "old_size",
                format!("must be 1 to {}", head.size),
                format!("1から{}まで", head.size),
            )])));
        }
        let ledger = entered.world.records().ledger();
        let proof = ledger.consistency_proof(tree, message.old_size, head.size);
        Ok(Response::new(v1::GetConsistencyProofResponse {
            checkpoint: Some(encode(&head)),
            path: found(proof, Thing::Tree)?
                .into_iter()
                .map(Vec::from)
                .collect(),
        }))
    }
}

fn parse(text: &str) -> Result<TreeId, Status> {
    text.parse().map_err(|_| {
        status_of(&Refusal::Malformed(vec![FieldFlaw::new(
            "tree",
            "is not the name of a tree: <institution code>/<fiscal year>",
            "記録木の名前（機関コード/年度）ではありません",
        )]))
    })
}

fn is_own(entered: &Entered, tree: TreeId) -> bool {
    tree.owner.to_string() == entered.institution.as_str()
}

/// The caller's own tree or the core system's: of that everybody may see the head, which says nothing of a leaf.
fn readable_head(entered: &Entered, text: &str) -> Result<TreeId, Status> {
    let tree = parse(text)?;
    if is_own(entered, tree) || tree.owner == Owner::CORE {
        Ok(tree)
    } else {
        Err(status_of(&Refusal::NotFound(Thing::Tree)))
    }
}

async fn checkpoint(entered: &Entered, tree: TreeId) -> Result<Checkpoint, Status> {
    found(entered.world.checkpoint(tree).await, Thing::Tree)
}

fn found<T>(result: Result<T, LedgerFault>, thing: Thing) -> Result<T, Status> {
    match result {
        Err(LedgerFault::NotThere { .. } | LedgerFault::Destroyed(_)) => {
            Err(status_of(&Refusal::NotFound(thing)))
        }
        other => other.map_err(WorldFault::from).to_status(),
    }
}

fn encode(checkpoint: &Checkpoint) -> v1::Checkpoint {
    v1::Checkpoint {
        note: checkpoint.to_string(),
        size: checkpoint.size,
        root: checkpoint.root.to_vec(),
    }
}
