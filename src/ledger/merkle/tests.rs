//! Known answers and properties of the Merkle trees.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

/// Leaves and roots of the reference test tree of Certificate Transparency.
/// Source: google/certificate-transparency `cpp/merkletree/merkle_tree_test.cc`, also in transparency-dev/merkle
/// `testonly/constants.go`.
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn unhex(text: &str) -> Hash {
    HEXLOWER
        .decode(text.as_bytes())
        .unwrap()
        .try_into()
        .unwrap()
}

fn reference() -> Tree {
    let mut tree = Tree::default();
    for leaf in LEAVES {
        tree.push(hash_leaf(&HEXLOWER.decode(leaf.as_bytes()).unwrap()));
    }
    tree
}

fn counting(size: u64) -> Tree {
    let mut tree = Tree::default();
    for number in 0..size {
        tree.push(hash_leaf(&number.to_be_bytes()));
    }
    tree
}

#[test]
fn the_roots_are_the_published_ones() {
    let tree = reference();
    for (size, root) in (0..).zip(ROOTS) {
        assert_eq!(tree.view().root(size), Some(unhex(root)), "size {size}");
    }
    assert_eq!(tree.view().root(9), None);
}

/// Source: the `precomputed_paths` of the test named above (leaves counted there from one).
#[test]
fn the_inclusion_proofs_are_the_published_ones() {
    let tree = reference();
    let path = |steps: &[&str]| Some(steps.iter().map(|step| unhex(step)).collect::<Vec<_>>());
    assert_eq!(tree.view().inclusion_proof(0, 1), path(&[]));
    assert_eq!(
        tree.view().inclusion_proof(0, 8),
        path(&[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ])
    );
    assert_eq!(
        tree.view().inclusion_proof(5, 8),
        path(&[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ])
    );
}

/// Source: the `precomputed_proofs` of the test named above.
#[test]
fn the_consistency_proofs_are_the_published_ones() {
    let tree = reference();
    let path = |steps: &[&str]| Some(steps.iter().map(|step| unhex(step)).collect::<Vec<_>>());
    assert_eq!(tree.view().consistency_proof(1, 1), path(&[]));
    assert_eq!(
        tree.view().consistency_proof(1, 8),
        path(&[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ])
    );
    assert_eq!(
        tree.view().consistency_proof(6, 8),
        path(&[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ])
    );
    assert_eq!(
        tree.view().consistency_proof(2, 5),
        path(&[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ])
    );
}

/// The definition of the Merkle tree hash, word by word. Source: RFC 6962 §2.1.
fn defined(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let middle = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(middle);
            hash_children(&defined(left), &defined(right))
        }
    }
}

#[test]
fn every_root_is_the_defined_one() {
    let tree = counting(300);
    for size in 0..=300 {
        let expected = defined(&tree.leaves[..usize::try_from(size).unwrap()]);
        assert_eq!(tree.view().root(size), Some(expected), "size {size}");
    }
}

proptest! {
    #[test]
    fn an_inclusion_proof_verifies_and_no_altered_one_does(size in 1_u64..400, at in any::<u64>(), flip in any::<(usize, u8)>()) {
        let (tree, index) = (counting(size), at % size);
        let leaf = tree.leaf(index).unwrap();
        let root = tree.view().root(size).unwrap();
        let proof = tree.view().inclusion_proof(index, size).unwrap();
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
        let mut bytes = [leaf.to_vec(), root.to_vec(), proof.concat()].concat();
        let place = flip.0 % bytes.len();
        bytes[place] ^= flip.1.max(1);
        let hashes: Vec<Hash> = bytes.chunks(32).map(|hash| hash.try_into().unwrap()).collect();
        prop_assert_eq!(verify_inclusion(&hashes[0], index, size, &hashes[2..], &hashes[1]), Err(BadProof));
        if size > 1 {
            prop_assert_eq!(verify_inclusion(&leaf, (index + 1) % size, size, &proof, &root), Err(BadProof));
            prop_assert_eq!(verify_inclusion(&leaf, index, size, &proof[1..], &root), Err(BadProof));
        }
        let longer = [proof, vec![root]].concat();
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &longer, &root), Err(BadProof));
    }

    #[test]
    fn a_consistency_proof_verifies_and_no_altered_one_does(new in 2_u64..400, at in any::<u64>(), flip in any::<(usize, u8)>()) {
        let (tree, old) = (counting(new), 1 + at % (new - 1));
        let (old_root, new_root) = (tree.view().root(old).unwrap(), tree.view().root(new).unwrap());
        let proof = tree.view().consistency_proof(old, new).unwrap();
        prop_assert_eq!(verify_consistency(old, new, &old_root, &new_root, &proof), Ok(()));
        let mut bytes = [old_root.to_vec(), new_root.to_vec(), proof.concat()].concat();
        let place = flip.0 % bytes.len();
        bytes[place] ^= flip.1.max(1);
        let hashes: Vec<Hash> = bytes.chunks(32).map(|hash| hash.try_into().unwrap()).collect();
        prop_assert_eq!(verify_consistency(old, new, &hashes[0], &hashes[1], &hashes[2..]), Err(BadProof));
        prop_assert_eq!(verify_consistency(old, new, &old_root, &new_root, &proof[1..]), Err(BadProof));
        prop_assert_eq!(verify_consistency(new, old, &new_root, &old_root, &proof), Err(BadProof));
    }
}
