//! Durable mutable state: sled made really durable, and the verbs of the field on top of it.

mod batch;
mod batches;
mod change_file;
mod contain;
mod encoded_replica;
mod engine;
mod fault;
mod fold;
mod imports;
mod inquiries;
mod key;
mod layers;
mod lists;
mod manifest;
mod open;
mod operations;
#[cfg(test)]
mod probe;
mod provisions;
mod record_book;
mod records;
mod redo;
mod replicas;
mod row;
mod staff;
mod staged;
mod state;
mod symbols;
mod tree;
mod value;
mod writer;

use batch::Batch;
pub use batch::Version;
pub use batches::TakenFile;
pub use change_file::{ChangeDir, ChangeReader, ChangeWriter, ReplicaChange};
pub use encoded_replica::EncodedReplica;
use engine::Engine;
pub use fault::StoreFault;
pub use imports::PreparedChanges;
use key::Key;
pub use record_book::{Keeper, RecordBook, RecordFault, SearchPlace};
pub use records::RecordPlace;
pub use replicas::ReplicaName;
pub use staff::KeptAccount;
pub use state::{Page, PageOf, State};
pub use symbols::PersonAt;
