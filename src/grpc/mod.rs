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
#[cfg(test)]
mod tests;
mod world;

pub use caller::{Caller, Surface};
pub use exchange::Exchanges;
pub use population::Populations;
pub use status::{code_of, status_of};
pub use symbol::Symbols;
pub use world::WorldControls;
