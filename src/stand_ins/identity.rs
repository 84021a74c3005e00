//! An identity provider: it signs tokens and publishes its public keys (JWKS).

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

use super::http::{Listener, Misbehaviour, Shared};

/// The kinds of keys that such providers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    Rsa,
    P256,
    Ed25519,
}

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    private: EncodingKey,
    public_pem: Option<String>,
}

#[derive(Default)]
struct Book {
    keys: Vec<Key>,
    asked: usize,
    misbehaviour: Option<Misbehaviour>,
}

pub struct IdentityProvider {
    listener: Listener,
    book: Arc<Shared<Book>>,
}

impl IdentityProvider {
    /// With no key yet.
    pub async fn start() -> Self {
        let book = Arc::new(Shared::<Book>::default());
        let router = Router::new().route("/jwks.json", get(publish)).with_state(book.clone());
        Self { listener: Listener::serve(router).await, book }
    }

    /// Where its keys are.
    pub fn jwks_url(&self) -> String {
        format!("{}/jwks.json", self.listener.base)
    }

    /// Makes a key and publishes it.
    pub fn add(&self, kind: KeyKind, id: Option<&str>) {
        let rsa = || KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("an RSA key");
        let p256 = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a P-256 key");
        let (algorithm, private, public_pem) = match kind {
            KeyKind::Rsa => {
                let pair = rsa();
                (
                    Algorithm::RS256,
                    EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()),
                    Some(pair.public_key_pem()),
                )
            }
            KeyKind::P256 => {
                let pair = p256();
                (
                    Algorithm::ES256,
                    EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()),
                    Some(pair.public_key_pem()),
                )
            }
            KeyKind::Ed25519 => (Algorithm::EdDSA, Ok(EncodingKey::from_ed_der(&ed25519())), None),
        };
        let key = Key { id: id.map(str::to_owned), algorithm, private: private.expect("a private key"), public_pem };
        self.book.with(|book| book.keys.push(key));
    }

    /// Publishes none of its keys any more.
    pub fn withdraw_all(&self) {
        self.book.with(|book| book.keys.clear());
    }

    /// A token by its newest key.
    pub fn sign(&self, claims: &Value) -> String {
        self.book.with(|book| {
            let key = book.keys.last().expect("a key");
            let header = Header { kid: key.id.clone(), ..Header::new(key.algorithm) };
            encode(&header, claims, &key.private).expect("a token")
        })
    }

    /// The public half of its newest RSA or P-256 key, which everybody may have.
    pub fn public_pem(&self) -> String {
        self.book.with(|book| book.keys.iter().rev().find_map(|key| key.public_pem.clone()).expect("a key"))
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> usize {
        self.book.with(|book| book.asked)
    }

    /// What it does instead of publishing its keys.
    pub fn misbehave(&self, misbehaviour: Option<Misbehaviour>) {
        self.book.with(|book| book.misbehaviour = misbehaviour);
    }
}

/// A private key in the form of RFC 8410, 7 without its public half: the only one that `jsonwebtoken` derives that half from.
fn ed25519() -> Vec<u8> {
    const HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("random numbers");
    [HEAD.as_slice(), &seed].concat()
}

async fn publish(State(book): State<Arc<Shared<Book>>>) -> Response {
    let (misbehaviour, keys) = book.with(|book| {
        book.asked += 1;
        (book.misbehaviour.clone(), book.keys.iter().map(public).collect::<Vec<Value>>())
    });
    match misbehaviour {
        Some(misbehaviour) => misbehaviour.respond().await,
        None => Json(json!({ "keys": keys })).into_response(),
    }
}

fn public(key: &Key) -> Value {
    let mut jwk = Jwk::from_encoding_key(&key.private, key.algorithm).expect("a public key");
    jwk.common.key_id.clone_from(&key.id);
    json!(jwk)
}
