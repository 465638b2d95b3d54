//! Durable mutable state: sled made really durable, and the verbs of the field on top of it.

mod addressees;
mod batch;
mod contain;
mod engine;
mod fault;
mod inquiries;
mod key;
mod lists;
mod manifest;
mod open;
#[cfg(test)]
mod probe;
mod provisions;
mod record_book;
mod records;
mod replicas;
mod row;
mod staged;
mod state;
mod symbol_requests;
mod symbols;
mod tree;
mod value;
mod writer;

pub use addressees::AddresseeChange;
use batch::Batch;
pub use batch::Version;
use engine::Engine;
pub use fault::StoreFault;
use key::Key;
pub use record_book::{Keeper, RecordBook, RecordFault, SearchPlace};
pub use records::RecordPlace;
pub use replicas::ReplicaName;
pub use state::{Page, PageOf, State};
pub use symbol_requests::InTransit;
pub use symbols::PersonAt;
