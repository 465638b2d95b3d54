//! The messages, clients and servers made from `proto/`.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "made by tonic-prost-build; the documentation is in the .proto files"
)]

/// The faithful surface: package `chukan.v1`.
pub mod v1 {
    tonic::include_proto!("chukan.v1");
}

/// The simulator's controls: packages `chukan.sim.*`.
pub mod sim {
    /// Package `chukan.sim.v1`.
    pub mod v1 {
        tonic::include_proto!("chukan.sim.v1");
    }
}

/// The serialized `FileDescriptorSet` of all packages, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/chukan.binpb"));
