//! One file per service: decode, identify the caller, call the act, encode.

pub mod caller;
mod exchange;
mod fields;
mod inquiry;
mod messages;
mod population;
pub mod proto;
mod status;
mod symbol;
mod world;

pub use caller::{Caller, Surface};
pub use exchange::Exchanges;
pub use population::Populations;
pub use status::{code_of, status_of};

use tonic::service::Routes;

/// Every service on this surface. A request message has at most `message_bytes_max` bytes.
pub fn routes(surface: &Surface, message_bytes_max: usize) -> Routes {
    use proto::v1::inquiry_service_server::InquiryServiceServer;

    let inquiries = InquiryServiceServer::new(inquiry::Inquiries(surface.clone()))
        .max_decoding_message_size(message_bytes_max);
    Routes::new(inquiries)
}
pub use symbol::Symbols;
pub use world::WorldControls;
