//! Encrypts positions for clients. A plain position would show a guest how much is written to tables that
//! they may not read. They are also authenticated: a client that could make one up would receive changes from
//! before its first visit.
//!
//! The same position is encrypted to the same text each time, so that equal answers are equal to the byte.
//! AES-GCM-SIV is safe for that (RFC 8452, section 4): it reveals that two positions are equal, and nothing
//! else.

use std::sync::Arc;

use crate::model::ids::{Position, SealedPosition};
use crate::model::value::Value;
use crate::store::own::{OwnRow, OwnStatement};
use aes_gcm_siv::aead::{Aead, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Key, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The nonce of all positions: a constant, so that equal positions have equal texts.
const NONCE: [u8; 12] = [0; 12];
/// Positions are padded to a multiple of this many bytes, so that their length reveals nothing.
const BLOCK: usize = 32;
/// The longest text that may be a sealed position, in bytes.
const MAX_LENGTH: usize = 1_024;

/// Encrypts and decrypts positions with the key of a database, so that all servers of one database can open
/// the positions of the others.
#[derive(Clone)]
pub struct PositionSeal(Arc<Aes256GcmSiv>);

impl PositionSeal {
    /// The statement that stores a new random key, unless the database has one.
    pub(super) fn make_key() -> OwnStatement {
        let sql = "insert into _pagetide_meta (key, value) values ('position-key', $1)
                   on conflict (key) do nothing";
        let key = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        OwnStatement::new(sql, vec![Value::text(key)])
    }

    /// The statement that selects the key.
    pub(super) fn select_key() -> OwnStatement {
        let sql = "select value from _pagetide_meta where key = 'position-key'";
        OwnStatement::new(sql, Vec::new())
    }

    /// Returns the seal of the key in these rows of [`select_key`](Self::select_key).
    pub(super) fn of(rows: &[OwnRow]) -> Self {
        let kept = rows.first().map_or("", |row| row.always_text(0));
        let decoded = URL_SAFE_NO_PAD.decode(kept).unwrap_or_default();
        // If the stored key is damaged, a random one is used, and no client can resume after a restart.
        let key = <[u8; 32]>::try_from(decoded).unwrap_or_else(|_| rand::random());
        Self(Arc::new(Aes256GcmSiv::new(&Key::<Aes256GcmSiv>::from(key))))
    }

    /// Encrypts a position for a client.
    pub fn seal(&self, position: &Position) -> SealedPosition {
        let mut text = position.as_str().as_bytes().to_vec();
        text.resize(text.len().next_multiple_of(BLOCK), b' ');
        let sealed = self.0.encrypt(&Nonce::from(NONCE), text.as_slice());
        SealedPosition::new(URL_SAFE_NO_PAD.encode(sealed.expect("it is shorter than 64 GiB")))
    }

    /// Decrypts the position of a client. If it was not made by this seal, returns an empty position, which
    /// belongs to no history.
    pub fn open(&self, sealed: &SealedPosition) -> Position {
        Position::new(self.opened(sealed.as_str()).unwrap_or_default())
    }

    fn opened(&self, sealed: &str) -> Option<String> {
        let bytes = (sealed.len() <= MAX_LENGTH).then(|| URL_SAFE_NO_PAD.decode(sealed).ok())??;
        let text = self.0.decrypt(&Nonce::from(NONCE), bytes.as_slice()).ok()?;
        Some(String::from_utf8(text).ok()?.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> PositionSeal {
        let key = OwnRow(PositionSeal::make_key().values);
        let made = PositionSeal::of(std::slice::from_ref(&key));
        let kept = PositionSeal::of(&[key]);
        let sealed = made.seal(&Position::new("1"));
        assert_eq!(kept.open(&sealed), Position::new("1"), "the key is kept");
        made
    }

    #[test]
    fn what_is_sealed_says_nothing_and_opens_again() {
        let seal = seal();
        let mut lengths = Vec::new();
        for text in ["1", "abcdef01-1-0", "abcdef01-9223372036854775807-fff"] {
            let position = Position::new(text);
            let sealed = seal.seal(&position);
            assert_eq!(sealed, seal.seal(&position));
            assert_eq!(seal.open(&sealed), position);
            lengths.push(sealed.as_str().len());
        }
        lengths.dedup();
        assert_eq!(lengths.len(), 1, "{lengths:?}");
    }

    #[test]
    fn what_nobody_sealed_is_of_no_history() {
        let (seal, other) = (seal(), seal());
        let sealed = seal.seal(&Position::new("1"));
        let mut texts: Vec<String> =
            ["", "-", "deadbeef-3", "abcdef01-0-0", "AAAA", "\u{e9}"].map(str::to_owned).into();
        texts.push(other.seal(&Position::new("1")).as_str().to_owned());
        texts.push("A".repeat(100_000));
        texts.extend((0..sealed.as_str().len()).map(|at| {
            let mut bent = sealed.as_str().as_bytes().to_vec();
            bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bent).unwrap()
        }));
        for text in texts {
            assert_eq!(seal.open(&SealedPosition::new(text.as_str())), Position::new(""), "{text}");
        }
    }
}
