//! Synthetic people, replicas and institutions, computed from a seed or read from definition files.

mod bijection;
pub mod definitions;
pub mod expected;
pub mod flaw;
pub mod flawed_inquiries;
pub mod flawed_replicas;
pub mod inquiry_files;
pub mod layouts;
pub mod names;
mod page;
pub mod population;
pub mod replica_files;
pub mod replicas;
pub mod situation;
pub mod staff;
mod tax;
mod values;
