//! Compiles the `.proto` files with protox, so that nobody needs `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const PROTOS: &[&str] = &[
    "chukan/v1/addressee.proto",
    "chukan/v1/batch.proto",
    "chukan/v1/correction.proto",
    "chukan/v1/inquiry.proto",
    "chukan/v1/ledger.proto",
    "chukan/v1/permission_list.proto",
    "chukan/v1/portal.proto",
    "chukan/v1/provision.proto",
    "chukan/v1/provision_record.proto",
    "chukan/v1/replica.proto",
    "chukan/v1/resident.proto",
    "chukan/v1/sealing_key.proto",
    "chukan/v1/staff.proto",
    "chukan/v1/symbol.proto",
    "chukan/v1/system.proto",
    "chukan/sim/v1/backup.proto",
    "chukan/sim/v1/exchange.proto",
    "chukan/sim/v1/population.proto",
    "chukan/sim/v1/network.proto",
    "chukan/sim/v1/reconcile.proto",
    "chukan/sim/v1/resident_network.proto",
    "chukan/sim/v1/world.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    // Reflection serves the same bytes that the code is made from.
    let out = PathBuf::from(env::var("OUT_DIR")?).join("chukan.binpb");
    fs::write(out, descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
