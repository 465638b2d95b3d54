//! Which services and methods exist, as their descriptors say.

use prost::{DecodeError, Message as _};
use prost_types::FileDescriptorSet;

use crate::grpc::proto::FILE_DESCRIPTOR_SET;

/// Every descriptor set that is served: ours, health and reflection.
pub(super) const DESCRIPTOR_SETS: [&[u8]; 4] = [
    FILE_DESCRIPTOR_SET,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// The full names of our own services, such as `chukan.v1.InquiryService`.
pub(super) fn our_services() -> Result<Vec<String>, DecodeError> {
    let described = services(FILE_DESCRIPTOR_SET)?;
    Ok(described.into_iter().map(|(name, _)| name).collect())
}

/// The paths of all methods, such as `/chukan.v1.InquiryService/SubmitInquiry`.
pub(super) fn method_paths() -> Result<Vec<String>, DecodeError> {
    let mut paths = Vec::new();
    for set in DESCRIPTOR_SETS {
        for (service, methods) in services(set)? {
            paths.extend(methods.iter().map(|method| format!("/{service}/{method}")));
        }
    }
    Ok(paths)
}

fn services(encoded: &[u8]) -> Result<Vec<(String, Vec<String>)>, DecodeError> {
    let set = FileDescriptorSet::decode(encoded)?;
    let files = set.file.iter();
    let named = files.flat_map(|file| {
        file.service.iter().map(|service| {
            let methods = service.method.iter();
            let names = methods.map(|method| method.name().to_owned()).collect();
            (format!("{}.{}", file.package(), service.name()), names)
        })
    });
    Ok(named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_services_health_and_reflection_are_known() {
        let ours = our_services().unwrap();
        assert!(
            ours.contains(&"chukan.v1.InquiryService".to_owned()),
            "{ours:?}"
        );
        assert!(
            ours.iter().all(|name| name.starts_with("chukan.")),
            "{ours:?}"
        );
        let paths = method_paths().unwrap();
        for path in [
            "/grpc.health.v1.Health/Check",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            assert!(paths.iter().any(|known| known == path), "{path}");
        }
    }
}
