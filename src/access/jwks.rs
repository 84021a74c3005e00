//! The public keys of an identity provider, as it publishes them (JSON Web Key Set, RFC 7517).

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::VerifyingKey;

#[derive(Debug, thiserror::Error)]
#[error("the answer is no JSON Web Key Set")]
pub struct UnreadableKeys(#[from] serde_json::Error);

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// Every key that can sign a token for us. Others are passed over: for encryption, of other kinds, or symmetric, which has no
/// place in a public set.
///
/// # Errors
/// When this is no key set at all.
pub fn read_jwks(body: &[u8]) -> Result<Vec<VerifyingKey>, UnreadableKeys> {
    let set: KeySet = serde_json::from_slice(body)?;
    Ok(set.keys.into_iter().filter_map(|key| read_key(&serde_json::from_value(key).ok()?)).collect())
}

fn read_key(jwk: &Jwk) -> Option<VerifyingKey> {
    if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return None;
    }
    let algorithm = algorithm(jwk)?;
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(VerifyingKey::public(jwk.common.key_id.clone(), algorithm, key))
}

/// The one algorithm of this key. It follows from the key, never from a token.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    jwk.common.key_algorithm.is_none_or(|declared| declared == name).then_some(algorithm)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 8037, appendix A.2.
    fn ed25519() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    #[test]
    fn only_public_signing_keys_of_known_kinds_are_taken() {
        let secret = json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"});
        let mut encrypting = ed25519();
        encrypting["use"] = json!("enc");
        let mut other = ed25519();
        other["alg"] = json!("RS256");
        let unheard_of = json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"});
        let body = json!({"keys": [secret, encrypting, other, unheard_of, 7, ed25519()]}).to_string();
        assert_eq!(read_jwks(body.as_bytes()).expect("a set").len(), 1);
        for wrong in ["", "[]", "{}", r#"{"keys": 1}"#] {
            assert!(read_jwks(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
