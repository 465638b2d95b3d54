//! Synthetic people, replicas and institutions, computed from a seed or read from definition files.

pub mod flaw;
pub mod layouts;
