//! One file per service: decode, identify the caller, call the act, encode.

mod addressee;
mod addressee_messages;
mod attachment;
mod backup;
mod batch;
mod batch_messages;
pub mod caller;
mod correction;
mod deciding;
mod download;
mod exchange;
mod fields;
mod finding;
mod inquiry;
mod ledger;
mod mass_acquisition;
mod messages;
mod network;
mod permission_list;
mod place;
mod population;
mod portal;
pub mod proto;
mod provision;
mod provision_record;
mod reconcile;
mod replica;
mod replica_export;
mod replica_import;
mod resident;
mod resident_messages;
mod resident_network;
mod sealing_key;
mod staff;
mod status;
mod symbol;
mod system;
#[cfg(test)]
mod tests;
mod world;

use tonic::service::Routes;

pub use caller::{Caller, ReachedAt, Surface};
pub use download::{DOWNLOADS_PATH, Fetch};
pub use status::{code_of, refusal_of, status_of};

use proto::{
    sim::v1::{
        backup_service_server::BackupServiceServer, exchange_service_server::ExchangeServiceServer,
        network_service_server::NetworkServiceServer,
        population_service_server::PopulationServiceServer,
        reconcile_service_server::ReconcileServiceServer,
        resident_network_service_server::ResidentNetworkServiceServer,
        world_service_server::WorldServiceServer,
    },
    v1::{
        addressee_service_server::AddresseeServiceServer, batch_service_server::BatchServiceServer,
        correction_service_server::CorrectionServiceServer,
        inquiry_service_server::InquiryServiceServer, ledger_service_server::LedgerServiceServer,
        permission_list_service_server::PermissionListServiceServer,
        portal_service_server::PortalServiceServer,
        provision_record_service_server::ProvisionRecordServiceServer,
        provision_service_server::ProvisionServiceServer,
        replica_service_server::ReplicaServiceServer,
        resident_service_server::ResidentServiceServer,
        sealing_key_service_server::SealingKeyServiceServer,
        staff_service_server::StaffServiceServer, symbol_service_server::SymbolServiceServer,
        system_service_server::SystemServiceServer,
    },
};

/// Every service on this surface. A request message has at most `message_bytes_max` bytes.
pub fn routes(surface: &Surface, message_bytes_max: usize) -> Routes {
    macro_rules! service {
        ($server:ident, $service:path) => {
            $server::new($service(surface.clone())).max_decoding_message_size(message_bytes_max)
        };
    }
    Routes::new(service!(InquiryServiceServer, inquiry::Inquiries))
        .add_service(service!(AddresseeServiceServer, addressee::Addressees))
        .add_service(service!(BatchServiceServer, batch::Batches))
        .add_service(service!(CorrectionServiceServer, correction::Corrections))
        .add_service(service!(LedgerServiceServer, ledger::Ledgers))
        .add_service(service!(ProvisionServiceServer, provision::Provisions))
        .add_service(service!(ReplicaServiceServer, replica::Replicas))
        .add_service(service!(
            ProvisionRecordServiceServer,
            provision_record::ProvisionRecords
        ))
        .add_service(service!(
            PermissionListServiceServer,
            permission_list::PermissionLists
        ))
        .add_service(service!(ResidentServiceServer, resident::Residents))
        .add_service(service!(PortalServiceServer, portal::Portals))
        .add_service(service!(SealingKeyServiceServer, sealing_key::SealingKeys))
        .add_service(service!(StaffServiceServer, staff::Staff))
        .add_service(service!(SymbolServiceServer, symbol::Symbols))
        .add_service(service!(SystemServiceServer, system::Systems))
        .add_service(service!(BackupServiceServer, backup::Backups))
        .add_service(service!(ExchangeServiceServer, exchange::Exchanges))
        .add_service(service!(PopulationServiceServer, population::Populations))
        .add_service(service!(NetworkServiceServer, network::Networks))
        .add_service(service!(ReconcileServiceServer, reconcile::Reconciles))
        .add_service(service!(
            ResidentNetworkServiceServer,
            resident_network::ResidentNetworks
        ))
        .add_service(service!(WorldServiceServer, world::WorldControls))
}
