//! Synthetic people, replicas and institutions, computed from a seed or read from definition files.

mod bijection;
pub mod definitions;
pub mod flaw;
pub mod layouts;
pub mod names;
pub mod population;
pub mod replicas;
pub mod situation;
pub mod staff;
mod tax;
mod values;
