//! Compiles the yardstick's proto with protox, and keeps its descriptors.

use std::{env, fs, path::Path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).open_file("echo.proto")?;
    let out = env::var_os("OUT_DIR").ok_or("cargo names no OUT_DIR")?;
    let kept = Path::new(&out).join("echo.binpb");
    fs::write(kept, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
