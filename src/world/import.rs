//! Takes in and over a file of replicas inside a world; closing the world interrupts it, opening the world goes on with it.

use std::{ops::ControlFlow, sync::Arc};

use tokio::sync::watch;

use super::{World, WorldFault};
use crate::{
    addressee::AddresseeFault,
    domain::{
        addressee::LocalName,
        codes::InstitutionCode,
        replica_file::{FileMisfit, FileNumbers},
        replica_import::ReplicaImport,
        words::SystemName,
    },
    institution::{CheckedFile, ImportPlan, Importing},
};

impl World {
    /// Begins to take in a file of replicas of an institution, or of its business system that speaks 宛名番号.
    ///
    /// # Errors
    /// As `IntermediateServer::begin_import`.
    pub fn begin_import(
        &self,
        institution: InstitutionCode,
        system: Option<SystemName>,
        plan: ImportPlan,
    ) -> Result<Importing<'_>, WorldFault> {
        let numbers = match system {
            None => FileNumbers::Addressee,
            Some(system) => {
                let addressees = self.addressees(institution)?;
                FileNumbers::Local(Arc::new(move |number| {
                    let (system, number) = (system.clone(), number.clone());
                    let found = addressees.addressee_of(&LocalName { system, number });
                    found.map_err(|fault| match fault {
                        AddresseeFault::Refused(_) => FileMisfit::UnknownNumber,
                        _ => FileMisfit::AddresseesUnread,
                    })
                }))
            }
        };
        let server = self.server(institution)?;
        Ok(server.begin_import(plan, numbers, self.now())?)
    }

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
