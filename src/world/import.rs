//! Takes over a file of replicas inside a world; closing the world interrupts it, opening the world goes on with it.

use std::{ops::ControlFlow, sync::Arc};

use tokio::sync::watch;

use super::{World, WorldFault};
use crate::{
    domain::{codes::InstitutionCode, replica_import::ReplicaImport},
    institution::CheckedFile,
};

impl World {
    /// Takes over a checked file; `told` always shows how far it is. It goes on when the caller leaves.
    ///
    /// # Errors
    /// When the file is refused, the records or the state cannot be written, or the world is being closed.
    pub async fn take_over(
        self: &Arc<Self>,
        institution: InstitutionCode,
        checked: CheckedFile,
        told: watch::Sender<Option<ReplicaImport>>,
    ) -> Result<ReplicaImport, WorldFault> {
        let world = Arc::clone(self);
        self.see_through(async move {
            let tell = |import: &ReplicaImport| {
                told.send_replace(Some(import.clone()));
                if world.closing.is_cancelled() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let server = world.server(institution)?;
            let import = server.take_over(checked, world.now(), tell).await?;
            if import.is_finished() {
                Ok(import)
            } else {
                Err(WorldFault::Stopped)
            }
        })
        .await
    }
}
