//! Synthetic people, replicas and institutions, computed from a seed or read from definition files.

pub mod definitions;
pub mod flaw;
pub mod layouts;
