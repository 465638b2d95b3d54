//! Durable mutable state: sled made really durable, and the verbs of the field on top of it.

mod batch;
mod contain;
mod engine;
mod fault;
mod fold;
mod inquiries;
mod key;
mod layers;
mod lists;
mod manifest;
mod open;
#[cfg(test)]
mod probe;
mod provisions;
mod record_book;
mod records;
mod redo;
mod replicas;
mod row;
mod staged;
mod state;
mod symbols;
mod tree;
mod under_way;
mod value;
mod writer;

use batch::Batch;
pub use batch::Version;
use engine::Engine;
pub use fault::StoreFault;
use key::Key;
pub use record_book::{Keeper, RecordBook, RecordFault, Recorded, SearchPlace};
pub use records::RecordPlace;
pub use replicas::ReplicaName;
pub use state::{BadToken, Page, PageOf, State};
pub use symbols::PersonAt;
