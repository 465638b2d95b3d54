//! Synthetic people, replicas and institutions, computed from a seed or read from definition files.

mod bijection;
pub mod definitions;
pub mod flaw;
pub mod layouts;
pub mod names;
mod page;
pub mod population;
pub mod replicas;
pub mod situation;
mod tax;
mod values;
