//! The signatures of a test's DNS (RFC 4034), by a key of its own for the root.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

pub(super) const DNSKEY: u16 = 48;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;

/// ECDSA P-256 with SHA-256.
const ALGORITHM: u8 = 13;

/// How long records live, in seconds.
const LIFETIME: [u8; 4] = [0, 0, 0, 60];

/// A record, as it goes over the wire.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// The labels of its name.
    pub owner: Vec<u8>,
    pub kind: u16,
    pub data: Vec<u8>,
}

impl Record {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = u16::try_from(self.data.len()).unwrap().to_be_bytes();
        let kind = self.kind.to_be_bytes();
        [&self.owner[..], &kind, &[0, 1], &LIFETIME, &length, &self.data].concat()
    }
}

/// The key of the root, which signs all names.
#[derive(Debug)]
pub(super) struct Signer {
    key: EcdsaKeyPair,
}

impl Signer {
    pub(super) fn new() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self { key: EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap() }
    }

    /// Returns the data of the root's DNSKEY record: it signs keys and records alike.
    pub(super) fn dnskey(&self) -> Vec<u8> {
        // Without the sign that the point is not compressed.
        [&[1, 1, 3, ALGORITHM], &self.key.public_key().as_ref()[1..]].concat()
    }

    /// Returns the digest of the key as a line that a resolver trusts.
    pub(super) fn anchor(&self) -> String {
        let sum = digest(&SHA256, &[&[0], &self.dnskey()[..]].concat());
        let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!(". IN DS {} {ALGORITHM} 2 {sum}\n", self.tag())
    }

    /// Returns the number that signatures name the key by (RFC 4034, appendix B).
    fn tag(&self) -> u16 {
        let key = self.dnskey();
        let words =
            key.chunks(2).map(|it| u32::from(it[0]) << 8 | u32::from(*it.get(1).unwrap_or(&0)));
        let sum: u32 = words.sum();
        u16::try_from((sum + (sum >> 16)) & 0xffff).unwrap()
    }

    /// Signs the records of a name that are of one type.
    pub(super) fn signature(&self, records: &[Record]) -> Record {
        let Record { owner, kind, .. } = records[0].clone();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let time = |seconds: u64| u32::try_from(seconds).unwrap().to_be_bytes();
        let mut data = kind.to_be_bytes().to_vec();
        data.extend([ALGORITHM, labels(&owner)]);
        data.extend(LIFETIME);
        data.extend(time(now + 86_400));
        data.extend(time(now - 3600));
        data.extend(self.tag().to_be_bytes());
        // The root signs.
        data.push(0);
        let mut sorted = records.to_vec();
        sorted.sort_by(|a, b| a.data.cmp(&b.data));
        let signed = sorted.iter().fold(data.clone(), |all, it| [all, it.bytes()].concat());
        data.extend(self.key.sign(&SystemRandom::new(), &signed).unwrap().as_ref());
        Record { owner, kind: RRSIG, data }
    }

    /// Returns the record that a name has these types of records and no others.
    pub(super) fn denial(owner: &[u8], types: impl IntoIterator<Item = u16>) -> Record {
        // The next name there can be.
        let mut data = [&[1, 0], owner].concat();
        let mut bits = [0_u8; 32];
        for kind in types.into_iter().chain([RRSIG, NSEC]) {
            bits[usize::from(kind / 8)] |= 0x80 >> (kind % 8);
        }
        data.extend([0, 32]);
        data.extend(bits);
        Record { owner: owner.to_vec(), kind: NSEC, data }
    }
}

/// Counts the labels of a name.
fn labels(owner: &[u8]) -> u8 {
    let (mut count, mut at) = (0, 0);
    while owner[at] != 0 {
        at += 1 + usize::from(owner[at]);
        count += 1;
    }
    count
}
