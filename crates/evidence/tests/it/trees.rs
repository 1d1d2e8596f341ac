//! The tree: Certificate Transparency's published vectors, and its definition for every small size.

use evidence::{Hash, ProofError, Tree, verify_consistency, verify_inclusion};

/// Leaves and roots of the test data of Certificate Transparency's log (also of the packages
/// `transparency-dev/merkle`).
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A leaf from 0 on, the size, and its audit path.
const INCLUSIONS: [(u64, u64, &[&str]); 5] = [
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (0, 1, &[]),
];

const CONSISTENCIES: [(u64, u64, &[&str]); 5] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];

fn hash(text: &str) -> Hash {
    text.parse().unwrap()
}

fn hashes(texts: &[&str]) -> Vec<Hash> {
    texts.iter().map(|text| hash(text)).collect()
}

fn published() -> Tree {
    let mut tree = Tree::default();
    LEAVES.iter().for_each(|leaf| tree.push(leaf));
    tree
}

#[test]
fn roots_are_the_published_ones() {
    let tree = published();
    assert_eq!(tree.root_at(0), Some(hash(EMPTY)));
    assert_eq!(Tree::default().root(), hash(EMPTY));
    for (size, root) in (1..).zip(ROOTS) {
        assert_eq!(tree.root_at(size), Some(hash(root)), "size {size}");
    }
    assert_eq!(tree.root(), hash(ROOTS[7]));
    assert_eq!(tree.root_at(9), None);
}

#[test]
fn proofs_are_the_published_ones() {
    let tree = published();
    for (leaf, size, path) in INCLUSIONS {
        let path = hashes(path);
        assert_eq!(tree.inclusion(leaf, size), Some(path.clone()), "{leaf} of {size}");
        let (of, root) = (Hash::leaf(LEAVES[leaf as usize]), hash(ROOTS[size as usize - 1]));
        assert_eq!(verify_inclusion((leaf, of), (size, root), &path), Ok(()));
    }
    for (first, second, path) in CONSISTENCIES {
        let path = hashes(path);
        assert_eq!(tree.consistency(first, second), Some(path.clone()), "{first} to {second}");
        let root = |size: u64| hash(ROOTS[size as usize - 1]);
        assert_eq!(verify_consistency((first, root(first)), (second, root(second)), &path), Ok(()));
    }
}

/// MTH of RFC 6962, section 2.1, word for word.
fn defined(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => Hash::of(b""),
        [leaf] => Hash::leaf(leaf),
        leaves => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            Hash::node(defined(&leaves[..split]), defined(&leaves[split..]))
        }
    }
}

#[test]
fn every_root_and_proof_up_to_forty_leaves_is_right_and_no_other_passes() {
    let leaves: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; usize::from(n)]).collect();
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(leaf));
    for size in 0..=40u64 {
        let root = tree.root_at(size).unwrap();
        assert_eq!(root, defined(&leaves[..size as usize]));
        for leaf in 0..size {
            check_inclusion(&tree, (leaf, Hash::leaf(&leaves[leaf as usize])), (size, root));
        }
        for first in 0..=size {
            check_consistency(&tree, (first, tree.root_at(first).unwrap()), (size, root));
        }
    }
}

fn check_inclusion(tree: &Tree, leaf: (u64, Hash), head: (u64, Hash)) {
    let path = tree.inclusion(leaf.0, head.0).unwrap();
    let proves = |leaf, head, path: &[Hash]| verify_inclusion(leaf, head, path).is_ok();
    assert!(proves(leaf, head, &path));
    for other in (0..head.0).filter(|other| *other != leaf.0) {
        assert!(!proves((other, leaf.1), head, &path), "{leaf:?} in the place {other}");
    }
    assert!(!proves((head.0, leaf.1), head, &path));
    assert!(!proves((leaf.0, Hash::of(b"x")), head, &path));
    assert!(!proves(leaf, (head.0, Hash::of(b"x")), &path));
    check_paths(&path, |path| proves(leaf, head, path));
}

fn check_consistency(tree: &Tree, first: (u64, Hash), second: (u64, Hash)) {
    let path = tree.consistency(first.0, second.0).unwrap();
    let proves = |first, second, path: &[Hash]| verify_consistency(first, second, path).is_ok();
    assert!(proves(first, second, &path));
    if first.0 == 0 {
        return;
    }
    assert!(!proves((first.0, Hash::of(b"x")), second, &path));
    assert!(!proves(first, (second.0, Hash::of(b"x")), &path));
    check_paths(&path, |path| proves(first, second, path));
    if first.0 < second.0 {
        assert_eq!(verify_consistency(second, first, &path), Err(ProofError::OutOfRange));
        assert!(!proves(first, second, &[]));
        assert!(!proves((first.0, second.1), (second.0, first.1), &path));
    }
}

/// A path with a bit changed, cut, made longer at either end, or with two hashes swapped.
fn check_paths(path: &[Hash], proves: impl Fn(&[Hash]) -> bool) {
    for at in 0..path.len() {
        let mut changed = path.to_vec();
        changed[at].0[at % 32] ^= 8;
        assert!(!proves(&changed), "a bit of {at}");
        assert!(!proves(&path[..at]), "cut at {at}");
        let mut swapped = path.to_vec();
        swapped.swap(0, at);
        assert!(at == 0 || !proves(&swapped), "swapped 0 and {at}");
    }
    let extra = Hash::of(b"extra");
    assert!(!proves(&[path, &[extra]].concat()), "longer");
    assert!(!proves(&[&[extra], path].concat()), "longer at the front");
}

#[test]
fn what_the_tree_does_not_have_is_not_proved() {
    let tree = published();
    assert_eq!(tree.inclusion(8, 8), None);
    assert_eq!(tree.inclusion(0, 9), None);
    assert_eq!(tree.inclusion(0, 0), None);
    assert_eq!(tree.consistency(5, 4), None);
    assert_eq!(tree.consistency(4, 9), None);
    let (one, other) = (Hash::of(b"1"), Hash::of(b"2"));
    assert!(verify_consistency((0, one), (0, other), &[]).is_err());
    assert!(verify_consistency((0, one), (1, other), &[]).is_ok());
    assert!(verify_consistency((0, one), (1, other), &[one]).is_err());
    assert!(verify_consistency((1, one), (2, other), &[]).is_err());
    assert!(verify_consistency((1, one), (1, one), &[one]).is_err());
}
